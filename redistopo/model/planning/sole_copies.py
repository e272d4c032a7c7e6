"""Replicas with the only copy of the data of a primary that was reset; pure.

A replica connects to its primary at the address in its nodes.conf, and replaces its own data by
what it receives (replication.c): nothing, if the primary was emptied.
"""

from collections.abc import Collection, Iterable, Mapping

from redistopo.errors import UsageError
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.plan_rejoin import reset_nodes
from redistopo.model.protocol.nodes_conf import NodesConf, latest_nodes_conf, parse_nodes_conf
from redistopo.model.protocol.slots import (
    SLOT_COUNT,
    SlotRange,
    format_ranges_briefly,
    slots_in_both,
    unassigned_slots,
)
from redistopo.model.remedies.of_topology import end_node, use_primary
from redistopo.model.remedies.remedy import joined
from redistopo.model.state.hints import takeover_command
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.state.record import TopologyState
from redistopo.model.topology.spec import Persistence
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SoleCopy:
    """A replica with keys, its former primary that was reset, and the slots without an owner
    since. It is stopped; or `paused`, with keys that may be only in memory (`unsaved`); or it
    runs (`waits`), and its primary doesn't."""

    name: str
    primary: str
    slots: tuple[SlotRange, ...]
    paused: bool = False
    unsaved: bool = False
    waits: bool = False

    @property
    def keep(self) -> str:
        """The commands that keep its keys."""
        if self.waits:
            return joined(takeover_command(self.name), "; after OK: redistopo up")
        if self.unsaved:
            first = f"redistopo stop {self.primary}, then redistopo resume {self.name}"
            then = takeover_command(self.name)
            return joined(f"{first}, then ", then, "; after OK: redistopo up")
        # it would be emptied as soon as it is resumed
        lost = f"what {self.primary} has, nothing since its reset"
        first = end_node(self.name, "what it has not written to its files") if self.paused else ""
        return joined(first, use_primary([self.name], "", lost), by=", then ")


def sole_copies_on_disk(
    plan: Plan, record: TopologyState | None, seen: Observed, among: Collection[str] | None = None
) -> tuple[SoleCopy, ...]:
    """Find those of a formed cluster from the files of all its nodes; `among` are the nodes to
    start or resume, None for all."""
    if not plan.topology.clustered or record is None or not record.formed:
        return ()
    read = {at: parse_nodes_conf(text, at) for at, text in seen.nodes_confs.items()}
    rich = [node.name for node in seen.nodes if node.on_disk.has_keys]
    logged = plan.topology.persistence is Persistence.AOF
    unsaved = [node.name for node in seen.nodes if node.paused and not logged]
    found = find_sole_copies(seen, read, rich, unsaved)
    return tuple(
        one for one in found if among is None or (one.primary if one.waits else one.name) in among
    )


def find_sole_copies(
    seen: Observed,
    tables: Mapping[str, NodesConf | None],
    rich: Collection[str],
    unsaved: Collection[str] = (),
) -> tuple[SoleCopy, ...]:
    """Find replicas that a start, of themselves or of their reset primary, would empty.

    `tables` has each node's nodes.conf by its address; `rich` are nodes with keys on disk, and
    `unsaved` those that may have keys only in memory. If another node is primary of the slots
    by now, it has their data, and nothing would be lost.
    """
    newest = latest_nodes_conf(tables.values())
    found = []
    for node in seen.nodes:
        own = tables.get(node.address)
        me = own.at(node.address) if own else None
        has = node.name in rich or node.name in unsaved or node.keys
        if own is None or newest is None or me is None or not has:
            continue
        lead = next((one for one in own.entries if one.id == me.primary), None)
        primary = seen.at(lead.address) if lead else None
        if lead is None or primary is None or not _reset(seen, primary, tables):
            continue
        waits = node.running and not node.paused
        if waits and primary.running:
            continue  # it has already connected to its primary
        others = [one.ranges for one in newest.entries if one.is_primary and one.id != lead.id]
        free = slots_in_both(unassigned_slots(others, SLOT_COUNT), lead.ranges)
        if free:
            found.append(
                SoleCopy(
                    name=node.name,
                    primary=primary.name,
                    slots=free,
                    paused=node.paused,
                    unsaved=node.paused and node.name not in rich,
                    waits=waits,
                )
            )
    return tuple(found)


def _reset(seen: Observed, node: NodeSeen, tables: Mapping[str, NodesConf | None]) -> bool:
    """Whether it has no slots and no keys, as it reports or, if stopped, by its nodes.conf: a
    node that starts with keys claims their slots too (verifyClusterConfigWithData)."""
    if node.answers:
        return node in reset_nodes(seen)
    table = tables.get(node.address)
    me = table.at(node.address) if table else None
    return me is not None and me.is_primary and not me.slots


def chosen_primaries(found: Iterable[SoleCopy], primaries: Collection[str]) -> tuple[SoleCopy, ...]:
    """Select the copies that `primaries` chooses; if it names their primary, their data is given
    up. Raises UsageError with both options if it names neither."""
    some = tuple(found)
    heirs = []
    for primary in dict.fromkeys(one.primary for one in some):
        kin = [one for one in some if one.primary == primary]
        asked = [one for one in kin if one.name in primaries]
        both = [*(one.name for one in asked), *([primary] if primary in primaries else ())]
        if len(both) > 1:
            raise UsageError(
                f"{' and '.join(both)} can't both be primary: they are in one shard",
                hint=use_primary(both[:1], "choose one: "),
            )
        if not both or any(one.paused or one.waits for one in asked):
            raise _undecided(primary, kin)
        heirs += asked
    return tuple(heirs)


def _undecided(primary: str, kin: list[SoleCopy]) -> UsageError:
    names = ", ".join(one.name for one in kin)
    slots = format_ranges_briefly(kin[0].slots)
    keep = joined(*(one.keep for one in kin), by=" or ")
    return UsageError(
        f"{names} would be emptied: its primary {primary} was reset and has no data",
        detail=f"{names} has the only copy of the keys of slots {slots}; nothing was done",
        hint=joined("to keep them: ", keep),
    )
