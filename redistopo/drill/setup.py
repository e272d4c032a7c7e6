"""A drill about to be done, how it went, and how long to wait for what."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from redistopo.drill.preflight import Preflight
from redistopo.drill.report import TimelineMoment
from redistopo.execute.context import ExecutionContext
from redistopo.model.state.fault import Fault
from redistopo.model.state.observed import NodeSeen, Observed

_GRACE_SECONDS = 3.0
"""Beyond the node timeout; by then an election is over, or nobody is elected."""

_SENTINEL_SECONDS = 4.0
"""What Sentinels need beyond: they look at everything once a second."""

ANY_PRIMARY = ("shard:1", "primary")
"""Who is hurt where nobody is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillRequest:
    """What to break and how to judge it; each of `targets` are words that mean one node.

    `budget` is for how many seconds clients may be without service; `rate` operations per
    second by so many `clients`; `wait_replicas` N: each write waits for N replicas (WAIT).
    With `force` also a drill that can't succeed is done; `restore_roles` hands the roles back.
    """

    root: Path
    targets: tuple[tuple[str, ...], ...] = (ANY_PRIMARY,)
    fault: Fault = Fault.KILL
    budget: float = 15.0
    rate: int = 500
    clients: int = 4
    wait_replicas: int = 0
    force: bool = False
    restore_roles: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillSetup:
    """A drill about to be done: `seen` before the fault, `well` or not; `mend` brings all
    back, or raises."""

    context: ExecutionContext
    request: DrillRequest
    seen: Observed
    victims: tuple[NodeSeen, ...]
    flight: Preflight
    well: bool
    mend: Callable[[], None]

    @property
    def hurt(self) -> frozenset[str]:
        return frozenset(node.name for node in self.victims)


@dataclass(slots=True, kw_only=True)
class DrillCourse:
    """How it went so far; `healed` in seconds after the fault, None as long as it isn't."""

    moments: list[TimelineMoment] = field(default_factory=list)
    taken_over: bool = False
    healed: float | None = None
    trouble: str = ""


def election_patience(scene: DrillSetup) -> float:
    """How long to wait for an election to be over, or to be sure that nobody misses one."""
    needed = quiet_seconds(scene)
    topology = scene.context.plan.topology
    if scene.flight.heirs:
        found = topology.node_timeout if topology.clustered else topology.down_after
        needed = found / 1000 + (0.0 if topology.clustered else _SENTINEL_SECONDS)
    return max(scene.request.budget, needed + _GRACE_SECONDS)


def short_of_replicas(scene: DrillSetup) -> bool:
    """Whether, once one has taken over, too few are left for writes that wait for replicas."""
    left = [len(heir.candidates) - 1 for heir in scene.flight.heirs]
    return bool(left) and scene.request.wait_replicas > min(left)


def quiet_seconds(scene: DrillSetup) -> float:
    """How long to watch where nobody has to take over: until the others would have noticed."""
    topology = scene.context.plan.topology
    if scene.request.fault is Fault.NONE or not topology.clustered:
        return 2.0
    return 1.0 + topology.node_timeout / 1000
