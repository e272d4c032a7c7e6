"""Test logins: without TLS, with a certificate of another CA, and as each ACL user."""

from redistopo.client.connection import Reply, no_reply
from redistopo.client.server_connection import Connection
from redistopo.client.tls import answer_in_plain, answer_to_stranger, presented
from redistopo.model.protocol.credentials import (
    AccessProbe,
    Credentials,
    Login,
    TlsFiles,
    TopologyUser,
)
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.resp import ErrorReply

_ELSEWHERE = frozenset({"MOVED", "ASK", "CLUSTERDOWN", "MASTERDOWN"})

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
    tried = _users(endpoint, credentials) if credentials.acl and users else None
    if tls is None:
        return AccessProbe(users=tried)
    stranger = credentials.stranger and TlsFiles(tls.ca, credentials.stranger)
    return AccessProbe(
        plain=answer_in_plain(endpoint),
        stranger=answer_to_stranger(endpoint, stranger) if stranger else None,
        certificate=presented(endpoint, tls),
        users=tried,
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
    probe = Connection(endpoint, access)
    found: dict[str, str] = {}
    try:
        probe.connect()
        for words in commands:
            found[" ".join(words[:2])] = _result(probe.ask(*words))
    except ErrorReply as error:
        told = str(error) if error.refuses_login else no_reply(error)
        return {" ".join(words[:2]): told for words in commands}
    except OSError as error:
        return {" ".join(words[:2]): no_reply(error) for words in commands}
    finally:
        probe.close()
    return found


def _result(reply: Reply) -> str:
    # a key on another node: permitted
    refused = isinstance(reply, ErrorReply) and reply.code not in _ELSEWHERE
    return str(reply) if refused else "ok"
