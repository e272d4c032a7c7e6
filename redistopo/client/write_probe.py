"""The write probe: a key written like any client does, read back from every replica, removed."""

import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import field

from redistopo.client.connection import Command, Connections, Reply
from redistopo.client.service_entry import execute_redirected, primary_by_sentinels, slot_owners
from redistopo.errors import RedistopoError, TimedOut
from redistopo.host.in_threads import in_threads
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.protocol.credentials import Login, single_credential
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.slots import key_in, slot_of
from redistopo.model.state.observed import NodeSeen
from redistopo.model.state.shards import ShardSeen
from redistopo.model.state.write_probe_result import NO_SLOTS, PREFIX, WriteProbeResult
from redistopo.quick_dataclass import dataclass

EXPIRY_SECONDS = 60
WAIT_MILLISECONDS = 1000
_ACK_SECONDS = 0.02
"""In this time replicas acknowledge a write, unless the primary sends them none yet."""
_MOST_THREADS = 16

Find = Callable[[str], Endpoint]
"""Returns the server that a client uses for a key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteProbe:
    """What to probe: every shard with a primary; a client connects to one of `entries`, or to
    the primary that the `sentinels` name, if there are any. `beside` maps an announced endpoint
    that is for clients elsewhere to that of its node."""

    shards: tuple[ShardSeen, ...]
    clustered: bool
    entries: tuple[Endpoint, ...]
    sentinels: tuple[NodeSeen, ...] = ()
    beside: Mapping[Endpoint, Endpoint] = field(default_factory=dict)


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
        find = _finder(probe, access, client)
    except RedistopoError as error:
        failure = f"a client can't connect: {_text(error)}"
        return tuple(_result(shard, error=failure) for shard in probe.shards)

    def prove(shard: ShardSeen) -> WriteProbeResult:
        # each shard has connections of its own, and WAIT refers to the last write of its connection
        with Connections(single_credential(access), seconds=client.seconds) as app:
            return _probe_shard(shard, find, app, client)

    return in_threads(prove, probe.shards, most=_MOST_THREADS)


def _finder(probe: WriteProbe, access: Login, client: Connections) -> Find:
    """Find the servers as a client does that knows the entries alone; raises RedistopoError."""
    watches = [watch for node in probe.sentinels for watch in node.watches]
    if watches:
        sentinels = [node.endpoint for node in probe.sentinels]
        # with ACL of ours a client logs in to Sentinels as an application
        login = client.credentials.sentinels.get(sentinels[0], access)
        with Connections(single_credential(login)) as app:
            primary = primary_by_sentinels(sentinels, watches[0].name, app)
        return lambda _key: primary
    if not probe.clustered:
        return lambda _key: probe.entries[0]
    with Connections(single_credential(access)) as app:
        owners = slot_owners(probe.entries, app)

    def owner(key: str) -> Endpoint:
        slot = slot_of(key)
        there = next(one.endpoint for one in owners if one.first <= slot <= one.last)
        return probe.beside.get(there, there)

    return owner


def _text(error: RedistopoError) -> str:
    return f"{error.message}: {error.detail}" if error.detail else error.message


def _probe_shard(
    shard: ShardSeen, find: Find, app: Connections, client: Connections
) -> WriteProbeResult:
    clustered = bool(shard.primary and shard.primary.members)
    if clustered and not shard.slots:
        return _result(shard, error=NO_SLOTS)
    name = f"{PREFIX}{secrets.token_hex(4)}"
    key = key_in(shard.slots, name) if clustered else name
    token = secrets.token_hex(16)
    began = time.monotonic()
    try:
        at, error = _write(shard, (find(key), key, token), app)
        error = error or _await_copies(shard, at, app, client)
        error = error or _read(shard, client, key, token)
        execute_redirected(at, ("DEL", key), app)
    except RedistopoError as trouble:
        error = _text(trouble)
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


def _write(
    shard: ShardSeen, order: tuple[Endpoint, str, str], app: Connections
) -> tuple[Endpoint, str]:
    """Write to the server that a client would use; return where it was written, and the error."""
    at, key, token = order
    at, reply = execute_redirected(at, ("SET", key, token, "EX", EXPIRY_SECONDS), app)
    if reply != "OK":
        return at, str(reply)
    if not _direct(shard):
        got = app.execute(at, [("GET", key)])[0]
        return at, "" if got == token else f"reading the key returned {got!r}"
    return at, ""


def _await_copies(shard: ShardSeen, at: Endpoint, app: Connections, client: Connections) -> str:
    """Wait until the replicas have what was written there; return the error."""
    direct = _direct(shard)
    if not direct:
        return ""
    patience = max(WAIT_MILLISECONDS, round(500 * app.seconds))  # less than the reply may take
    app.post(at, [("WAIT", len(direct), patience)])
    if not app.has_reply(at, _ACK_SECONDS):
        _request_acks([node.endpoint for node in direct], client)
    count = app.collect(at, 1)[0]
    if not isinstance(count, int):
        return f"WAIT: {count}"
    if count < len(direct):
        return f"WAIT: {count} of {len(direct)} replicas had it after {patience} ms"
    return ""


def _request_acks(replicas: Iterable[Endpoint], client: Connections) -> None:
    """Make replicas acknowledge at once what they have.

    After a diskless full sync, the primary streams writes to a replica from its next
    acknowledgement on. If the first one came before the primary noticed that the child process
    ended, the next one follows a second later (replication.c, repl_start_cmd_stream_on_ack,
    replicationCron). REPLCONF GETACK has no reply, unless it is refused.
    """
    for replica in replicas:
        with suppress(RedistopoError):  # WAIT tells what is missing
            client.post(replica, [("REPLCONF", "GETACK", "*"), ("PING",)])
            if client.collect(replica, 1) != ["PONG"]:
                client.close(replica)  # or the next command would get the reply to PING


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
