"""The write probe: a key written like any client does, read back from every replica, removed."""

import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from redis import Redis, RedisCluster
from redis.cluster import ClusterNode
from redis.sentinel import Sentinel

from redistopo.client.app_clients import CLIENT_ERRORS, options_of
from redistopo.client.connection import (
    ANSWER_SECONDS,
    CONNECT_SECONDS,
    Command,
    Connections,
    Reply,
)
from redistopo.errors import TimedOut
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.protocol.credentials import Login
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.slots import key_in
from redistopo.model.state.observed import NodeSeen, ShardSeen
from redistopo.model.state.write_probe_result import NO_SLOTS, WriteProbeResult

PREFIX = "redistopo:verify:"
EXPIRY_SECONDS = 60
WAIT_MILLISECONDS = 1000


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
    except CLIENT_ERRORS as error:
        failure = f"redis-py can't connect: {error}"
        return tuple(_result(shard, error=failure) for shard in probe.shards)
    try:
        return tuple(_probe_shard(shard, app, client) for shard in probe.shards)
    finally:
        app.close()


def _options(access: Login) -> dict[str, Any]:
    timeouts = {"socket_connect_timeout": CONNECT_SECONDS, "socket_timeout": ANSWER_SECONDS}
    return options_of(lambda: access) | timeouts


def _at_named_primary(probe: WriteProbe, access: Login, client: Connections) -> WriteProbe:
    """Make the primary that Sentinels name to clients the only entry.

    With ACL the client logs in to them as an application, otherwise with their own password.
    """
    watches = [watch for node in probe.sentinels for watch in node.watches]
    if not watches:
        return probe
    endpoints = [node.endpoint for node in probe.sentinels]
    login = access if client.credentials.acl else client.credentials.login_to(endpoints[0])
    found = Sentinel(endpoints, sentinel_kwargs=_options(login))
    try:
        host, port = found.discover_master(watches[0].name)
    finally:
        for one in found.sentinels:
            one.close()
    return replace(probe, entries=(Endpoint(host, int(port)),))


def _client(probe: WriteProbe, access: Login) -> Any:
    if probe.clustered:
        nodes = [ClusterNode(*endpoint) for endpoint in probe.entries]
        return RedisCluster(startup_nodes=nodes, **_options(access))
    host, port = probe.entries[0]
    return Redis(host=host, port=port, **_options(access))


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
    except CLIENT_ERRORS as trouble:
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
