"""The rows of `status`, one for each node; pure."""

from dataclasses import replace

from redistopo.model.protocol.endpoint import Addressed
from redistopo.model.protocol.slots import SlotRange
from redistopo.model.state.observed import NodeSeen, Observed, ProcessState, Role
from redistopo.model.state.shards import ShardSeen, shards_of
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus(Addressed):
    """One row of `status`; numbers are None if the node doesn't reply. For a Sentinel,
    `watches` is the address of the primary that it monitors, in which `epoch`; the addresses, if
    there are several. `engine` is the server, as it reports itself."""

    name: str
    shard: int | None
    role: Role | None
    pid: int
    state: str
    slots: tuple[SlotRange, ...] = ()
    watches: str = ""
    epoch: int | None = None
    memory: int | None = None
    clients: int | None = None
    operations: int | None = None
    behind: int | None = None
    uptime: int | None = None
    engine: str = ""


def status_rows(seen: Observed) -> tuple[NodeStatus, ...]:
    """List every node, shard by shard, then those in no shard."""
    found = [_line(node, shard) for shard in shards_of(seen) for node in shard.nodes]
    known = {line.name for line in found}
    return (*found, *(_line(node, None) for node in seen.nodes if node.name not in known))


def _line(node: NodeSeen, shard: ShardSeen | None) -> NodeStatus:
    base = NodeStatus(
        name=node.name,
        shard=shard.number if shard else None,
        role=node.role,
        endpoint=node.endpoint,
        pid=node.pid,
        state=_state(node),
    )
    if not node.answers:
        return base
    behind = None
    if shard and shard.primary and node.role is Role.REPLICA:
        behind = max(0, shard.primary.offset - node.offset)
    me = node.myself
    watch = node.watches[0] if len(node.watches) == 1 else None
    return replace(
        base,
        engine=node.engine,
        watches=", ".join(one.address for one in node.watches),
        epoch=watch.epoch if watch else None,
        slots=me.slots if me else (),
        memory=_number(node, "used_memory"),
        clients=_number(node, "connected_clients"),
        operations=_number(node, "instantaneous_ops_per_sec"),
        behind=behind,
        uptime=_number(node, "uptime_in_seconds"),
    )


def _state(node: NodeSeen) -> str:
    if node.process is ProcessState.ABSENT:
        return "stopped"
    if node.paused:
        return "paused"
    return _reported(node) if node.answers else "silent"


def _reported(node: NodeSeen) -> str:
    """Its state according to its own replies."""
    if node.info.get("loading", "0") != "0":
        return "loading"
    if any(watch.down for watch in node.watches):
        return "primary down"
    if node.tilted:
        return "tilt"
    if not all(watch.enough for watch in node.watches):
        return "no quorum"
    if node.role is Role.REPLICA and not node.link_up:
        return "link down"
    if node.cluster and node.cluster.get("cluster_state") != "ok":
        return "cluster fail"
    return "ok"


def _number(node: NodeSeen, name: str) -> int | None:
    value = node.info.get(name, "" if node.role is Role.SENTINEL else "0")
    return int(value) if value else None
