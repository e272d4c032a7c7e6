"""Checks of a cluster: its state, slots and epochs, and agreement of all nodes on them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from redistopo.checks.check_types import CheckResult, CheckSubject, fail, ok, per_node, skip, warn
from redistopo.checks.merged_clusters import separation
from redistopo.checks.open_slots import fix_slots, name_of_id
from redistopo.model.protocol.replies import ClusterNodesLine
from redistopo.model.protocol.slots import (
    SLOT_COUNT,
    SlotRange,
    format_ranges_briefly,
    ranges,
    unassigned_slots,
)
from redistopo.model.remedies.of_servers import (
    assign_slots,
    move_slots,
    spread_slots,
)
from redistopo.model.remedies.remedy import joined
from redistopo.model.state.config_epochs import raisable_epochs, stale_epochs
from redistopo.model.state.copies_seen import no_copy_in
from redistopo.model.state.hints import cli_prefix, command_prefix
from redistopo.model.state.observed import NodeSeen, Role

_GOSSIP = "gossip spreads it within the node timeout; if not, see cluster.links"


def state(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that every node reports cluster_state:ok with all slots ok."""

    def judge(node: NodeSeen) -> CheckResult | None:
        reported = node.cluster.get("cluster_state", "unknown")
        slots_ok = node.cluster.get("cluster_slots_ok", "0")
        failing = {node.cluster.get(f"cluster_slots_{how}", "0") for how in ("pfail", "fail")}
        if reported == "ok" and slots_ok == str(SLOT_COUNT) and failing == {"0"}:
            return None
        return fail(
            node.name,
            f"cluster_state:{reported}, {slots_ok} of {SLOT_COUNT} slots ok",
            "a primary is down or slots have no owner: see cluster.slots and cluster.members",
        )

    yield from per_node(subject.seen.answering, judge, "cluster_state:ok")


def slots(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that each of the 16384 slots is claimed by exactly one primary."""
    claims = [
        (one, node.name)
        for node in subject.seen.answering
        if (me := node.myself) and me.primary
        for one in me.slots
    ]
    doubles = _claimed_twice(claims)
    if doubles:
        shown = [f"{slot} by {one} and {other}" for slot, one, other in doubles[:3]]
        yield fail(
            "topology",
            f"{_slots_have(len(doubles))} two owners: {', '.join(shown)}",
            joined(
                "the higher epoch wins within seconds once the two can connect (cluster.links); if "
                "not: ",
                fix_slots(subject),
            ),
        )
    missing = unassigned_slots((s.slots for s in subject.shards if s.primary), SLOT_COUNT)
    if missing:
        yield from _uncovered(subject, missing)
    if not missing and not doubles:
        yield ok(f"{SLOT_COUNT} of {SLOT_COUNT} slots covered, each by one primary")


def _slots_have(count: int) -> str:
    return "1 slot has" if count == 1 else f"{count} slots have"


def _uncovered(subject: CheckSubject, missing: tuple[SlotRange, ...]) -> Iterator[CheckResult]:
    """Slots whose owner doesn't reply, according to the others, and slots without an owner."""
    seen = subject.seen
    silent = {node.address: node for node in seen.nodes if not node.answers}
    known = [one for node in seen.answering for one in node.members if one.address in silent]
    # a set: most nodes report the same ranges
    reported = {some for one in known for some in one.slots}
    owned = {slot for some in reported for slot in range(some.first, some.last + 1)}
    open_ones = {slot for one in missing for slot in range(one.first, one.last + 1)}
    if kept := ranges(open_ones & owned if seen.answering else open_ones):
        owners = [silent[one.address] for one in known if one.slots]
        found = fail(
            "topology",
            f"the owner of {sum(map(len, kept))} slots is down: {format_ranges_briefly(kept)}",
            f"start the primary that owns them: {subject.recovery(owners)}",
        )
        down = dict.fromkeys(node.name for node in owners or silent.values())
        yield replace(found, because_of=tuple(f"node.alive {name}" for name in down))
    if not seen.answering:
        return
    ours = {node.address for node in seen.nodes}
    members = {one.id: one for node in seen.answering for one in node.members}
    for one in (one for one in members.values() if one.slots and one.address not in ours):
        held = {slot for some in one.slots for slot in range(some.first, some.last + 1)}
        if taken := ranges(open_ones & held):
            owned |= held
            away = separation(subject)  # a reshard would move the other cluster's keys
            yield fail(
                "topology",
                f"{sum(map(len, taken))} slots belong to {one.address}, which is not part of this "
                f"topology: {format_ranges_briefly(taken)}",
                away or joined("move them back, with their keys: ", _reshard(subject, one, taken)),
                settles=False if away else None,
            )
    if lost := ranges(open_ones - owned):
        yield fail(
            "topology",
            f"{_slots_have(sum(map(len, lost)))} no owner: {format_ranges_briefly(lost)}",
            ownerless_hint(subject, lost),
        )


def ownerless_hint(subject: CheckSubject, lost: tuple[SlotRange, ...]) -> str:
    """Assign the slots to a node, empty, only if no node of the topology may have their keys."""
    seen = subject.seen
    if silent := [node for node in seen.nodes if not node.answers]:
        names = ", ".join(node.name for node in silent)
        return joined(f"{names} may have their keys: ", subject.recovery(silent))
    if subject.ours and all(len(node.members) == 1 and not node.keys for node in seen.nodes):
        return "all nodes were reset: redistopo down, then redistopo up forms the cluster again"
    holders = [node for node in seen.answering if _follows_owner_of(node, lost)]
    proof = no_copy_in(f"{sum(map(len, lost))} slots", holders)
    if proof is None:
        rich = [node for node in holders if node.keys]
        names = ", ".join(node.name for node in rich)
        return f"{names} has their keys: {subject.recovery(rich)} says how to keep them"
    entry = next(iter(seen.answering))
    return assign_slots(_cli(subject, entry), entry.address, proof)


def _follows_owner_of(node: NodeSeen, lost: tuple[SlotRange, ...]) -> bool:
    """Whether a replica's primary has no slots, as the replica knows it: it had the lost ones."""
    me = node.myself
    if me is None or not me.replica or not lost:
        return False
    return not any(one.id == me.primary_id and one.slots for one in node.members)


def _reshard(subject: CheckSubject, owner: ClusterNodesLine, slots: tuple[SlotRange, ...]) -> str:
    """The command that moves slots from a node that isn't ours to the primary with the fewest."""
    primaries = [node for node in subject.seen.answering if node.myself and node.myself.primary]
    if not primaries:
        return "start a primary first"
    to = min(primaries, key=lambda one: sum(map(len, one.myself.slots)) if one.myself else 0)
    target = (to.address, to.myself.id if to.myself else "")
    return move_slots(_cli(subject, to), target, owner.id, sum(map(len, slots)))


def _claimed_twice(claims: list[tuple[SlotRange, str]]) -> list[tuple[int, str, str]]:
    """Each slot with two owners, and both owners."""
    taken = bytearray(SLOT_COUNT)
    for one, _ in claims:
        if any(taken[one.first : one.last + 1]):
            break
        taken[one.first : one.last + 1] = b"\1" * len(one)
    else:
        return []
    owners: dict[int, str] = {}
    doubles = []
    for one, name in claims:
        for slot in range(one.first, one.last + 1):
            if slot in owners:
                doubles.append((slot, owners[slot], name))
            owners[slot] = name
    return doubles


def _cli(subject: CheckSubject, node: NodeSeen) -> str:
    return cli_prefix(node, acl=subject.expected.rights is not None)


def empty_shards(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that every shard has slots: one without holds no data, and its nodes do nothing.

    A node that has just joined is a primary without slots, too, until it becomes a replica.
    """
    led = [shard for shard in subject.shards if shard.primary]
    empty = [shard.primary for shard in led if shard.primary and not shard.slots]
    missing = unassigned_slots((shard.slots for shard in led), SLOT_COUNT)
    for node in empty:
        evidence = "is a primary without slots: its shard holds no data"
        command = spread_slots(_cli(subject, node), node.address)
        hint = joined("spread the slots evenly: ", command)
        if subject.ours:
            hint = "spread the slots evenly: redistopo rebalance"
        if subject.ours and len(node.members) == 1:
            hint = "it knows no other node: redistopo up adds it again"
        if subject.ours:
            # nothing moves slots by itself, once all have an owner
            lasting = not missing and len(led) == subject.expected.shards
            yield fail(node.name, evidence, hint, settles=False if lasting else None)
        else:
            yield warn(node.name, evidence, hint)
    if led and not empty:
        yield ok(f"{len(led)} of {len(led)} shards have slots")


def agreement(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that all nodes have the same slot map and the same roles for all nodes."""
    views = {node.name: _view(node.members) for node in subject.seen.answering}
    if not views:
        yield skip("no node replies")
        return
    common, _count = Counter(views.values()).most_common(1)[0]
    majority = dict(common)

    def judge(node: NodeSeen) -> CheckResult | None:
        me = node.myself
        if me is not None and node.role is not (Role.REPLICA if me.replica else Role.PRIMARY):
            evidence = f"CLUSTER NODES has it as {_role(dict(views[node.name])[me.id])}, INFO as "
            return fail(node.name, evidence + f"role:{node.info.get('role')}", _GOSSIP)
        mine = dict(views[node.name])
        other = next((i for i in {**majority, **mine} if majority.get(i) != mine.get(i)), None)
        if other is None:
            return None
        name = name_of_id(subject, node, other)
        evidence = f"sees {name} as {_role(mine.get(other))}, most nodes as "
        return fail(
            node.name,
            evidence + _role(majority.get(other)),
            _GOSSIP,
        )

    yield from per_node(subject.seen.answering, judge, "the same slot map and the same roles")


_Seen = tuple[str, str, tuple[SlotRange, ...]]


def _view(members: tuple[ClusterNodesLine, ...]) -> frozenset[tuple[str, _Seen]]:
    """One node's view in comparable form: id -> (role, primary, slots)."""
    return frozenset(
        (member.id, ("replica" if member.replica else "primary", member.primary_id, member.slots))
        for member in members
        if not member.lost  # a new node doesn't learn of it; see cluster.members
    )


def _role(seen: _Seen | None) -> str:
    if seen is None:
        return "unknown"
    role, primary, slots = seen
    if role == "replica":
        return f"replica of {primary[:8]}"
    return f"primary of {format_ranges_briefly(slots) or 'no slots'}"


def epochs(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that config epochs of primaries with slots are unique and not stale.

    Two primaries with one epoch could both own a slot; a primary whose epoch is stale, for
    example after restoring an old nodes.conf, loses its slots to any other claim
    (cluster_legacy.c, clusterUpdateSlotsConfigWith).
    """
    by_epoch: dict[int, list[str]] = {}
    stale, raised = stale_epochs(subject.seen), raisable_epochs(subject.seen)
    for shard in subject.shards:
        me = shard.primary.myself if shard.primary else None
        if not me or not shard.slots or not shard.primary:
            continue
        by_epoch.setdefault(me.epoch, []).append(shard.primary.name)
    for name, (own, higher, witness) in stale.items():
        how = "redistopo up" if subject.ours and name in raised else _bump(subject, name)
        evidence = f"config epoch {own} is stale: {witness} knows it with epoch {higher}"
        yield fail(name, evidence, f"raise its epoch: {how}")
    twice = {epoch: names for epoch, names in by_epoch.items() if len(names) > 1}
    for epoch, names in twice.items():
        yield fail(
            "topology",
            f"{' and '.join(names)} have the same config epoch {epoch}",
            "Redis resolves this within seconds once they can connect (cluster.links); "
            "if not: " + _bump(subject, names[0]),
        )
    if not twice and not stale and by_epoch:
        yield ok(f"{len(by_epoch)} primaries, config epochs {_listed(sorted(by_epoch))}")


def _bump(subject: CheckSubject, name: str) -> str:
    node = next(one for one in subject.seen.nodes if one.name == name)
    return f"{command_prefix(node)} CLUSTER BUMPEPOCH"


def _listed(numbers: list[int]) -> str:
    if len(numbers) <= 8:
        return ", ".join(map(str, numbers))
    return f"{numbers[0]} to {numbers[-1]}, all different"
