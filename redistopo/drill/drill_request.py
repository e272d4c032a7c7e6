"""A drill's request, its setup and its outcome, and how long to wait in it."""

from collections.abc import Callable
from dataclasses import field
from pathlib import Path

from redistopo.drill.drill_report import TimelineMoment
from redistopo.drill.preflight import Preflight
from redistopo.execute.context import ExecutionContext
from redistopo.model.state.drill_fault import Fault
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.quick_dataclass import dataclass

_GRACE_SECONDS = 3.0
"""Added to the node timeout; by then an election is over, or has failed."""

_SENTINEL_SECONDS = 4.0
"""What Sentinels need in addition: their timer runs once a second."""

_ELECTION_TIMEOUTS = 3
"""How many node timeouts an election takes at most: one until a majority agrees that the node is
failing, and two until the votes are in (auth_timeout in clusterHandleReplicaFailover)."""

_SENTINEL_ELECTION_SECONDS = 10.0
"""How long Sentinels elect one of them (SENTINEL_ELECTION_TIMEOUT in sentinel.c)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillRequest:
    """What to break and how to judge it; each of `targets` is a selector for one node.

    `budget` is the maximum downtime in seconds; `rate` is operations per second, by so many
    `clients`; with `wait_replicas` N each write waits for N replicas (WAIT). `force` also runs a
    drill that can't succeed; `restore_roles` restores the roles afterwards.
    """

    root: Path
    targets: tuple[tuple[str, ...], ...] = (("shard:1", "primary"),)
    fault: Fault = Fault.KILL
    budget: float = 15.0
    rate: int = 500
    clients: int = 4
    wait_replicas: int = 0
    force: bool = False
    restore_roles: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillSetup:
    """A drill about to run: `seen` is the state before the fault, `healthy` or not; `repair`
    repairs the topology, or raises."""

    context: ExecutionContext
    request: DrillRequest
    seen: Observed
    victims: tuple[NodeSeen, ...]
    preflight: Preflight
    healthy: bool
    repair: Callable[[], None]

    @property
    def victim_names(self) -> frozenset[str]:
        return frozenset(node.name for node in self.victims)


@dataclass(slots=True, kw_only=True)
class DrillOutcome:
    """The result so far; `healed` is in seconds after the fault, None while not healthy, and the
    drill waited for takeovers until `waited` seconds after it."""

    moments: list[TimelineMoment] = field(default_factory=list)
    taken_over: bool = False
    waited: float = 0.0
    healed: float | None = None
    error: str = ""


def election_timeout(setup: DrillSetup) -> float:
    """Return how long to wait for an election, or to be sure that none is needed."""
    needed = detection_seconds(setup)
    topology = setup.context.plan.topology
    if setup.preflight.takeovers:
        found = topology.node_timeout if topology.clustered else topology.down_after
        needed = found / 1000 + (0.0 if topology.clustered else _SENTINEL_SECONDS)
    return max(setup.request.budget, needed + _GRACE_SECONDS)


def election_seconds(setup: DrillSetup) -> float:
    """Return how long an election may take once a node is flagged as failing."""
    topology = setup.context.plan.topology
    if topology.clustered:
        return _ELECTION_TIMEOUTS * topology.node_timeout / 1000 + _GRACE_SECONDS
    return _SENTINEL_ELECTION_SECONDS + _SENTINEL_SECONDS + _GRACE_SECONDS


def longest_wait(setup: DrillSetup) -> float:
    """Return how long a drill waits at most: a node may be flagged at the last moment."""
    return election_timeout(setup) + (election_seconds(setup) if setup.preflight.failover else 0.0)


def too_few_replicas_left(setup: DrillSetup) -> bool:
    """Return whether too few replicas are left after a takeover for writes that use WAIT."""
    left = [len(takeover.candidates) - 1 for takeover in setup.preflight.takeovers]
    return bool(left) and setup.request.wait_replicas > min(left)


def detection_seconds(setup: DrillSetup) -> float:
    """Return how long to watch if no replica has to take over: until other nodes would notice."""
    topology = setup.context.plan.topology
    if setup.request.fault is Fault.NONE or not topology.clustered:
        return 2.0
    return 1.0 + topology.node_timeout / 1000
