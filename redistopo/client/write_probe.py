"""The write probe: a key written like any client does, read back from every replica, removed."""

import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from redis import ConnectionPool, Redis, RedisCluster
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode
from redis.retry import Retry
from redis.sentinel import MasterNotFoundError

from redistopo.client.app_clients import CLIENT_ERRORS
from redistopo.client.bounded_connection import bounded_class
from redistopo.client.connection import (
    ANSWER_SECONDS,
    CONNECT_SECONDS,
    Command,
    Connections,
    Reply,
)
from redistopo.errors import AccessDenied, TimedOut, Unreachable
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.protocol.credentials import Login, single_credential
from redistopo.model.protocol.endpoint import Endpoint, format_address
from redistopo.model.protocol.slots import key_in
from redistopo.model.state.observed import NodeSeen, ShardSeen
from redistopo.model.state.write_probe_result import NO_SLOTS, WriteProbeResult

PREFIX = "redistopo:verify:"
EXPIRY_SECONDS = 60
WAIT_MILLISECONDS = 1000

_ERRORS = (*CLIENT_ERRORS, ValueError, LookupError, TypeError, AttributeError)
"""What the client may raise; the last four for replies that no Redis server sends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteProbe:
    """What to probe: every shard with a primary; a client connects to one of `entries`, or to
    the primary that the `sentinels` name, if there are any."""

    shards: tuple[ShardSeen, ...]
    clustered: bool
    entries: tuple[Endpoint, ...]
    sentinels: tuple[NodeSeen, ...] = ()


def probe_writes(probe: WriteProbe, client: Connections) -> tuple[WriteProbeResult, ...]:
    """Write, WAIT, read from each replica, remove; returns one result per shard, never raises.

    The client connects to one node (the one that Sentinels name, if there are any) and finds
    the others by what the servers announce, like an application's client: so the announced
    addresses are tested too. It logs in as an application, if that password is known. Keys
    have our prefix and a TTL, in case the probe is interrupted.
    """
    access = client.credentials.application or client.credentials.own
    found = _prove(probe, access, client)
    if client.credentials.acl and any("permission" in one.error for one in found):
        # the file may deny writes to applications; then the probe runs as our own user
        return _prove(probe, client.credentials.own, client)
    return found


def _prove(probe: WriteProbe, access: Login, client: Connections) -> tuple[WriteProbeResult, ...]:
    try:
        app = _client(_at_named_primary(probe, access, client), access)
    except _ERRORS as error:
        failure = f"redis-py can't connect: {error}"
        return tuple(_result(shard, error=failure) for shard in probe.shards)
    try:
        return tuple(_probe_shard(shard, app, client) for shard in probe.shards)
    finally:
        app.close()


def _at_named_primary(probe: WriteProbe, access: Login, client: Connections) -> WriteProbe:
    """Make the primary that Sentinels name to clients the only entry.

    With ACL the client logs in to them as an application, otherwise with their own password.
    """
    watches = [watch for node in probe.sentinels for watch in node.watches]
    if not watches:
        return probe
    endpoints = [node.endpoint for node in probe.sentinels]
    login = access if client.credentials.acl else client.credentials.login_to(endpoints[0])
    with Connections(single_credential(login)) as own:
        named = [_named_primary(one, watches[0].name, own) for one in endpoints]
    found = next((one for one in named if one is not None), None)
    if found is None:
        raise MasterNotFoundError(f"no Sentinel names a primary {watches[0].name!r}")
    return replace(probe, entries=(found,))


def _named_primary(sentinel: Endpoint, name: str, client: Connections) -> Endpoint | None:
    """The primary that a Sentinel gives to clients; None if it doesn't reply, or knows none."""
    with suppress(Unreachable, AccessDenied, ValueError):
        reply = client.execute(sentinel, [("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)])[0]
        if isinstance(reply, list) and len(reply) == 2:
            return Endpoint(str(reply[0]), int(reply[1]))
    return None


def _client(probe: WriteProbe, access: Login) -> Any:
    """An application's client, on connections with limits: see BoundedConnection."""
    host, port = probe.entries[0]
    options: dict[str, Any] = {
        "connection_class": bounded_class(access),
        "username": access.user or None,
        "password": access.password or None,
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": ANSWER_SECONDS,
        "retry": Retry(NoBackoff(), 0),
        "decode_responses": True,
        "protocol": 2,
        "driver_info": None,
    }
    if not probe.clustered:
        return Redis(connection_pool=ConnectionPool(host=host, port=port, **options))
    # only a client that is made from an address uses another class of connections
    return RedisCluster(
        url=f"redis://{format_address(host, port)}",
        startup_nodes=[ClusterNode(*endpoint) for endpoint in probe.entries],
        **options,
    )


def _probe_shard(shard: ShardSeen, app: Any, client: Connections) -> WriteProbeResult:
    clustered = isinstance(app, RedisCluster)
    if clustered and not shard.slots:
        return _result(shard, error=NO_SLOTS)
    name = f"{PREFIX}{secrets.token_hex(4)}"
    key = key_in(shard.slots, name) if clustered else name
    token = secrets.token_hex(16)
    began = time.monotonic()
    try:
        error = _write(shard, app, key, token) or _read(shard, client, key, token)
        app.delete(key)
    except _ERRORS as trouble:
        error = f"{type(trouble).__name__}: {trouble}"
    return _result(shard, key=key, milliseconds=(time.monotonic() - began) * 1000, error=error)


def _result(
    shard: ShardSeen, *, key: str = "", milliseconds: float = 0, error: str
) -> WriteProbeResult:
    return WriteProbeResult(
        shard=shard.number,
        key=key,
        primary=shard.primary.address if shard.primary else "",
        replicas=tuple(node.address for node in shard.replicas),
        milliseconds=milliseconds,
        error=error,
    )


def _write(shard: ShardSeen, app: Any, key: str, token: str) -> str:
    if not app.set(key, token, ex=EXPIRY_SECONDS):
        return "SET was not acknowledged"
    wanted = len(_direct(shard))
    if not wanted:
        return "" if app.get(key) == token else "reading the key returned another value"
    # WAIT refers to the last write of the connection: the client's only one to that node
    target = {"target_nodes": app.get_node_from_key(key)} if isinstance(app, RedisCluster) else {}
    reached = app.execute_command("WAIT", wanted, WAIT_MILLISECONDS, **target)
    count = next(iter(reached.values())) if isinstance(reached, dict) else int(reached)
    if count < wanted:
        return f"WAIT: {count} of {wanted} replicas had it after {WAIT_MILLISECONDS} ms"
    return ""


def _direct(shard: ShardSeen) -> list[NodeSeen]:
    """The replicas that WAIT counts: not those of a replica."""
    return [node for node in shard.replicas if shard.upstream(node) is shard.primary]


def _read(shard: ShardSeen, client: Connections, key: str, token: str) -> str:
    direct = _direct(shard)
    for node in shard.replicas:
        commands: list[Command] = [("READONLY",), ("GET", key)] if node.members else [("GET", key)]
        deadline = Deadline(0 if node in direct else WAIT_MILLISECONDS / 1000)
        value = _value(node, client, commands, token, deadline)
        if value != token:
            return f"replica {node.address} returned {value!r} for the key just written"
    return ""


def _value(
    node: NodeSeen, client: Connections, commands: list[Command], token: str, deadline: Deadline
) -> Reply:
    """The value that a replica returns, as soon as it is `token`; the last one otherwise."""
    last: list[Reply] = []

    def read() -> Reply:
        last[:] = [client.execute(node.endpoint, commands)[-1]]
        return token if last[0] == token else None

    with suppress(TimedOut):
        wait_for(read, deadline)
    return last[0]
