"""`rebalance`: spread slots, keys or bytes over the shards, by weight."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from redistopo.client.connection import Connections
from redistopo.errors import UsageError
from redistopo.execute.survey_slots import survey_slots
from redistopo.model.planning.refuse_moves import owners_of, primaries_of
from redistopo.model.planning.slot_moves import (
    EVERY_SLOT_ALIKE,
    Costs,
    balance,
    slots_of,
    with_floor,
)
from redistopo.model.planning.slot_survey import merged
from redistopo.model.protocol.slots import SLOT_COUNT
from redistopo.model.state.job import SlotMove
from redistopo.model.state.observed import Observed
from redistopo.ops.move_slots import MoveRequest
from redistopo.quick_dataclass import dataclass


class Balance(StrEnum):
    """What is spread evenly."""

    SLOTS = "slots"
    KEYS = "keys"
    BYTES = "bytes"


@dataclass(frozen=True, slots=True, kw_only=True)
class RebalanceRequest:
    """What to spread, the shards' weights as ``shard:2=0.5``, and how much a shard may be off its
    share (0.02 for 2%)."""

    root: Path
    by: Balance = Balance.SLOTS
    weights: tuple[str, ...] = ()
    threshold: float = 0.02
    allow_blocking: bool = False
    seconds: float = 600.0


def rebalance_of(request: RebalanceRequest) -> MoveRequest:
    """Return what `rebalance` does."""

    def choose(client: Connections, seen: Observed) -> tuple[SlotMove, ...]:
        weights = _weights(seen, request.weights)
        costs = _costs(client, seen, request.by)
        return balance(owners_of(seen), weights, costs, request.threshold)

    options = [word for one in request.weights for word in ("--weight", one)]
    consent = ["--allow-blocking"] if request.allow_blocking else []
    return MoveRequest(
        verb="rebalance",
        arguments=("--by", request.by.value, *options, *consent),
        root=request.root,
        seconds=request.seconds,
        allow_blocking=request.allow_blocking,
        choose=choose,
    )


def _weights(seen: Observed, words: tuple[str, ...]) -> Mapping[str, float]:
    """Primary -> weight; raises UsageError for a weight that is no number, and for a shard that has
    two."""
    found: dict[str, float] = {}
    for text in words:
        selector, _, number = text.rpartition("=")
        try:
            weight = float(number)
        except ValueError:
            weight = -1.0
        if not selector or not 0 <= weight < float("inf"):
            raise UsageError(
                f"{text!r} is not a weight",
                hint="for example --weight shard:2=0.5; 0 moves all slots away",
            )
        for name in primaries_of(seen, (selector,)):
            if found.setdefault(name, weight) != weight:
                raise UsageError(f"the shard of {name} has two weights", hint="give it one")
    return found


def _costs(client: Connections, seen: Observed, by: Balance) -> Costs:
    if by is Balance.SLOTS:
        return EVERY_SLOT_ALIKE
    nodes = {node.name: node for node in seen.answering}
    survey = merged(
        survey_slots(client, nodes[name], slots_of(slots), every_key=False)
        for name, slots in owners_of(seen).items()
        if slots
    )
    counted = survey.keys if by is Balance.KEYS else survey.bytes
    return with_floor([counted.get(slot, 0) for slot in range(SLOT_COUNT)])
