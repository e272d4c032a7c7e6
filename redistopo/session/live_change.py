"""What a verb works with that changes servers while they run, and the health it waits for."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from redistopo.checks.catalogue import judge
from redistopo.client.connection import Asker
from redistopo.client.observe import Depth
from redistopo.errors import TimedOut
from redistopo.execute.context import Hands
from redistopo.host.polling import Deadline, wait_for
from redistopo.host.process_marks import load_record
from redistopo.model.planning.planner import as_seen
from redistopo.model.planning.reconcile import Situation, current
from redistopo.model.state.finding import Finding, failed, hopeless
from redistopo.model.state.observed import Observed, shards_of
from redistopo.progress import Tell
from redistopo.project.lifecycle import remember_primary
from redistopo.project.load import Project, load, plan_of
from redistopo.project.lock import locked
from redistopo.project.passwords import password
from redistopo.project.progress_log import recorded
from redistopo.project.secrets import discreet
from redistopo.project.started import configs, nothing_started, refuse_other_locks, running_keys
from redistopo.session.failures import unhealthy
from redistopo.session.health import Verdict
from redistopo.session.situation import expected, refuse_other_layout

Known = frozenset[tuple[str, str]]
"""Faults by check and subject."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The verb's name, its project's folder, and how long it may take in seconds."""

    verb: str
    root: Path
    seconds: float


@dataclass(slots=True, kw_only=True)
class Changing:
    """A project that was started, locked by us; `hands.plan` has the roles of `seen`."""

    project: Project
    hands: Hands
    seen: Observed

    def again(self) -> Observed:
        """The same, seen now; the plan's roles, and the primary on record, follow."""
        self.seen = self.hands.look(Depth.HEALTH)
        layout = self.project.layout
        remember_primary(layout, self.seen)
        now = Situation(seen=self.seen, record=load_record(layout))
        self.hands.plan = as_seen(current(self.hands.plan, now), shards_of(self.seen))
        return self.seen

    def faults(self) -> Known:
        """The faults of the last look."""
        found = judge(self.seen, expected(self.project.topology))
        return frozenset((one.check, one.subject) for one in failed(found))

    def await_health(self, known: Known = frozenset()) -> tuple[Finding, ...]:
        """The findings once no check fails but those that are `known`.

        Raises FaultFound, or the error of a node that ended, where no waiting mends it or that
        takes too long.
        """
        wanted = expected(self.project.topology)
        last: list[Verdict] = []

        def look() -> tuple[Finding, ...] | None:
            seen = self.again()
            last[:] = [Verdict(seen=seen, findings=judge(seen, wanted))]
            new = [one for one in failed(last[0].findings) if (one.check, one.subject) not in known]
            if hopeless(new):
                raise unhealthy(self.hands.plan, last[0])
            return None if new else last[0].findings

        try:
            return wait_for(look, self.hands.deadline, lambda: "", pause=0.01)
        except TimedOut as error:
            raise unhealthy(self.hands.plan, last[0]) from error


@contextmanager
def changing(request: Request, tell: Tell, *, assume: bool = False) -> Iterator[Changing]:
    """The topology of that folder, seen now, which nobody else changes meanwhile.

    With `assume` no server program need be on this machine. Raises WrongRequest without a
    valid topology file, and where that asks for another topology or other locks than were
    started; RedistopoError where nothing was started.
    """
    project = load(request.root)
    layout, topology = project.layout, project.topology
    plan = plan_of(project, assume=assume)
    deadline = Deadline(request.seconds)
    with locked(layout, request.verb, deadline, tell) as there:
        rendered = configs(layout) if there else {}
        if not rendered:
            raise nothing_started(layout)
        with recorded(layout, request.verb, tell) as told, discreet(layout):
            refuse_other_layout(plan, load_record(layout), layout.topology)
            refuse_other_locks(topology, layout)
            held = running_keys(layout, rendered, password(topology, layout))
            with Asker(held) as asker:
                hands = Hands(plan=plan, keys=held, asker=asker, deadline=deadline, tell=told)
                made = Changing(project=project, hands=hands, seen=hands.look(Depth.HEALTH))
                made.again()
                yield made
