"""`verify`: every check, on our own topology or on any other."""

from contextlib import suppress
from dataclasses import field, replace
from pathlib import Path

from redistopo.checks.catalogue import judge
from redistopo.checks.check_types import Expected
from redistopo.client.connection import Connections
from redistopo.client.connectivity_probe import probe_nodes
from redistopo.client.discovery import (
    credentials_elsewhere,
    discover,
    parse_address,
    with_sentinel_logins,
)
from redistopo.client.observe import observe
from redistopo.client.target import Detail, Target
from redistopo.errors import BadReply, ExitCode, RedistopoError, Unhealthy, Unreachable
from redistopo.host.host import Host
from redistopo.host.local_host import LOCAL
from redistopo.host.polling import Deadline
from redistopo.model.connectivity.findings_with_causes import (
    links_are_down,
    nodes_cannot_connect,
    with_causes,
)
from redistopo.model.connectivity.report import ConnectivityReport, connectivity_report
from redistopo.model.protocol.credentials import Login
from redistopo.model.state.finding import Finding, failed_findings
from redistopo.model.state.observed import Observed
from redistopo.model.state.record import with_primary_seen
from redistopo.model.state.shards import ShardSeen, shards_of
from redistopo.model.topology.spec import Shape
from redistopo.progress import Progress, step
from redistopo.project.started_topology import nothing_started_error
from redistopo.quick_dataclass import dataclass
from redistopo.session.health import Verdict, wait_until_healthy, with_write_probe
from redistopo.session.open import open_session, record_primary_unless_busy
from redistopo.session.session import CredentialSource, SessionRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRequest:
    """What to verify: the folder's topology, or the one around `connect`; of a Sentinel, with the
    primary `master`, or all that it monitors.

    `seconds` is how long failures that may resolve are checked again; `write` allows the write
    probe; `access` is the login for `connect`; `reach` also tries the ports of each host from all
    others.
    """

    root: Path
    connect: str = ""
    master: str = ""
    access: Login = field(default_factory=Login)
    seconds: float = 5.0
    write: bool = True
    reach: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyResult:
    """All findings; healthy if none of them failed. `reach` is the connectivity report, if nodes
    don't reach each other."""

    name: str
    shape: Shape
    nodes: int
    findings: tuple[Finding, ...]
    shards: tuple[ShardSeen, ...]
    seen: Observed
    reach: ConnectivityReport | None = None

    @property
    def healthy(self) -> bool:
        return not failed_findings(self.findings)

    @property
    def code(self) -> ExitCode:
        return ExitCode.DONE if self.healthy else ExitCode.FAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    name: str
    shape: Shape
    targets: tuple[Target, ...]
    expected: Expected
    host: Host = LOCAL


def verify(request: VerifyRequest, progress: Progress) -> VerifyResult:
    """Run every check. Nothing is changed except keys of the write probe, which are removed, and
    the primary on record after a promotion by hand.

    Raises Unhealthy if nothing was started, or no server replies at the address; AccessDenied if
    it rejects our password.
    """
    if request.connect:
        endpoint = parse_address(request.connect)
        with Connections(credentials_elsewhere(request.access, endpoint)) as client:
            try:
                found = discover(endpoint, client, request.master)
            except (Unreachable, BadReply) as error:
                raise _as_fault(error) from error
            client.credentials = with_sentinel_logins(client.credentials, found)
            about = _Subject(
                name=request.connect, shape=found.shape, targets=found.targets, expected=Expected()
            )
            return _verify(about, request, progress, client)
    own = SessionRequest(
        root=request.root, needs_started=False, credentials=CredentialSource.APPLICATION
    )
    with open_session(own, progress) as session:
        if not session.rendered:
            raise _as_fault(nothing_started_error(session.layout))
        about = _Subject(
            name=session.topology.name,
            shape=session.shape,
            targets=session.targets,
            expected=session.expected,
            host=session.host,
        )
        result = _verify(about, request, progress, session.client)
        state = session.state
    if request.write and state is not None and with_primary_seen(state, result.seen) != state:
        # a promotion by hand: if all nodes stop now, `up` has to know which one was primary
        with suppress(RedistopoError):
            record_primary_unless_busy(request.root, "verify", result.seen)
    return result


def _with_reach(verdict: Verdict, about: _Subject, progress: Progress, *, asked: bool) -> Verdict:
    """Judge again with what each host reaches, if that is asked for, or links between nodes that
    reply are down: nothing else of verify takes a run of Ansible."""
    if about.host is LOCAL or not (asked or links_are_down(verdict.findings)):
        return verdict
    from redistopo.session.hosts import reach_from_hosts

    with step(progress, "connect from each host to the others"):
        seen = replace(verdict.seen, host_reach=reach_from_hosts(about.host))
    return replace(verdict, seen=seen, findings=judge(seen, about.expected))


def _as_fault(error: RedistopoError) -> Unhealthy:
    """What isn't there isn't healthy, as after `down`, and as `wait` reports it."""
    return Unhealthy(error.message, detail=error.detail, hint=error.hint)


def _verify(
    about: _Subject, request: VerifyRequest, progress: Progress, client: Connections
) -> VerifyResult:
    def observed() -> Observed:
        seen = observe(about.shape, about.targets, client, Detail.FULL)
        return with_write_probe(seen, client) if request.write else seen

    with step(
        progress,
        "check the node" if len(about.targets) == 1 else f"check {len(about.targets)} nodes",
    ):
        verdict: Verdict = wait_until_healthy(observed, about.expected, Deadline(request.seconds))
    verdict = _with_reach(verdict, about, progress, asked=request.reach)
    found = None
    if nodes_cannot_connect(verdict.findings):
        found = connectivity_report(verdict.seen, probe_nodes(verdict.seen, about.targets, client))
    return VerifyResult(
        name=about.name,
        shape=about.shape,
        nodes=len(about.targets),
        findings=with_causes(verdict.findings, found) if found else verdict.findings,
        shards=shards_of(verdict.seen),
        seen=verdict.seen,
        reach=found if found and not found.healthy else None,
    )
