"""Slots that are being moved, and how to settle them."""

from collections.abc import Iterator

from redistopo.checks.check_types import CheckResult, CheckSubject, fail, per_node
from redistopo.model.protocol.replies import ClusterNodesLine
from redistopo.model.protocol.slots import format_ranges_briefly, ranges
from redistopo.model.remedies.of_servers import settle_slots
from redistopo.model.remedies.remedy import joined
from redistopo.model.state.copies_seen import all_slots_led
from redistopo.model.state.hints import cli_prefix, command_prefix
from redistopo.model.state.observed import NodeSeen


def open_slots(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that no slot is being migrated between two nodes."""

    def judge(node: NodeSeen) -> CheckResult | None:
        me = node.myself
        if me is None or not me.open_slots:
            return None
        moves: dict[str, list[int]] = {}
        for one in me.open_slots:
            moves.setdefault(f"{one.move} {name_of_id(subject, node, one.node)}", []).append(
                one.slot
            )
        evidence = "; ".join(_moving(move, moved) for move, moved in moves.items())
        if me.replica and (primary := _without_open_slots(subject, me)):
            told = f"{evidence}; its primary {primary.name} has none open"
            return fail(node.name, told, _close(primary, me), settles=False)
        hint = joined("wait for a running reshard, or: ", _settle(subject))
        return fail(node.name, evidence, hint, settles=me.replica)

    yield from per_node(subject.seen.answering, judge, "no slot is migrating or importing")


def _settle(subject: CheckSubject) -> str:
    """Return the command that gives each open slot one owner, with all its keys."""
    return "redistopo up" if subject.ours else fix_slots(subject)


def _moving(move: str, moved: list[int]) -> str:
    if len(moved) == 1:
        return f"slot {moved[0]} {move}"
    return f"{len(moved)} slots {move}: {format_ranges_briefly(ranges(moved))}"


def _without_open_slots(subject: CheckSubject, me: ClusterNodesLine) -> NodeSeen | None:
    """A replica's primary, if it has no open slot; None if it has some, or doesn't reply.

    Since Valkey 8.0 a replica has its primary's open slots: SETSLOT is executed by the replicas
    first (cluster_legacy.c, clusterCommandSetSlot). One that was down keeps those of its file.
    """
    for node in subject.seen.answering:
        own = node.myself
        if own is not None and own.id == me.primary_id:
            return None if own.open_slots else node
    return None


def _close(primary: NodeSeen, me: ClusterNodesLine) -> str:
    """Replicas take SETSLOT from their primary alone."""
    first, *more = (one.slot for one in me.open_slots)
    others = f"; likewise slots {format_ranges_briefly(ranges(more))}" if more else ""
    return f"{command_prefix(primary)} CLUSTER SETSLOT {first} STABLE{others}"


def fix_slots(subject: CheckSubject) -> str:
    """Return the command that gives each slot one owner, by way of a node that replies."""
    entry = next(iter(subject.seen.answering or subject.seen.nodes))
    cli = cli_prefix(entry, acl=subject.expected.rights is not None)
    return settle_slots(cli, entry.address, all_slots_led(subject.seen))


def name_of_id(subject: CheckSubject, node: NodeSeen, node_id: str) -> str:
    """Return the name of the member with that id, or the beginning of the id."""
    for seen in (node, *subject.seen.answering):
        for member in seen.members:
            if member.id == node_id:
                return subject.name_of(member)
    return node_id[:8]
