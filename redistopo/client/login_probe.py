"""Test logins: without TLS, with a certificate of another CA, and as each ACL user."""

from redis import Connection
from redis.exceptions import (
    AskError,
    AuthenticationError,
    ClusterDownError,
    RedisError,
    ResponseError,
)

from redistopo.client.connection import new_connection, no_reply
from redistopo.client.tls import answer_in_plain, answer_to_stranger, presented
from redistopo.model.protocol.credentials import (
    AccessProbe,
    Credentials,
    Login,
    TlsFiles,
    TopologyUser,
)
from redistopo.model.protocol.endpoint import Endpoint

TRIALS: dict[TopologyUser, tuple[tuple[str, ...], ...]] = {
    TopologyUser.APPLICATION: (
        ("GET", "redistopo:verify:trial"),
        ("INFO", "server"),
        ("CONFIG", "GET", "maxmemory"),
        ("ACL", "LIST"),
    ),
    TopologyUser.REPLICATION: (
        ("PING",),
        ("REPLCONF", "capa", "eof"),
        ("GET", "redistopo:verify:trial"),
        ("CONFIG", "GET", "maxmemory"),
    ),
    TopologyUser.SENTINEL: (
        ("PING",),
        ("ROLE",),
        ("GET", "redistopo:verify:trial"),
        ("CONFIG", "GET", "maxmemory"),
    ),
    TopologyUser.ADMIN: (("ACL", "WHOAMI"), ("CONFIG", "GET", "maxmemory")),
}
"""The commands tested for each user; none of them changes anything."""


def probe_access(
    endpoint: Endpoint, credentials: Credentials, *, users: bool = True
) -> AccessProbe | None:
    """Test logins that should be refused or limited; None without TLS and ACL.

    With `users` false, as for a Sentinel, which has other users, ACL users aren't tested.
    """
    tls = credentials.own.tls
    if tls is None and not credentials.acl:
        return None
    return AccessProbe(
        plain=answer_in_plain(endpoint) if tls else None,
        stranger=answer_to_stranger(endpoint, TlsFiles(tls.ca, credentials.stranger))
        if tls and credentials.stranger
        else None,
        certificate=presented(endpoint, tls) if tls else None,
        users=_users(endpoint, credentials) if credentials.acl and users else None,
    )


def _users(endpoint: Endpoint, credentials: Credentials) -> dict[str, dict[str, str]]:
    known: dict[TopologyUser, Login | None] = {
        TopologyUser.APPLICATION: credentials.application,
        TopologyUser.REPLICATION: credentials.replication,
        TopologyUser.SENTINEL: credentials.sentinel,
        TopologyUser.ADMIN: credentials.own,
    }
    return {
        user.value: _trial(endpoint, access, TRIALS[user])
        for user, access in known.items()
        if access is not None
    }


def _trial(
    endpoint: Endpoint, access: Login, commands: tuple[tuple[str, ...], ...]
) -> dict[str, str]:
    """Command -> "ok" or the server's error; the same error for all if the login failed."""
    probe = new_connection(endpoint, access)
    found: dict[str, str] = {}
    try:
        probe.connect()
        for words in commands:
            probe.send_command(*words)
            found[" ".join(words[:2])] = _result(probe)
    except AuthenticationError as error:
        return {" ".join(words[:2]): str(error) for words in commands}
    except (RedisError, OSError) as error:
        return {" ".join(words[:2]): no_reply(error) for words in commands}
    finally:
        probe.disconnect()
    return found


def _result(probe: Connection) -> str:
    try:
        probe.read_response()
    except (AskError, ClusterDownError):
        return "ok"  # the key is on another node (MOVED is an AskError in redis-py): permitted
    except ResponseError as error:
        return str(error)
    return "ok"
