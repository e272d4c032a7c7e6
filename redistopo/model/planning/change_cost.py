"""What a change of the number of nodes, or a move of slots, takes: keys, bytes, room and time;
estimates, pure."""

from collections.abc import Collection, Iterable

from redistopo.model.planning.move_method import MoveMethod, method_of_title
from redistopo.model.planning.refuse_moves import BlockingKey
from redistopo.model.planning.room import dataset_bytes
from redistopo.model.planning.slot_moves import slots_of
from redistopo.model.planning.slot_survey import SlotSurvey
from redistopo.model.planning.step import join_names
from redistopo.model.protocol.slots import SlotRange
from redistopo.model.state.job import SlotMove
from redistopo.model.state.observed import Observed, Role
from redistopo.quick_dataclass import dataclass

_SETSLOT_SECONDS = 0.0002
"""For each slot that MIGRATE moves, empty or not."""

_COPIED_BYTES_PER_SECOND = 50 << 20
"""What a replica copies from its primary at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardMove:
    """One move: from one primary to another, with what moves."""

    source: str
    target: str
    slots: tuple[SlotRange, ...]
    count: int
    keys: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeCost:
    """What the steps take; every figure is an estimate.

    `moves` are the moves of slots, by `method`; `measured` is how their bytes were determined.
    `memory` and `disk` are the bytes that new nodes need at most, for the data that the largest
    primary has now. `seconds` is the time of moving and copying data, at `keys_per_second`;
    `clients` is what clients notice of the moves, and of nodes that are removed; "" without any.
    """

    moves: tuple[ShardMove, ...] = ()
    method: str = ""
    measured: str = ""
    memory: int = 0
    disk: int = 0
    seconds: float = 0.0
    keys_per_second: int = 0
    clients: str = ""


def shard_moves(moves: Iterable[SlotMove], survey: SlotSurvey) -> tuple[ShardMove, ...]:
    """Return the moves with the keys and bytes of their slots."""
    return tuple(
        ShardMove(
            source=one.source,
            target=one.target,
            slots=one.slots,
            count=len(one),
            keys=survey.keys_in(slots_of(one.slots)),
            bytes=survey.bytes_in(slots_of(one.slots)),
        )
        for one in moves
    )


def moving_seconds(
    moves: Iterable[ShardMove], method: MoveMethod, big: Iterable[BlockingKey] = ()
) -> float:
    """Estimate how long the moves take, with the time of the big keys that move alone."""
    some = tuple(moves)
    keys = sum(one.keys for one in some) / method.keys_per_second
    each = 0.0 if method.atomic else _SETSLOT_SECONDS
    return keys + each * sum(one.count for one in some) + sum(one.seconds for one in big)


def cost_of(
    seen: Observed,
    new: Collection[str],
    moves: Iterable[SlotMove] = (),
    survey: SlotSurvey | None = None,
    ended: Collection[str] = (),
) -> ChangeCost:
    """Estimate what new data nodes, moves of surveyed slots and nodes that are `ended` take.

    A new node copies what the primary that it follows has; which one isn't known yet, so that the
    largest counts. One that gets slots is a replica of a new primary, and copies nothing before.
    """
    primaries = [node for node in seen.answering if node.role is Role.PRIMARY]
    each = max(map(dataset_bytes, primaries), default=0)
    room = each * len(new)
    gone = f"clients of {join_names(ended)} are disconnected" if ended else ""
    if survey is None:
        seconds = each / _COPIED_BYTES_PER_SECOND if new else 0.0
        return ChangeCost(memory=room, disk=room, seconds=round(seconds, 1), clients=gone)
    method = method_of_title(primaries[0].engine)
    some = shard_moves(moves, survey)
    return ChangeCost(
        moves=some,
        method=method.value,
        measured=survey.measured,
        memory=room,
        disk=room,
        seconds=round(moving_seconds(some, method), 1),
        keys_per_second=method.keys_per_second,
        clients="; ".join(filter(None, (method.clients_notice, gone))),
    )
