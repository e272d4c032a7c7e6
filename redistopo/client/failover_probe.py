"""Tries the commands of a Sentinel failover on a data node, without executing them."""

from redistopo.client.connection import no_reply
from redistopo.client.server_connection import Connection
from redistopo.model.protocol.credentials import Credentials
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.engine import Engine
from redistopo.model.protocol.resp import ErrorReply
from redistopo.model.protocol.sentinel_replies import FAILOVER_COMMANDS


def probe_failover(
    endpoint: Endpoint, credentials: Credentials, engine: Engine | None
) -> dict[str, str]:
    """Queue what a Sentinel sends (MULTI ... DISCARD) with a Sentinel's login; return the refused
    commands with the server's errors, or with `no_reply` if the server doesn't reply in time.

    A server checks that a command exists and is permitted when it is queued, so nothing has to
    be executed. Commands are only sent once the server confirms that it queues them. Without
    ACL, Sentinels log in as we do. `engine` is the node's, and presumably the Sentinels'.
    """
    # without ACL, `sentinel` is the login to Sentinels themselves
    login = (credentials.acl and credentials.sentinel) or credentials.own
    probe = Connection(endpoint, login)
    commands = FAILOVER_COMMANDS
    if engine and engine.needs_failover_right:
        commands += (("FAILOVER", "ABORT"),)

    def reply(*words: str) -> str:
        return str(probe.ask(*words)).partition(", with args")[0]

    try:
        probe.connect()
        replies = {"EXEC": reply("EXEC")}  # without MULTI, an error and nothing else
        replies["MULTI"] = reply("MULTI")
        if replies["MULTI"] == "OK":
            replies["PING"] = reply("PING")
        if replies.get("PING") == "QUEUED":
            replies |= {" ".join(words): reply(*words) for words in commands}
            reply("DISCARD")
    except ErrorReply as error:
        return {"AUTH": str(error)} if error.refuses_login else {"PING": no_reply(error)}
    except OSError as error:
        return {"PING": no_reply(error)}
    finally:
        probe.close()
    return {name: text for name, text in replies.items() if _refused(text)}


def _refused(text: str) -> bool:
    """Whether a command is unknown or not permitted; other errors depend on the moment."""
    return text.startswith("NOPERM") or "unknown command" in text.lower()
