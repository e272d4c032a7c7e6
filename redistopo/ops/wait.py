"""`wait`: waits until a topology is started, replicated or healthy."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field

from redistopo.checks.catalogue import judge
from redistopo.checks.check_types import TOPOLOGY
from redistopo.errors import ExitCode, TimedOut
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.state.finding import failed_findings
from redistopo.model.state.observed import Observed
from redistopo.model.state.shards import shards_of
from redistopo.model.state.wait_condition import WaitCondition
from redistopo.model.topology.spec import Shape
from redistopo.progress import Progress, step
from redistopo.quick_dataclass import dataclass
from redistopo.session.watched_topology import TargetRequest, WatchedTarget, open_target


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitRequest:
    """With `seconds` 0, check once."""

    sight: TargetRequest
    wanted: WaitCondition = WaitCondition.HEALTHY
    seconds: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """What was missing in the last snapshot; `check` is "" if no check reported it, and
    `because_of` is that of the finding."""

    subject: str
    evidence: str
    hint: str = ""
    check: str = ""
    because_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitResult:
    """Nothing is `missing`, or what was at the deadline. `shape` is None if nothing was ever
    observed; `offsets` are the offsets of each primary that its replicas had to reach."""

    name: str
    wanted: WaitCondition
    shape: Shape | None
    nodes: int
    seconds: float
    missing: tuple[Missing, ...]
    offsets: Mapping[str, int] = field(default_factory=dict)

    @property
    def code(self) -> ExitCode:
        return ExitCode.FAULT if self.missing else ExitCode.DONE


def wait(request: WaitRequest, progress: Progress) -> WaitResult:
    """Wait until the condition is met, or the deadline is over; nothing is changed or written.

    Raises UsageError without a topology file, AccessDenied at once if our password is rejected;
    no other fault, and no missing topology, ends it early.
    """
    deadline = Deadline(request.seconds)
    with open_target(request.sight) as topology:
        attempt = _Attempt(topology=topology, wanted=request.wanted)
        try:
            with step(progress, f"wait until {topology.name} is {request.wanted}"):
                wait_for(attempt.look, deadline, pause=0.02)
        except TimedOut:
            attempt.complete()
        return WaitResult(
            name=topology.name,
            wanted=request.wanted,
            shape=attempt.seen.shape if attempt.seen else None,
            nodes=len(attempt.seen.nodes) if attempt.seen else 0,
            seconds=request.seconds - deadline.left,
            missing=attempt.missing,
            offsets={name: offset for (name, _history), offset in attempt.goals.items()},
        )


@dataclass(slots=True, kw_only=True)
class _Attempt:
    """The snapshots of one `wait`; `goals` is (primary, its replication id) -> its first offset."""

    topology: WatchedTarget
    wanted: WaitCondition
    seen: Observed | None = None
    missing: tuple[Missing, ...] = ()
    goals: dict[tuple[str, str], int] = field(default_factory=dict)

    def look(self) -> bool | None:
        """True once nothing is missing."""
        self.missing = tuple(self._look())
        return None if self.missing else True

    def complete(self) -> None:
        """Add what only a full snapshot shows, which was not taken while something else failed."""
        seen = self.seen
        if self.wanted is not WaitCondition.HEALTHY or seen is None or self._few(seen):
            return
        if all(node.answers for node in seen.nodes) and (deep := self.topology.full_snapshot()):
            self.missing = self._failed(deep) or self.missing

    def _look(self) -> Iterable[Missing]:
        seen = self.topology.snapshot()
        if seen is None:
            self.seen = None
            return (_unseen(self.topology),)
        self.seen = seen
        if missing := self._few(seen):
            return missing
        if self.wanted is WaitCondition.REPLICATED:
            return (*self._failed(seen, "node.alive"), *replicating(seen, self.goals))
        if self.wanted is WaitCondition.STARTED:
            return self._failed(seen, "node.alive")
        # a full snapshot costs more, so it comes last
        if missing := self._failed(seen):
            return missing
        deep = self.topology.full_snapshot()
        return self._failed(deep) if deep else (_unseen(self.topology),)

    def _few(self, seen: Observed) -> tuple[Missing, ...]:
        """While `up` writes one node's configuration after the other, some are missing."""
        if len(seen.nodes) >= self.topology.size:
            return ()
        told = f"{len(seen.nodes)} of {self.topology.size} nodes exist"
        return (Missing(subject=TOPOLOGY, evidence=told, hint="start the others: redistopo up"),)

    def _failed(self, seen: Observed, *only: str) -> tuple[Missing, ...]:
        found = failed_findings(judge(seen, self.topology.expected))
        return tuple(
            Missing(
                subject=one.subject,
                evidence=one.evidence,
                hint=one.hint,
                check=one.check,
                because_of=one.because_of,
            )
            for one in found
            if not only or one.check in only
        )


def _unseen(topology: WatchedTarget) -> Missing:
    trouble = topology.trouble
    if trouble is None:
        return Missing(subject=TOPOLOGY, evidence="nothing is there to look at")
    told = ": ".join(filter(None, (trouble.message, trouble.detail)))
    return Missing(subject=TOPOLOGY, evidence=told, hint=trouble.hint)


def replicating(seen: Observed, goals: dict[tuple[str, str], int]) -> Iterator[Missing]:
    """Return every replica that hasn't reached its primary's offset of the first snapshot. A
    primary that isn't in `goals` is added, identified by its replication id too: if that changes,
    as at a restart, its offset starts again."""
    for shard in shards_of(seen):
        primary = shard.primary
        if primary is None:
            for node in shard.replicas:
                told = f"its primary {node.follows} doesn't reply"
                yield Missing(subject=node.name, evidence=told, hint="redistopo status")
            continue
        history = primary.info.get("master_replid", "")
        goal = goals.setdefault((primary.name, history), primary.offset)
        for node in shard.replicas:
            state = node.info.get("master_link_status", "unknown")
            if not node.link_up:
                told = f"its link to {primary.name} is {state}"
                yield Missing(
                    subject=node.name, evidence=told, hint="see its log, and `redistopo verify`"
                )
            elif node.offset < goal:
                told = f"has offset {node.offset} of the {goal} that {primary.name} had"
                yield Missing(subject=node.name, evidence=told, hint="wait longer: --timeout 60s")
