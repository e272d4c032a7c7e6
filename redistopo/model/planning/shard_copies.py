"""Compares the copies of each shard's data before a primary is started; pure.

A node started as a replica replaces its data by its primary's (replication.c), so a primary with
less than another node of its shard would overwrite the better copy.
"""

import shlex
from collections.abc import Iterable, Iterator

from redistopo.errors import UsageError
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.proposal import Proposal
from redistopo.model.planning.situation import Situation
from redistopo.model.protocol.conf import Directives, read_conf
from redistopo.model.protocol.data_files import NAMES, data_file_name, logs
from redistopo.model.protocol.nodes_conf import latest_nodes_conf, parse_nodes_conf
from redistopo.model.protocol.rdb import RdbFacts
from redistopo.model.remedies.of_machine import move_aside
from redistopo.model.remedies.of_topology import ask_primary, rebuild_node, use_primary
from redistopo.model.remedies.remedy import joined
from redistopo.model.state.data_copy import DataCopy, data_copy
from redistopo.model.state.disk import LOG, FileSeen
from redistopo.model.state.hints import takeover_command
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.model.topology.spec import Persistence
from redistopo.quick_dataclass import dataclass

LOSES = "a node started as a replica loses the data that its primary lacks; nothing was started. "
"""The detail of each refusal to start a primary with less."""


_UNSAVED = "ended before it had saved all of its data"

_DELAY = 2.0
"""Seconds for which a server may hold back a write to its log (aof.c, flushAppendOnlyFile)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardMembers:
    """The nodes with the data of one shard: the one that is, or will start as, primary, and the
    others."""

    primary: NodeSeen
    others: tuple[NodeSeen, ...]


def shard_members(plan: Plan, seen: Observed) -> Iterator[ShardMembers]:
    """Yield each shard's nodes: of a cluster by its latest nodes.conf, otherwise by the plan."""
    if not plan.topology.clustered:
        names = {node.name for node in plan.data}
        some = [node for node in seen.nodes if node.name in names]
        lead = next((node for node in some if node.name == plan.shards[0].primary), None)
        if lead:
            yield ShardMembers(primary=lead, others=tuple(one for one in some if one != lead))
        return
    table = latest_nodes_conf(parse_nodes_conf(text, at) for at, text in seen.nodes_confs.items())
    for entry in table.entries if table else ():
        lead = seen.at(entry.address)
        if table and lead and entry.is_primary and entry.slots:
            kin = (seen.at(address) for address in table.shard_peers(entry.address))
            yield ShardMembers(primary=lead, others=tuple(one for one in kin if one))


def copy_on_disk(node: NodeSeen, now: Situation) -> DataCopy:
    """Return what a start of the node would load, by the configuration that its data has."""
    return data_copy(node.on_disk, data_conf(node, now))


def data_conf(node: NodeSeen, now: Situation) -> Directives:
    """Return the configuration that the node last ran on, or the planned one if unknown."""
    started = node.on_disk.started
    return read_conf(started) if started else now.wanted.get(node.name, {})


def has_sound_copy(node: NodeSeen, now: Situation) -> bool:
    """Return whether the node has keys: live if it replies, otherwise in whole files."""
    if node.answers:
        return node.keys > 0
    copy = copy_on_disk(node, now)
    return copy.sound and not copy.unsaved


def loads_snapshot(node: NodeSeen, now: Situation) -> bool:
    """Return whether nothing is left of the node's log, but a snapshot has keys, from a backup for
    example: a start loads that, and then creates the log."""
    return _lone_snapshot(node, now) is not None


def _lone_snapshot(node: NodeSeen, now: Situation) -> FileSeen | None:
    wanted = now.wanted.get(node.name, {})
    found = node.on_disk.files.get(data_file_name(wanted, "dbfilename"))
    if not logs(wanted) or copy_on_disk(node, now).file or found is None:
        return None
    return None if found.torn or found.foreign or found.empty else found


def _restored(node: NodeSeen, mine: DataCopy, now: Situation) -> bool:
    """Whether a snapshot is to be loaded in place of a lost log: it was saved since the last start,
    or put there from a backup. One that was left there before the last start lacks what was written
    since."""
    found, disk = _lone_snapshot(node, now), node.on_disk
    if found is None or not mine.lost or disk.stopped is not None:
        return found is not None
    log = disk.files.get(LOG)
    return disk.logged.snapshot or bool(log and not log.copied and found.changed > log.written)


def _saved_later(node: NodeSeen, other: NodeSeen, now: Situation) -> bool:
    """Whether a node that was killed has only a snapshot, which was saved after the last write to
    the other one's files: its memory, saved because its log was lost while it ran. The date in the
    snapshot counts, since that of the file is new in a restored backup."""
    found = _lone_snapshot(node, now)
    if found is None or found.snapshot is None or node.on_disk.stopped or other.running:
        return False
    return found.snapshot.saved_at > copy_on_disk(other, now).latest


def refuse_worse_copies(it: Proposal) -> None:
    """Raise UsageError if a node would start as primary with less than another node of its shard
    has, or with less than it had when it was stopped."""
    plan, now = it.plan, it.now
    damaged = []
    for shard in _to_compare(it):
        lead = shard.primary
        if lead.running or lead.name not in it.among:
            continue
        mine = copy_on_disk(lead, now)
        others = [node for node in shard.others if has_sound_copy(node, now)]
        better = [one for one in others if mine.damage or not _same_files(lead, one, now)]
        better = [one for one in better if not _saved_later(lead, one, now)]
        if later := _written_later(lead, mine, better, now):
            better = later
        fault = mine.fault or mine.unsaved or later
        if not fault or (others and not better) or _accepted(it, lead, mine, better):
            continue
        if not better and _restored(lead, mine, now):
            continue
        if better and not _replaced(plan, better):
            raise _worse(it, lead, mine, better)
        if not better and (mine.lost or (mine.damage and not mine.torn)):
            damaged.append(shard)
    if damaged:
        raise _damaged(it, damaged)


def _to_compare(it: Proposal) -> Iterator[ShardMembers]:
    now = it.now
    if not now.formed or it.plan.topology.persistence is Persistence.NONE:
        return
    if it.asked.among is None and any(node.paused for node in now.seen.nodes):
        return  # they are resumed first, and reply then
    yield from shard_members(it.plan, now.seen)


def cut_logs(it: Proposal) -> Iterator[str]:
    """Yield a warning for each primary to start whose log ends in the middle of a command: no other
    node has a better copy, and the server drops what is incomplete without an error."""
    for shard in shard_members(it.plan, it.now.seen) if it.now.formed else ():
        lead = shard.primary
        if not lead.running and lead.name in it.among and copy_on_disk(lead, it.now).torn:
            damage = copy_on_disk(lead, it.now).damage
            yield f"{lead.name}: {damage}, which it starts without; more may be missing before it"


def _written_later(
    lead: NodeSeen, mine: DataCopy, others: list[NodeSeen], now: Situation
) -> list[NodeSeen]:
    """The nodes to whose files a command was written after the last one to the primary's: theirs
    are older, as from a backup. Where a record says what the primary had, only the nodes that were
    started by hand since."""
    if mine.fault or mine.unsaved:
        return []
    if lead.on_disk.stopped is not None:
        return [one for one in others if one.on_disk.by_hand]
    return [one for one in others if _is_later(mine, copy_on_disk(one, now))]


def _is_later(mine: DataCopy, other: DataCopy) -> bool:
    """Whether a copy is later than the primary's: by their place in the replication history, or if
    that is unknown, by their dates."""
    shown = mine.precedes(other)
    return other.written > mine.latest + _DELAY if shown is None else shown


def _accepted(it: Proposal, lead: NodeSeen, mine: DataCopy, better: list[NodeSeen]) -> bool:
    """Whether the user chose to start with what that node has."""
    if mine.unlisted:
        return lead.name in it.asked.rebuild
    return lead.name in it.asked.primary and not (mine.empty and better)


def _replaced(plan: Plan, better: Iterable[NodeSeen]) -> bool:
    """Whether a running replica becomes primary instead (see primaries_to_promote)."""
    return plan.topology.clustered and (
        plan.topology.persistence is not Persistence.AOF
        and any(node.running and not node.paused for node in better)
    )


def _same_files(one: NodeSeen, other: NodeSeen, now: Situation) -> bool:
    """Whether the stopped node's data files are a copy of the other stopped node's."""
    if other.running:
        return False
    mine, theirs = (_sizes(node, now) for node in (one, other))
    return bool(theirs) and mine == theirs


def _sizes(node: NodeSeen, now: Situation) -> dict[str, tuple[int, RdbFacts | None]]:
    names = _file_names(now.wanted.get(node.name, {}))
    return {
        name: (one.size, one.snapshot)
        for name, one in node.on_disk.files.items()
        if name.partition("/")[0] in names and one.size
    }


def _worse(it: Proposal, lead: NodeSeen, mine: DataCopy, better: list[NodeSeen]) -> UsageError:
    names = ", ".join(node.name for node in better)
    why = f"{mine.fault or _UNSAVED}; {names} has a better copy"
    if mine.fault and not (mine.damage or mine.lost):
        why = f"{mine.fault}; {names} has"
    elif not (mine.fault or mine.unsaved):
        longest = max(copy_on_disk(node, it.now).written for node in better) - mine.latest
        why = f"its data was last written {_span(max(longest, 0))} before that of {names}"
    return UsageError(
        f"{lead.name} would be primary, but {why}",
        detail=f"{LOSES}{_where(it, lead, mine)}",
        hint=_remedy(it, lead, mine, better),
    )


def _span(seconds: float) -> str:
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _where(it: Proposal, lead: NodeSeen, mine: DataCopy) -> str:
    folder = f"Its folder: {it.plan.node(lead.name).folder.root}"
    return f"{folder}\nA start does not read {', '.join(mine.unread)}" if mine.unread else folder


def _remedy(it: Proposal, lead: NodeSeen, mine: DataCopy, better: list[NodeSeen]) -> str:
    plan = it.plan
    if not plan.topology.clustered:
        names = [node.name for node in better] + ([] if mine.empty else [lead.name])
        return ask_primary(names)
    live = [node for node in better if node.running and node.role is Role.REPLICA]
    if live:
        best = max(live, key=lambda node: node.offset)
        command = takeover_command(best.name)
        return joined(f"promote {best.name}: ", command, "; after OK: redistopo up")
    source = next((node for node in better if not node.running), None)
    if source is None:
        return f"redistopo resume {better[0].name}, then redistopo up"
    if plan.topology.hosts is not None:  # its files are on another host
        return f"redistopo start {source.name}; then redistopo up, which prints how to promote it"
    return joined("copy the data: ", copy_command(it, lead, source), "; then redistopo up")


def copy_command(it: Proposal, lead: NodeSeen, source: NodeSeen) -> str:
    """Return the shell command that copies one stopped node's data files to another, whose own
    are kept with another name."""
    root, copy = (it.plan.node(node.name).folder.root for node in (lead, source))
    conf = it.now.wanted.get(lead.name, {})
    mine, theirs = (
        [name for name in _file_names(conf) if node.on_disk.holds(name)] for node in (lead, source)
    )
    words = [f"mkdir -p {_word(root)}"]
    for name in mine:
        suffix = next(
            text
            for text in (".replaced", *(f".replaced{n}" for n in range(2, 1000)))
            if not lead.on_disk.holds(f"{name}{text}")
        )
        words.append(move_aside(root / name, suffix))
    words.append(f"cp -a {' '.join(_word(copy / one) for one in theirs)} {_word(root)}/")
    return " && ".join(words)


def _file_names(conf: Directives) -> list[str]:
    return [data_file_name(conf, name) for name in NAMES]


def _word(path: object) -> str:
    return shlex.quote(str(path))


def _damaged(it: Proposal, shards: list[ShardMembers]) -> UsageError:
    copies = {shard.primary.name: copy_on_disk(shard.primary, it.now) for shard in shards}
    relist = [name for name, mine in copies.items() if mine.unlisted]
    chosen = [name for name in (*it.asked.primary, *copies) if name not in relist]
    restore = [
        f"restore {mine.file or 'the data'} of {name} from a backup"
        for name, mine in copies.items()
        if name not in relist and (mine.empty or mine.damage)
    ]
    if relist:
        before, lost = "to write a new manifest of its files: ", "what its files lack"
        hint = rebuild_node(relist, before, chosen, lost)
    else:
        backup = f"{', and '.join(restore)}, then redistopo up; or, " if restore else ""
        lost = "what its files lack"
        hint = use_primary(chosen, f"{backup}to start with what is left: ", lost)
    faults = [line for shard in shards for line in _faults(shard, it.now)]
    return UsageError(
        f"{', '.join(copies)} would start with less data than it had",
        detail=f"{'; '.join(faults)}; no other node has a better copy; nothing was started",
        hint=hint,
    )


def _faults(shard: ShardMembers, now: Situation) -> Iterator[str]:
    """What is known against each copy of a shard."""
    for node in (shard.primary, *shard.others):
        mine = copy_on_disk(node, now)
        yield f"{node.name}: {mine.lost or mine.fault or _UNSAVED}"


def refuse_demotion(it: Proposal) -> None:
    """Raise UsageError if a running primary would become a replica of a node that is stopped now,
    because the Sentinels name that one: a promoted node that died before the others followed."""
    plan, named = it.plan, it.now.named
    if not plan.sentinels or plan.shards[0].primary != named or named in it.asked.primary:
        return
    stopped = any(node.name == named and not node.running for node in it.now.seen.nodes)
    leads = [node for node in it.now.seen.answering if node.role is Role.PRIMARY and node.keys]
    if stopped and leads and named in it.among:
        names = ", ".join(node.name for node in leads)
        raise UsageError(
            f"{names} runs as primary with {leads[0].keys} keys, but the Sentinels name {named}, "
            "which is stopped",
            detail=f"as a replica of {named}, {names} loses what {named} lacks; nothing was done",
            hint=ask_primary([names, named]),
        )
