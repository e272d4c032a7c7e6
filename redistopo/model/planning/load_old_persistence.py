"""The steps that load a stopped node's data after its persistence settings changed; pure."""

from collections.abc import Iterable

from redistopo.errors import UsageError
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.proposal import Proposal
from redistopo.model.planning.shard_copies import loads_snapshot, shard_members
from redistopo.model.planning.situation import Situation
from redistopo.model.planning.step import NodeSettings, Step, StepKind
from redistopo.model.protocol.conf import Directives, read_conf
from redistopo.model.protocol.data_files import Switch, data_file_name, renamed, switch
from redistopo.model.state.disk import DiskSeen
from redistopo.model.state.observed import NodeSeen


def refuse_renamed(it: Proposal) -> None:
    """Raise UsageError if a node would not find its data at startup under a changed name."""
    now, starting = it.now, {*it.nodes(StepKind.START)} & it.now.wanted.keys()
    for node in (one for one in now.seen.nodes if one.name in starting):
        disk, wanted = node.on_disk, now.wanted[node.name]
        before = _before(disk)
        for directive, (was, asked) in renamed(before, wanted).items() if before else ():
            found, there = disk.holds(was), disk.holds(asked)
            if directive == "appendfilename":
                found, there = bool(disk.written(before or {}).log), bool(disk.written(wanted).log)
            if found and not there:
                raise UsageError(
                    f"{directive} is {asked} in the topology file, but the data of "
                    f"{node.name} is in {was}",
                    detail=f"{it.plan.node(node.name).folder.root}: a server that starts with the "
                    "new name starts empty",
                    hint=f'set it back: {directive} = "{was}"',
                )


def persistence_switches(
    plan: Plan, now: Situation, names: Iterable[str]
) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """Return the steps before and after the start of these nodes that load each one's data from
    the old file and then switch to the new persistence."""
    chosen = set(names)
    primaries = {shard.primary.name for shard in shard_members(plan, now.seen)}
    found: dict[Switch, list[NodeSeen]] = {Switch.TO_LOG: [], Switch.TO_SNAPSHOT: []}
    for node in (one for one in now.seen.nodes if one.name in chosen & now.wanted.keys()):
        disk, wanted = node.on_disk, now.wanted[node.name]
        which = switch(_before(disk), wanted, disk.written(wanted))
        if which is Switch.NONE and node.name in primaries and loads_snapshot(node, now):
            which = Switch.TO_LOG
        if which is not Switch.NONE:
            found[which].append(node)
    first, last = [], []
    for which, nodes in ((one, some) for one, some in found.items() if some):
        value = "yes" if which is Switch.TO_LOG else "no"
        cause = f"appendonly is {value} in the topology file, and its data is in "
        cause += "its snapshot" if which is Switch.TO_LOG else "its append-only file"
        names_ = tuple(node.name for node in nodes)
        other = {"appendonly": "no" if value == "yes" else "yes"}
        load = dict.fromkeys(names_, other)
        keep = {name: {"appendonly": value} for name in names_}
        first.append(Step(do=StepKind.LOAD, nodes=names_, cause=cause, settings=load))
        last.append(Step(do=StepKind.SWITCH, nodes=names_, cause=cause, settings=keep))
        old = {node.name: _log_names(node.on_disk, now.wanted[node.name]) for node in nodes}
        if which is Switch.TO_LOG and (
            older := {name: found for name, found in old.items() if found}
        ):
            why = "its snapshot is newer"
            first.append(Step(do=StepKind.ASIDE, nodes=tuple(older), cause=why, settings=older))
    return tuple(first), tuple(last)


def _before(disk: DiskSeen) -> Directives | None:
    """The configuration of the node's last start; None if unknown."""
    return read_conf(disk.started) if disk.started else None


def _log_names(disk: DiskSeen, conf: Directives) -> NodeSettings:
    """The directives that name an existing append-only file, and those names."""
    names = {one: data_file_name(conf, one) for one in ("appenddirname", "appendfilename")}
    return {directive: name for directive, name in names.items() if disk.holds(name)}
