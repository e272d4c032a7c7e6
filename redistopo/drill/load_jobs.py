"""Who does what how often: the load shared out to clients."""

from dataclasses import dataclass

from redistopo.client.entry_point import LoadRequest
from redistopo.drill.operations import OperationKind

HURT_SHARE = 0.8
"""Of the rate, where there are other shards; what is left is the control."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What one client does in turns: one of `tasks` (kind, shard) each `interval` seconds.

    `phase` is when it begins, as a share of the interval, so that clients don't go in step.
    """

    number: int
    tasks: tuple[tuple[OperationKind, int], ...]
    interval: float
    phase: float


def jobs(request: LoadRequest) -> tuple[Job, ...]:
    """The rate and the clients shared out.

    A client for the other shards is never one of a hurt shard: while it hangs on a frozen
    server it could ask nobody else. Where there is more than one client for the same thing,
    an answer is due more often, and an outage's end is seen earlier.
    """
    others = tuple(sorted(set(request.shards) - request.hurt))
    apart = max(1, request.clients // 4) if others else 0
    left = max(2 * len(request.hurt), request.clients - apart)
    share = HURT_SHARE if others else 1.0
    parts = [(kind, shard) for kind in OperationKind for shard in sorted(request.hurt)]
    plan: list[tuple[tuple[tuple[OperationKind, int], ...], float]] = []
    for place, part in enumerate(parts):
        # writers come first, so that they get what doesn't come out even
        mine = len(range(place, left, len(parts)))
        plan += [((part,), request.rate * share / len(parts) / mine)] * mine
    if others:
        control = tuple((kind, shard) for shard in others for kind in OperationKind)
        plan += [(control, request.rate * (1 - share) / apart)] * apart
    return tuple(
        Job(number=n, tasks=tasks, interval=1 / rate, phase=n / len(plan))
        for n, (tasks, rate) in enumerate(plan)
    )
