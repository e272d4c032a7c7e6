"""`status`: what each node of the folder's topology is doing now."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from redistopo.errors import ExitCode
from redistopo.model.access import Certificate, Keys
from redistopo.model.observed import NodeSeen, Observed, Role, ShardSeen, shards_of
from redistopo.model.slots import SlotRange
from redistopo.model.topology import Shape
from redistopo.ops.history import remember_primary
from redistopo.ops.project import load
from redistopo.ops.running import configs, running_keys, running_targets
from redistopo.world.client import Asker
from redistopo.world.observe import Depth, look
from redistopo.world.tls import presented


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """One line of `status`; numbers are None where the node doesn't answer. A Sentinel names
    the address of the primary that it `watches`, in which `epoch`."""

    name: str
    shard: int | None
    role: Role | None
    host: str
    port: int
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


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusResult:
    """Every node of the folder's topology, shard by shard, then those in no shard.

    `certificate` is the one that expires first, of those that the servers present.
    """

    name: str
    shape: Shape
    root: Path
    engine: str
    nodes: tuple[NodeStatus, ...]
    certificate: Certificate | None = None
    code: ExitCode = field(default=ExitCode.DONE)


def status(root: Path) -> StatusResult:
    """What each node is doing now; a topology that isn't running is no error."""
    project = load(root)
    rendered = configs(project.layout)
    targets = running_targets(project.layout, rendered)
    keys = running_keys(project.layout, rendered)
    with Asker(keys) as asker:
        seen = look(project.topology.shape, targets, asker, Depth.HEALTH)
    remember_primary(project.layout, seen)
    return StatusResult(
        name=project.topology.name,
        shape=project.topology.shape,
        root=project.layout.root,
        engine=seen.engine,
        nodes=lines(seen),
        certificate=_first_to_expire(seen, keys),
    )


def lines(seen: Observed) -> tuple[NodeStatus, ...]:
    """Every node, shard by shard, then those in no shard."""
    found = [_line(node, shard) for shard in shards_of(seen) for node in shard.nodes]
    known = {line.name for line in found}
    return (*found, *(_line(node, None) for node in seen.nodes if node.name not in known))


def _first_to_expire(seen: Observed, keys: Keys) -> Certificate | None:
    tls = keys.own.tls
    if tls is None or not seen.answering:
        return None
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda node: presented(node.host, node.port, tls), seen.answering))
    return min((one for one in found if one), key=lambda one: one.left, default=None)


def _line(node: NodeSeen, shard: ShardSeen | None) -> NodeStatus:
    base = NodeStatus(
        name=node.name,
        shard=shard.number if shard else None,
        role=node.role,
        host=node.host,
        port=node.port,
        pid=node.pid,
        state=_state(node),
    )
    if not node.answers:
        return base
    behind = None
    if shard and shard.primary and node.role is Role.REPLICA:
        behind = max(0, shard.primary.offset - node.offset)
    me = node.myself
    watch = next(iter(node.watches), None)
    return NodeStatus(
        watches=watch.address if watch else "",
        epoch=watch.epoch if watch else None,
        name=base.name,
        shard=base.shard,
        role=base.role,
        host=base.host,
        port=base.port,
        pid=base.pid,
        state=base.state,
        slots=me.slots if me else (),
        memory=_number(node, "used_memory"),
        clients=_number(node, "connected_clients"),
        operations=_number(node, "instantaneous_ops_per_sec"),
        behind=behind,
        uptime=_number(node, "uptime_in_seconds"),
    )


def _state(node: NodeSeen) -> str:
    if not node.running:
        return "stopped"
    if node.paused:
        return "paused"
    return _told(node) if node.answers else "silent"


def _told(node: NodeSeen) -> str:
    """How it is, by its own word."""
    if node.info.get("loading", "0") != "0":
        return "loading"
    if node.watches and node.watches[0].down:
        return "primary down"
    if node.tilted:
        return "tilt"
    if node.watches and not node.watches[0].enough:
        return "no quorum"
    if node.role is Role.REPLICA and not node.link_up:
        return "link down"
    if node.cluster and node.cluster.get("cluster_state") != "ok":
        return "cluster fail"
    return "ok"


def _number(node: NodeSeen, name: str) -> int | None:
    told = node.info.get(name, "" if node.role is Role.SENTINEL else "0")
    return int(told) if told else None
