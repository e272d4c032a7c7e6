"""The write probe: a key written like any client does, read back from every replica, removed."""

import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from redis import Redis, RedisCluster
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode
from redis.exceptions import RedisClusterException, RedisError
from redis.retry import Retry
from redis.sentinel import Sentinel

from redistopo.client.connection import ANSWER_SECONDS, CONNECT_SECONDS, Connections
from redistopo.model.protocol.credentials import Login
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.slots import key_in
from redistopo.model.state.observed import NodeSeen, ShardSeen, WriteProbeResult

_TROUBLE = (RedisError, RedisClusterException, OSError)
"""redis-py's cluster errors aren't RedisErrors."""

PREFIX = "redistopo:verify:"
EXPIRY_SECONDS = 60
WAIT_MILLISECONDS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteProbe:
    """What to probe: every shard with a primary; a client connects to one of `entries`, or to
    the primary that the `sentinels` name, if there are any."""

    shards: tuple[ShardSeen, ...]
    clustered: bool
    entries: tuple[NodeSeen, ...]
    sentinels: tuple[NodeSeen, ...] = ()


def probe_writes(proof: WriteProbe, client: Connections) -> tuple[WriteProbeResult, ...]:
    """Write, WAIT, read from each replica, remove; returns one result per shard, never raises.

    The client connects to one node (the one that Sentinels name, if there are any) and finds
    the others by what the servers announce, like an application's client: so the announced
    addresses are tested too. It logs in as an application, if that password is known. Keys
    have our prefix and a TTL, in case the probe is interrupted.
    """
    access = client.credentials.application or client.credentials.own
    found = _prove(proof, access, client)
    if client.credentials.acl and any("permission" in one.error for one in found):
        # the file may deny writes to applications; then the probe runs as our own user
        return _prove(proof, client.credentials.own, client)
    return found


def _prove(proof: WriteProbe, access: Login, client: Connections) -> tuple[WriteProbeResult, ...]:
    options: dict[str, Any] = {
        "username": access.user or None,
        "password": access.password or None,
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": ANSWER_SECONDS,
        "retry": Retry(NoBackoff(), 0),
        "decode_responses": True,
        "protocol": 2,
        "driver_info": None,
    }
    if access.tls:
        options |= {"ssl": True, "ssl_ca_certs": access.tls.ca}
        pem = access.tls.pem or None
        options |= {"ssl_certfile": pem, "ssl_keyfile": pem}
    try:
        app = _client(_led(proof, options, client), options)
    except _TROUBLE as error:
        return tuple(
            _failed(shard, "", f"redis-py can't connect: {error}") for shard in proof.shards
        )
    try:
        return tuple(_prove_shard(shard, app, client) for shard in proof.shards)
    finally:
        app.close()


def _led(proof: WriteProbe, options: dict[str, Any], client: Connections) -> WriteProbe:
    """Make the primary that Sentinels name to clients the only entry.

    With ACL the client logs in to them as an application, otherwise with their own password.
    """
    watches = [watch for node in proof.sentinels for watch in node.watches]
    if not watches:
        return proof
    places = [node.endpoint for node in proof.sentinels]
    kwargs = dict(options)
    if not client.credentials.acl:
        kwargs["password"] = client.credentials.login_to(places[0]).password or None
    found = Sentinel(places, sentinel_kwargs=kwargs)
    try:
        host, port = found.discover_master(watches[0].name)
    finally:
        for one in found.sentinels:
            one.close()
    entry = replace(proof.entries[0], endpoint=Endpoint(host, int(port)))
    return replace(proof, entries=(entry,))


def _client(proof: WriteProbe, options: dict[str, Any]) -> Any:
    if proof.clustered:
        nodes = [ClusterNode(*node.endpoint) for node in proof.entries]
        return RedisCluster(startup_nodes=nodes, **options)
    return Redis(host=proof.entries[0].host, port=proof.entries[0].port, **options)


def _prove_shard(shard: ShardSeen, app: Any, client: Connections) -> WriteProbeResult:
    clustered = isinstance(app, RedisCluster)
    if clustered and not shard.slots:
        return _failed(shard, "", "it owns no slots")
    name = f"{PREFIX}{secrets.token_hex(4)}"
    key = key_in(shard.slots, name) if clustered else name
    token = secrets.token_hex(16)
    began = time.monotonic()
    try:
        error = _write(shard, app, key, token) or _read(shard.replicas, client, key, token)
        app.delete(key)
    except _TROUBLE as trouble:
        error = f"{type(trouble).__name__}: {trouble}"
    return WriteProbeResult(
        shard=shard.number,
        key=key,
        primary=shard.primary.address if shard.primary else "",
        replicas=tuple(node.address for node in shard.replicas),
        milliseconds=(time.monotonic() - began) * 1000,
        error=error,
    )


def _write(shard: ShardSeen, app: Any, key: str, token: str) -> str:
    if not app.set(key, token, ex=EXPIRY_SECONDS):
        return "SET was not acknowledged"
    wanted = len(shard.replicas)
    if not wanted:
        return "" if app.get(key) == token else "reading the key returned another value"
    # WAIT refers to the last write of the connection: the client's only one to that node
    target = {"target_nodes": app.get_node_from_key(key)} if isinstance(app, RedisCluster) else {}
    reached = app.execute_command("WAIT", wanted, WAIT_MILLISECONDS, **target)
    count = next(iter(reached.values())) if isinstance(reached, dict) else int(reached)
    if count < wanted:
        return f"WAIT: {count} of {wanted} replicas had it after {WAIT_MILLISECONDS} ms"
    return ""


def _read(replicas: Iterable[NodeSeen], client: Connections, key: str, token: str) -> str:
    for node in replicas:
        commands = [("READONLY",), ("GET", key)] if node.members else [("GET", key)]
        value = client.execute(node.endpoint, commands)[-1]
        if value != token:
            return f"replica {node.address} returned {value!r} for the key just written"
    return ""


def _failed(shard: ShardSeen, key: str, error: str) -> WriteProbeResult:
    return WriteProbeResult(
        shard=shard.number,
        key=key,
        primary=shard.primary.address if shard.primary else "",
        replicas=tuple(node.address for node in shard.replicas),
        milliseconds=0,
        error=error,
    )
