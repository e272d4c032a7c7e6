"""What a verb works with that changes servers while they run, and the health it waits for."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from redistopo.checks.catalogue import judge
from redistopo.client.connection import NodeClient
from redistopo.client.observe import Detail
from redistopo.errors import TimedOut
from redistopo.execute.context import ExecutionContext
from redistopo.host.polling import Deadline, wait_for
from redistopo.host.process_marks import load_topology_state
from redistopo.model.planning.planner import with_observed_roles
from redistopo.model.planning.situation import Situation, with_current_roles
from redistopo.model.state.finding import Finding, failed_findings, has_permanent_failure
from redistopo.model.state.observed import Observed, shards_of
from redistopo.progress import Progress
from redistopo.project.lifecycle import record_primary, refuse_other_layout
from redistopo.project.load import Project, load_project, plan_of
from redistopo.project.lock import locked
from redistopo.project.passwords import load_password
from redistopo.project.progress_log import progress_logged
from redistopo.project.secrets import redacting_errors
from redistopo.project.started import (
    credentials_in_use,
    nothing_started_error,
    refuse_changed_security,
    rendered_confs,
)
from redistopo.session.failures import unhealthy_error
from redistopo.session.health import Verdict
from redistopo.session.situation import expected_of

Known = frozenset[tuple[str, str]]
"""Faults by check and subject."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRequest:
    """The verb's name, its project's folder, and how long it may take in seconds."""

    verb: str
    root: Path
    seconds: float


@dataclass(slots=True, kw_only=True)
class LiveChange:
    """A project that was started, locked by us; `context.plan` has the roles of `seen`."""

    project: Project
    context: ExecutionContext
    seen: Observed

    def again(self) -> Observed:
        """The same, seen now; the plan's roles, and the primary on record, follow."""
        self.seen = self.context.look(Detail.HEALTH)
        layout = self.project.layout
        record_primary(layout, self.seen)
        now = Situation(seen=self.seen, record=load_topology_state(layout))
        self.context.plan = with_observed_roles(
            with_current_roles(self.context.plan, now), shards_of(self.seen)
        )
        return self.seen

    def faults(self) -> Known:
        """The faults of the last look."""
        found = judge(self.seen, expected_of(self.project.topology))
        return frozenset((one.check, one.subject) for one in failed_findings(found))

    def await_health(self, known: Known = frozenset()) -> tuple[Finding, ...]:
        """The findings once no check fails but those that are `known`.

        Raises Unhealthy, or the error of a node that ended, where no waiting mends it or that
        takes too long.
        """
        wanted = expected_of(self.project.topology)
        last: list[Verdict] = []

        def look() -> tuple[Finding, ...] | None:
            seen = self.again()
            last[:] = [Verdict(seen=seen, findings=judge(seen, wanted))]
            new = [
                one
                for one in failed_findings(last[0].findings)
                if (one.check, one.subject) not in known
            ]
            if has_permanent_failure(new):
                raise unhealthy_error(self.context.plan, last[0])
            return None if new else last[0].findings

        try:
            return wait_for(look, self.context.deadline, lambda: "", pause=0.01)
        except TimedOut as error:
            raise unhealthy_error(self.context.plan, last[0]) from error


@contextmanager
def open_for_change(
    request: ChangeRequest, progress: Progress, *, assume: bool = False
) -> Iterator[LiveChange]:
    """The topology of that folder, seen now, which nobody else changes meanwhile.

    With `assume` no server program need be on this machine. Raises UsageError without a
    valid topology file, and where that asks for another topology or other locks than were
    started; RedistopoError where nothing was started.
    """
    project = load_project(request.root)
    layout, topology = project.layout, project.topology
    plan = plan_of(project, assume=assume)
    deadline = Deadline(request.seconds)
    with locked(layout, request.verb, deadline, progress) as there:
        rendered = rendered_confs(layout) if there else {}
        if not rendered:
            raise nothing_started_error(layout)
        with progress_logged(layout, request.verb, progress) as told, redacting_errors(layout):
            refuse_other_layout(plan, load_topology_state(layout))
            refuse_changed_security(topology, layout)
            held = credentials_in_use(layout, rendered, load_password(topology, layout))
            with NodeClient(held) as client:
                context = ExecutionContext(
                    plan=plan, credentials=held, client=client, deadline=deadline, progress=told
                )
                made = LiveChange(
                    project=project, context=context, seen=context.look(Detail.HEALTH)
                )
                made.again()
                yield made
