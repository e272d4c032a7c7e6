"""Which slots move between which shards: to a given shard, or to balance all of them; pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from redistopo.errors import UsageError
from redistopo.model.protocol.slots import SLOT_COUNT, SlotRange, format_ranges_briefly, ranges
from redistopo.model.state.job import Job, SlotMove
from redistopo.quick_dataclass import dataclass

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


def empty_after(job: Job) -> tuple[str, ...]:
    """Return the primaries that have no slots once a job is done: those that gave all away, and
    those that had none before. What is taken back ends as it was before."""
    left = {name: sum(map(len, slots)) for name, slots in job.slots_before.items()}
    for one in () if job.verb == "undo" else job.moves:
        for name, count in ((one.source, -len(one)), (one.target, len(one))):
            left[name] = left.get(name, 0) + count
    return tuple(name for name, count in left.items() if count <= 0)


def moves_back(
    owners: Owners, before: Owners, primaries: Mapping[str, str]
) -> tuple[SlotMove, ...]:
    """Return the moves to the division of `before`. `primaries` maps its nodes to the present
    primaries of their shards; the slots of a shard that was removed go to one that is new."""
    found: dict[str, str] = {}
    for name in before:
        if name in primaries and primaries[name] not in found.values():
            found[name] = primaries[name]
    new = iter([name for name in owners if name not in found.values()])
    for name in before:
        if name not in found and (other := next(new, "")):
            found[name] = other
    return moves_between(owners, {found[name]: before[name] for name in before if name in found})


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


_SMALL_REST = 0.005
"""The part of its share by which a shard may get more, where that keeps a range whole."""


@dataclass(slots=True, eq=False)
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

    @property
    def edges(self) -> set[int]:
        """The slots next to its own."""
        return {slot for one in ranges(self.slots) for slot in (one.first - 1, one.last + 1)}


def balance(
    owners: Owners,
    weights: Mapping[str, float],
    costs: Costs = EVERY_SLOT_ALIKE,
    threshold: float = 0.02,
) -> tuple[SlotMove, ...]:
    """Return the moves after which each primary bears its share of all costs.

    A primary that isn't in `weights` has weight 1; one of weight 0 gives all its slots away.
    As few slots as possible move, first those that are next to slots of their receiver, so that
    ranges stay whole where they can. Nothing moves if no load is off its share by more than
    `threshold` (0.02 for 2%), except for a primary without slots. Raises UsageError if all
    weights are 0.
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
    pairs: dict[tuple[str, str], None] = {}
    slack = _SMALL_REST if any(one.leaves for one in shards) else 0.0
    for donor in sorted(shards, key=lambda one: (not one.leaves, -one.surplus)):
        if not donor.leaves and donor.surplus <= slack * donor.goal:
            continue
        while receiver := _receiver(donor, shards, costs):
            taken = _take(donor, receiver, costs, limit=_limit(donor, receiver))
            if not taken:
                break
            pairs[donor.name, receiver.name] = None
    return _net(owners, shards, pairs)


def _net(
    owners: Owners, shards: Iterable[_Shard], pairs: Iterable[tuple[str, str]]
) -> tuple[SlotMove, ...]:
    """Return one move for each slot that has another owner in the end, in the order of the pairs.

    A receiver that got a part of a slot too much may have given one back, or on.
    """
    had = {slot: name for name, owned in owners.items() for slot in slots_of(owned)}
    given: dict[tuple[str, str], list[int]] = {pair: [] for pair in pairs}
    for shard in shards:
        for slot in shard.slots:
            if had[slot] != shard.name:
                given.setdefault((had[slot], shard.name), []).append(slot)
    return tuple(
        SlotMove(source=source, target=target, slots=ranges(slots))
        for (source, target), slots in given.items()
        if slots
    )


def _balanced(shard: _Shard, threshold: float) -> bool:
    if shard.leaves or not shard.slots:
        return shard.leaves and not shard.slots
    return abs(shard.surplus) <= max(threshold * shard.goal, 0.5)


def _receiver(donor: _Shard, shards: Sequence[_Shard], costs: Costs) -> _Shard | None:
    """The primary that gets slots next, while the donor has too much.

    Of those that lack more than half a slot, one with slots next to the donor's; of these, the one
    with fewest such places, for it has no choice; then the one that lacks most.
    """
    others = [one for one in shards if one is not donor and not one.leaves]
    if not others or not donor.slots or (not donor.leaves and donor.surplus <= 0):
        return None
    mine = set(donor.slots)
    half = min(costs[slot] for slot in donor.slots) / 2
    lacking = [one for one in others if -one.surplus > half]
    if not lacking:
        return _last_receiver(others, mine) if donor.leaves else None
    near = {one.name: len(one.edges & mine) for one in lacking}
    return min(lacking, key=lambda one: (not near[one.name], near[one.name], one.surplus))


def _last_receiver(others: Sequence[_Shard], mine: set[int]) -> _Shard:
    """The primary that gets what a division into whole slots leaves over: one that is next to it,
    of those that lack most."""
    least = min(one.surplus for one in others)
    return min(others, key=lambda one: (one.surplus > least + 1, not one.edges & mine, one.surplus))


def _limit(donor: _Shard, receiver: _Shard) -> float:
    lacking = max(-receiver.surplus, 0.0)
    if donor.leaves:
        return lacking or donor.load
    return min(donor.surplus, lacking)


def _take(donor: _Shard, receiver: _Shard, costs: Costs, limit: float) -> list[int]:
    """Take slots worth `limit`, in an order that keeps ranges whole; a slot is taken if at least
    half of it is still due, and the last one of a shard that stays is not."""
    order = _nearest_first(donor.slots, receiver.edges)
    if donor.leaves:
        count = _whole_ranges(order, costs, limit, small=_SMALL_REST * receiver.goal)
    else:
        count = min(_worth(order, costs, limit), len(order) - 1)
    taken = order[:count]
    moved = sum(costs[slot] for slot in taken)
    donor.slots = sorted(order[len(taken) :])
    donor.load, receiver.load = donor.load - moved, receiver.load + moved
    receiver.slots = sorted([*receiver.slots, *taken])
    return taken


def _worth(order: Sequence[int], costs: Costs, limit: float) -> int:
    """How many slots are worth `limit`."""
    for count, slot in enumerate(order):
        if limit < costs[slot] / 2:
            return count
        limit -= costs[slot]
    return len(order)


def _whole_ranges(order: Sequence[int], costs: Costs, limit: float, small: float) -> int:
    """How many slots are worth `limit`, at least one: up to `small` more or less, if a range is
    given as a whole by that."""
    count = max(1, _worth(order, costs, limit))
    starts = [n for n in range(1, len(order)) if abs(order[n] - order[n - 1]) != 1]
    ends = [*starts, len(order)]
    nearest = min(ends, key=lambda end: abs(end - count))
    between = order[min(nearest, count) : max(nearest, count)]
    return nearest if sum(costs[slot] for slot in between) <= small else count


def _nearest_first(slots: Sequence[int], edges: set[int]) -> list[int]:
    """Slots in the order in which they are given: ranges next to the receiver's first, each from
    the end where they meet; others from the end."""
    front, back, rest = [], [], []
    for one in ranges(slots):
        some = list(range(one.first, one.last + 1))
        if one.first in edges:
            front.append(some)
        elif one.last in edges:
            back.append(some[::-1])
        else:
            rest.append(some[::-1])
    return [slot for some in (*front, *back, *rest[::-1]) for slot in some]


def side_by_side(moves: Iterable[SlotMove], *, gathers: bool) -> Iterator[tuple[SlotMove, ...]]:
    """Group moves that can be made at the same time: a node has a part in one of them only, except
    that it can get slots of several others, if it `gathers`."""
    left = list(moves)
    while left:
        some: list[SlotMove] = []
        for one in left:
            sources = {other.source for other in some}
            targets = {other.target for other in some}
            busy = sources if gathers else sources | targets
            if one.source not in sources | targets and one.target not in busy:
                some.append(one)
        yield tuple(some)
        left = [one for one in left if one not in some]
