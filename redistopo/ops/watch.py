"""`watch`: the status, refreshed continuously, with the latest events."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import field, replace
from datetime import datetime

from redistopo.errors import ExitCode, RedistopoError, TimedOut
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.state.diff import ChangeKind, StateChange
from redistopo.model.state.observed import NodeSeen, Observed, ProcessState, Role
from redistopo.model.state.status_rows import NodeStatus, status_rows
from redistopo.model.topology.spec import Shape
from redistopo.ops.events import Round, rounds
from redistopo.quick_dataclass import dataclass
from redistopo.session.watched_topology import TargetRequest

_KEPT = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchRequest:
    """`interval` is the number of seconds between the starts of two snapshots."""

    sight: TargetRequest
    interval: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The content of one frame. `recent` are the last events, oldest first; `links` is the state of
    each node's link to its primary, `bus` the number of bus links of a cluster node; `took` is
    the duration of the snapshot in seconds; `own` is false for a foreign topology.
    """

    name: str
    at: datetime
    own: bool
    interval: float
    took: float = 0.0
    shape: Shape | None = None
    engine: str = ""
    lines: tuple[NodeStatus, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    bus: Mapping[str, str] = field(default_factory=dict)
    recent: tuple[StateChange, ...] = ()
    trouble: RedistopoError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchResult:
    """The number of snapshots taken."""

    rounds: int
    code: ExitCode = field(default=ExitCode.DONE)


def idle(seconds: float) -> bool:
    """Wait that long; returns False, since no key ends it."""
    with suppress(TimedOut):
        wait_for(lambda: None, Deadline(seconds), pause=seconds, most=seconds)
    return False


def watch(
    request: WatchRequest,
    show: Callable[[Scene, Round], object],
    rest: Callable[[float], bool] = idle,
) -> WatchResult:
    """Show each snapshot, until `rest`, which waits for the next one, returns true.

    Raises UsageError without a topology file; waits for a topology that doesn't exist yet.
    """
    count = 0
    recent: deque[StateChange] = deque(maxlen=_KEPT)
    with rounds(request.sight) as next_round:
        while True:
            began = time.monotonic()
            found = next_round()
            recent.extend(one for one in found.news if one.kind is not ChangeKind.NOW)
            took = time.monotonic() - began
            show(scene(request, found, tuple(recent), took), found)
            count += 1
            if rest(max(0.05, request.interval - (time.monotonic() - began))):
                return WatchResult(rounds=count)


def scene(
    request: WatchRequest, found: Round, recent: tuple[StateChange, ...], took: float
) -> Scene:
    """Return what a frame shows of a round."""
    seen = found.seen
    return Scene(
        name=found.name,
        at=found.at,
        own=not request.sight.connect,
        interval=request.interval,
        took=took,
        shape=seen.shape if seen else None,
        engine=seen.engine if seen else "",
        lines=_with_rates(status_rows(_as_ours(seen)), found.rates) if seen else (),
        links={node.name: _link(node) for node in seen.nodes} if seen else {},
        bus=_bus(seen) if seen and seen.shape is Shape.CLUSTER else {},
        recent=recent,
        trouble=found.trouble,
    )


def _with_rates(lines: tuple[NodeStatus, ...], rates: Mapping[str, int]) -> tuple[NodeStatus, ...]:
    """Without our own snapshots; none before the second one."""
    return tuple(replace(line, operations=rates.get(line.name)) for line in lines)


def _as_ours(seen: Observed) -> Observed:
    """Show servers that we didn't start as running: their processes aren't inspected."""
    return replace(
        seen,
        nodes=tuple(
            replace(node, process=ProcessState.RUNNING)
            if node.process is ProcessState.NOT_OURS
            else node
            for node in seen.nodes
        ),
    )


def _link(node: NodeSeen) -> str:
    """The link of a replica; "-" for other roles."""
    if not node.answers or node.role is not Role.REPLICA:
        return "-"
    if node.link_up:
        return "up"
    return "sync" if node.info.get("master_sync_in_progress") == "1" else "down"


def _bus(seen: Observed) -> dict[str, str]:
    """Bus links of each node to the others that it knows, as 5/5."""
    found = {}
    for node in seen.answering:
        others = [member for member in node.members if not member.myself]
        found[node.name] = f"{sum(member.linked for member in others)}/{len(others)}"
    return found
