"""Which slots move between which shards: to a given shard, or to balance all of them; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from redistopo.errors import UsageError
from redistopo.model.protocol.slots import SLOT_COUNT, SlotRange, format_ranges_briefly, ranges
from redistopo.model.state.job import Job, SlotMove

Owners = Mapping[str, tuple[SlotRange, ...]]
"""Primary -> its slots; one without slots has an empty tuple."""

Costs = Sequence[float]
"""What each of the 16384 slots counts for: 1, its keys, or its bytes."""

EVERY_SLOT_ALIKE: Costs = (1.0,) * SLOT_COUNT


def slots_of(owned: Sequence[SlotRange]) -> list[int]:
    """Return the single slots of ranges, in order."""
    return [slot for one in owned for slot in range(one.first, one.last + 1)]


def moves_to(owners: Owners, wanted: Sequence[SlotRange], target: str) -> tuple[SlotMove, ...]:
    """Return the moves that give a primary these slots; it may have some of them already.

    Raises UsageError for slots without an owner.
    """
    left, found = set(slots_of(wanted)), []
    for source, owned in owners.items():
        mine = left.intersection(slots_of(owned))
        left -= mine
        if mine and source != target:
            found.append(SlotMove(source=source, target=target, slots=ranges(mine)))
    if left:
        raise UsageError(
            f"slots {format_ranges_briefly(ranges(left))} have no owner",
            hint="redistopo verify shows why, and what gives them one",
        )
    return tuple(found)


def moves_between(before: Owners, after: Owners) -> tuple[SlotMove, ...]:
    """Return the moves that turn one division into another."""
    return tuple(one for name, wanted in after.items() for one in moves_to(before, wanted, name))


def with_moves(job: Job, moves: Sequence[SlotMove], owners: Owners) -> Job:
    """Return a job that has these moves too, in place of earlier ones of the same slots."""
    new = {slot for one in moves for slot in slots_of(one.slots)}
    kept = (replace(one, slots=ranges(set(slots_of(one.slots)) - new)) for one in job.moves)
    return replace(
        job,
        moves=(*(one for one in kept if one.slots), *moves),
        slots_before=job.slots_before or owners,
    )


def with_floor(values: Sequence[float]) -> Costs:
    """Return costs in which an empty slot counts a little: an empty shard gets some, too."""
    floor = max(1.0, sum(values) / SLOT_COUNT * 0.01)
    return [one + floor for one in values]


@dataclass(slots=True)
class _Shard:
    """A primary while slots are divided: its slots in order, its load, and what it should bear."""

    name: str
    slots: list[int]
    load: float
    goal: float
    leaves: bool

    def __init__(self, name: str, owned: Sequence[SlotRange], costs: Costs, goal: float) -> None:
        self.name = name
        self.slots = slots_of(owned)
        self.load = sum(costs[slot] for slot in self.slots)
        self.goal = goal
        self.leaves = goal == 0

    @property
    def surplus(self) -> float:
        return self.load - self.goal


def balance(
    owners: Owners,
    weights: Mapping[str, float],
    costs: Costs = EVERY_SLOT_ALIKE,
    threshold: float = 0.02,
) -> tuple[SlotMove, ...]:
    """Return the moves after which each primary bears its share of all costs.

    A primary that isn't in `weights` has weight 1; one of weight 0 gives all its slots away.
    Slots move as few and as contiguous as possible: from that end of a shard's slots that is next
    to those of the receiver. Nothing moves if no load is off its share by more than `threshold`
    (0.02 for 2%), except for a primary without slots. Raises UsageError if all weights are 0.
    """
    shares = {name: weights.get(name, 1.0) for name in owners}
    if not sum(shares.values()) > 0 or min(shares.values()) < 0:
        raise UsageError(
            "weights have to be 0 or more, and one of them more than 0",
            hint="a shard of weight 0 gives all its slots to the others",
        )
    total = sum(costs[slot] for owned in owners.values() for slot in slots_of(owned))
    unit = total / sum(shares.values())
    shards = [_Shard(name, owned, costs, unit * shares[name]) for name, owned in owners.items()]
    if all(_balanced(one, threshold) for one in shards):
        return ()
    given: dict[tuple[str, str], list[int]] = {}
    for donor in sorted(shards, key=lambda one: (not one.leaves, -one.surplus)):
        while receiver := _receiver(donor, shards):
            taken = _take(donor, receiver, costs, limit=_limit(donor, receiver))
            if not taken:
                break
            given.setdefault((donor.name, receiver.name), []).extend(taken)
    return tuple(
        SlotMove(source=source, target=target, slots=ranges(slots))
        for (source, target), slots in given.items()
    )


def _balanced(shard: _Shard, threshold: float) -> bool:
    if shard.leaves or not shard.slots:
        return shard.leaves and not shard.slots
    return abs(shard.surplus) <= max(threshold * shard.goal, 0.5)


def _receiver(donor: _Shard, shards: Sequence[_Shard]) -> _Shard | None:
    """The primary that lacks most, while the donor has too much."""
    others = [one for one in shards if one is not donor and not one.leaves]
    least = min(others, key=lambda one: one.surplus, default=None)
    if least is None or not donor.slots or (not donor.leaves and donor.surplus <= 0):
        return None
    return least if donor.leaves or least.surplus < 0 else None


def _limit(donor: _Shard, receiver: _Shard) -> float:
    lacking = max(-receiver.surplus, 0.0)
    if donor.leaves:
        return lacking or donor.load
    return min(donor.surplus, lacking)


def _take(donor: _Shard, receiver: _Shard, costs: Costs, limit: float) -> list[int]:
    """Take slots worth `limit` from one end of the donor's; a slot is taken if at least half of it
    is still due, and the last one of a shard that stays is not."""
    front = donor.slots[0] - 1 in set(receiver.slots)
    keeps = 0 if donor.leaves else 1
    order = donor.slots if front else donor.slots[::-1]
    taken: list[int] = []
    for slot in order[: len(order) - keeps]:
        if limit < costs[slot] / 2 and not (donor.leaves and not taken):
            break
        limit -= costs[slot]
        taken.append(slot)
    moved = sum(costs[slot] for slot in taken)
    donor.slots = sorted(order[len(taken) :])
    donor.load, receiver.load = donor.load - moved, receiver.load + moved
    receiver.slots = sorted([*receiver.slots, *taken])
    return taken
