"""The context of verbs that change running servers, and the wait for their health."""

from pathlib import Path

from redistopo.checks.catalogue import judge
from redistopo.client.target import Detail
from redistopo.execute.context import ExecutionContext
from redistopo.model.planning.placement import with_current_placement
from redistopo.model.planning.situation import Situation, with_current_roles
from redistopo.model.state.finding import Finding, failed_findings
from redistopo.model.state.observed import Observed
from redistopo.quick_dataclass import dataclass
from redistopo.session.expected import expected_of
from redistopo.session.health import Known, wait_until_healthy
from redistopo.session.local_preconditions import refuse_folder
from redistopo.session.session import CredentialSource, Session, SessionRequest


@dataclass(slots=True, kw_only=True)
class LiveChange:
    """A started topology that we hold the lock of; `context.plan` has the roles of `seen`."""

    session: Session
    context: ExecutionContext
    seen: Observed

    def again(self) -> Observed:
        """Take a new snapshot, and update the plan's roles and the recorded primary."""
        self.seen = self.context.observe(Detail.HEALTH)
        self.record_roles()
        return self.seen

    def record_roles(self) -> None:
        """Update the plan's roles and the recorded primary from the snapshot."""
        self.seen = self.session.record_primary(self.seen)
        self.follow_roles()

    def follow_roles(self) -> None:
        """Update the plan's roles from the snapshot."""
        now = Situation(seen=self.seen, record=self.session.state)
        self.context.plan = with_current_placement(
            with_current_roles(self.context.plan, now), self.seen
        )

    def faults(self) -> Known:
        """Return the faults of the last snapshot."""
        found = judge(self.seen, expected_of(self.session.topology))
        return frozenset((one.check, one.subject) for one in failed_findings(found))

    def await_health(self, known: Known = frozenset()) -> tuple[Finding, ...]:
        """Wait until no check fails except `known` ones, and return the findings.

        Raises Unhealthy, or the error of a node that exited, if a failure is permanent or the
        deadline is over.
        """
        wanted, deadline = expected_of(self.session.topology), self.context.deadline
        verdict = wait_until_healthy(self.again, wanted, deadline, known=known)
        if not verdict.healthy:
            from redistopo.session.failures import unhealthy_error

            raise unhealthy_error(self.context, verdict)
        return verdict.findings


def change_request(verb: str, root: Path, seconds: float) -> SessionRequest:
    """Build the session request: the lock, and all credentials, to write configurations."""
    return SessionRequest(
        root=root, lock=verb, seconds=seconds, credentials=CredentialSource.APPLICATION
    )


def live_change(session: Session, *, assume: bool = False) -> LiveChange:
    """Observe the topology of a locked session.

    With `assume`, no server program needs to be installed. Raises UsageError if the topology
    file has a layout or access control other than the running servers.
    """
    made = unrecorded(session, assume=assume)
    made.record_roles()
    return made


def unrecorded(session: Session, *, assume: bool = False) -> LiveChange:
    """Observe the topology as `live_change` does, but write nothing: for previews, without the
    lock."""
    plan = session.plan(assume=assume)
    refuse_folder(session, plan)
    context = session.context(plan)
    made = LiveChange(session=session, context=context, seen=context.observe(Detail.HEALTH))
    made.follow_roles()
    return made
