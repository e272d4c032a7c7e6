"""Distributes the load over clients: which client does what, and how often."""

from redistopo.client.app_entry_point import LoadRequest
from redistopo.drill.load_result import OperationKind
from redistopo.quick_dataclass import dataclass

HURT_SHARE = 0.8
"""The affected shards' share of the rate, if there are other shards; the rest is the control."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What one client does: one of `tasks` (kind, shard) in turn, every `interval` seconds.

    `phase` is when it starts, as a share of the interval, so that clients do not run in lockstep.
    """

    number: int
    tasks: tuple[tuple[OperationKind, int], ...]
    interval: float
    phase: float


def distribute_load(request: LoadRequest) -> tuple[Job, ...]:
    """Distribute the rate over the clients.

    A client of the other shards never serves an affected shard: while it hangs on a frozen
    server it could call no other. With several clients for the same task a reply is due more
    often, and the end of an outage is noticed earlier.
    """
    others = tuple(sorted(set(request.shards) - request.hurt))
    apart = max(1, request.clients // 4) if others else 0
    left = max(2 * len(request.hurt), request.clients - apart)
    share = HURT_SHARE if others else 1.0
    parts = [(kind, shard) for kind in OperationKind for shard in sorted(request.hurt)]
    plan: list[tuple[tuple[tuple[OperationKind, int], ...], float]] = []
    for place, part in enumerate(parts):
        # writers come first, so that they get the remainder
        mine = len(range(place, left, len(parts)))
        plan += [((part,), request.rate * share / len(parts) / mine)] * mine
    if others:
        control = tuple((kind, shard) for shard in others for kind in OperationKind)
        plan += [(control, request.rate * (1 - share) / apart)] * apart
    return tuple(
        Job(number=n, tasks=tasks, interval=1 / rate, phase=n / len(plan))
        for n, (tasks, rate) in enumerate(plan)
    )
