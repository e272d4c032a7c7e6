"""What an upgrade to another engine does, or why it can't be done; pure.

Each node is stopped and started with the new engine, replicas before their primary. A node whose
own files the engine can't read starts without them, and copies its primary: so a topology can go
back to an older engine as long as a node of each shard still runs one that the older one can
follow.
"""

from collections.abc import Iterable, Iterator
from dataclasses import field, replace

from redistopo.errors import RedistopoError, UsageError
from redistopo.model.planning.rolling import RollingOrder, Turn, turns
from redistopo.model.protocol.engine import Engine, parse_request, parse_title
from redistopo.model.state.disk import DiskSeen
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.model.state.shards import ShardSeen, shards_of
from redistopo.model.topology.compatibility import follows, reads, shares_bus
from redistopo.model.topology.engine_faults import EngineFault, faults_of
from redistopo.model.topology.spec import Shape
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradePlan:
    """The nodes that don't run the engine yet, and the turns in order; empty if all do.

    `emptied` are the nodes that start without their files, and copy their primary. `back` says up
    to when a way back to the present engine exists; `faults` are known faults of the new engine.
    """

    engine: Engine
    running: dict[str, tuple[str, ...]]
    nodes: tuple[str, ...] = ()
    turns: tuple[Turn, ...] = ()
    emptied: frozenset[str] = frozenset()
    back: str = ""
    faults: tuple[EngineFault, ...] = field(default=())


def plan_upgrade(seen: Observed, engine: Engine) -> UpgradePlan:
    """Plan the upgrade of running nodes; raises RedistopoError if a node's data would be lost to
    the engine, or nothing runs."""
    if not seen.answering:
        raise UsageError(
            "no node runs, so there is nothing to upgrade",
            hint="redistopo up starts it with the engine that the topology file asks for",
        )
    nodes = tuple(node.name for node in seen.answering if node.engine != engine.title)
    heirs: dict[str, str] = {}
    for shard in shards_of(seen):
        if any(node.name in nodes for node in shard.nodes):
            heirs |= _heir(shard, engine)
    refuse_other_bus(seen, engine)
    order = RollingOrder(sentinels_last=True, heirs=heirs)
    return UpgradePlan(
        engine=engine,
        running=running_engines(seen),
        nodes=nodes,
        turns=turns(seen, nodes, order),
        emptied=frozenset(_emptied(seen, engine, nodes)),
        back=_back(seen, engine, nodes),
        faults=faults_of(engine, seen.shape),
    )


def refuse_other_bus(seen: Observed, engine: Engine) -> None:
    """Raise RedistopoError if nodes of the engine can't be in one cluster with those that run."""
    others = [one for title in seen.engines if (one := parse_title(title))]
    apart = [one.title for one in others if not shares_bus(engine, one)]
    if seen.shape is Shape.CLUSTER and apart:
        readable = all(reads(engine, one.name) for one in others)
        at_once = f'redistopo down, then redistopo up --engine "{engine.name}"'
        raise RedistopoError(
            f"{engine.title} can't be in one cluster with {' and '.join(apart)}: nodes of both "
            "would lose each other's addresses",
            detail="both use the same number for different extensions of the cluster bus; nothing "
            "was changed",
            hint=f"all at once: {at_once}" if readable else "use another one: redistopo engines",
        )


def running_engines(seen: Observed) -> dict[str, tuple[str, ...]]:
    """Map the engines that run, as ``Redis 7.0.15``, to their nodes."""
    found: dict[str, tuple[str, ...]] = {}
    for node in seen.answering:
        if node.engine:
            found[node.engine] = (*found.get(node.engine, ()), node.name)
    return found


def newest_running(seen: Observed) -> str:
    """Return the engine that reads the data of all others, as ``redis 8.2.3``; "" for none."""
    engines = [one for title in seen.engines if (one := parse_title(title))]
    able = [one for one in engines if all(reads(one, other.name) for other in engines)]
    best = max(able, key=lambda one: one.version, default=None)
    return best.name if best else ""


def upgrade_command(seen: Observed, asked: str) -> str:
    """Return the command after which all nodes run the engine that the topology file asks for; the
    one that sets the file back, if that engine can't read the data."""
    request, newest = parse_request(asked), newest_running(seen)
    known = request and request.product and request.numbers
    running = [one for title in seen.engines if (one := parse_title(title))]
    if request and known and newest and not any(follows(request.assumed, one) for one in running):
        return f'redistopo upgrade --engine "{newest}"'
    return "redistopo upgrade"


def unlinked(seen: Observed, names: Iterable[str]) -> tuple[str, ...]:
    """Return which of these nodes are replicas with a link that is down, because they can't load
    what their primary, a newer engine, sends: the upgrade of these nodes is the cure."""
    wanted, found = set(names), []
    for shard in shards_of(seen):
        source = parse_title(shard.primary.engine) if shard.primary else None
        for node in shard.replicas:
            mine = parse_title(node.engine)
            if node.name in wanted and mine and source and not node.link_up:
                found += [] if follows(mine, source) else [node.name]
    return tuple(found)


def without_files(seen: Observed, names: Iterable[str]) -> Observed:
    """Return the snapshot as it is once the data files of these nodes are put aside."""
    gone = set(names)
    nodes = (
        replace(node, disk=_only_table(node.on_disk)) if node.name in gone else node
        for node in seen.nodes
    )
    return replace(seen, nodes=tuple(nodes))


def _only_table(disk: DiskSeen) -> DiskSeen:
    return replace(disk, files={}, manifests={}, stopped=None)


def _heir(shard: ShardSeen, engine: Engine) -> dict[str, str]:
    """The replica to promote first, if the new engine can't follow the primary; raises
    RedistopoError if it can't follow any node of the shard."""
    primary = shard.primary
    if primary is None or (_source(primary, engine) and _starts(shard, engine)):
        return {}
    able = [node for node in shard.replicas if node.link_up and _source(node, engine)]
    if not able:
        titles = dict.fromkeys(node.engine for node in shard.nodes)
        raise RedistopoError(
            f"{engine.title} can't read the data of shard {shard.number}",
            detail="\n".join(
                (
                    f"its nodes run {' and '.join(titles)}: "
                    f"{', '.join(node.name for node in shard.nodes)}",
                    "no node would have data that it can load; nothing was changed",
                )
            ),
            hint="use an engine that reads it: redistopo engines; or start the data of an earlier "
            "snapshot: redistopo snapshots, then redistopo restore NAME --into DIR",
        )
    return {primary.name: able[0].name}


def _source(node: NodeSeen, engine: Engine) -> bool:
    """Whether a replica on the new engine can copy this node."""
    runs = parse_title(node.engine)
    return runs is None or follows(engine, runs)


def _starts(shard: ShardSeen, engine: Engine) -> bool:
    """Whether a primary that no replica stands in for can start on its own files."""
    return bool(shard.replicas) or shard.primary is None or _reads(shard.primary, engine)


def _reads(node: NodeSeen, engine: Engine) -> bool:
    runs = parse_title(node.engine)
    return runs is None or reads(engine, runs.name)


def _emptied(seen: Observed, engine: Engine, names: Iterable[str]) -> Iterator[str]:
    wanted = set(names)
    for node in seen.answering:
        if node.name in wanted and node.role is not Role.SENTINEL and not _reads(node, engine):
            yield node.name


def _back(seen: Observed, engine: Engine, names: tuple[str, ...]) -> str:
    """How far back is possible, in words."""
    old = [one for title in running_engines(seen) if (one := parse_title(title))]
    before = [one for one in old if one.title != engine.title]
    if not names or not before:
        return ""
    if all(reads(one, engine.name) for one in before):
        return f"{_titles(before)} reads what {engine.title} writes: the way back stays open"
    if all(follows(one, engine) for one in before):
        return (
            f"{_titles(before)} can't read the files of {engine.title}, but can replicate from it: "
            "the way back stays open while it runs, for nodes with a replica"
        )
    return (
        f"{_titles(before)} can't read what {engine.title} writes: the way back is open until the "
        "last node of a shard is upgraded, then only by a snapshot"
    )


def _titles(engines: list[Engine]) -> str:
    return " and ".join(one.title for one in engines)
