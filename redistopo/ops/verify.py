"""`verify`: every check, on our own topology or on any other."""

from dataclasses import dataclass, field
from pathlib import Path

from redistopo.checks.subject import Expected
from redistopo.client.connection import NodeClient
from redistopo.client.discovery import (
    credentials_elsewhere,
    discover,
    parse_address,
    with_sentinel_logins,
)
from redistopo.client.observe import Detail, Target, observe
from redistopo.client.port_probe import probe_nodes
from redistopo.errors import ExitCode
from redistopo.host.polling import Deadline
from redistopo.model.connectivity.findings import apart, with_causes
from redistopo.model.connectivity.report import ConnectivityReport, connectivity_report
from redistopo.model.protocol.credentials import Credentials, Login
from redistopo.model.state.finding import Finding, failed_findings
from redistopo.model.state.observed import Observed, ShardSeen, shards_of
from redistopo.model.topology.spec import Shape
from redistopo.progress import Progress, step
from redistopo.project.lifecycle import record_primary
from redistopo.project.load import layout_of_folder, load_project
from redistopo.project.passwords import load_password
from redistopo.project.started import (
    credentials_in_use,
    nothing_started_error,
    rendered_confs,
    targets_in_use,
)
from redistopo.session.health import Verdict, wait_until_healthy, with_write_probe
from redistopo.session.situation import expected_of


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRequest:
    """What to verify: the folder's own topology, or the one around `connect`.

    `seconds` is how long failures that may settle are looked at again; `write` allows the
    data proof; `access` is for `connect`.
    """

    root: Path
    connect: str = ""
    access: Login = field(default_factory=Login)
    seconds: float = 5.0
    write: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyResult:
    """All findings; healthy when none of them failed. `reach` is who reaches whom, where
    nodes don't reach each other."""

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


def verify(request: VerifyRequest, progress: Progress) -> VerifyResult:
    """Every check's findings. Nothing is changed but markers of our own, which are removed.

    Raises RedistopoError where there is nothing to look at.
    """
    if request.connect:
        host, port = parse_address(request.connect)
        with NodeClient(credentials_elsewhere(request.access, host, port)) as client:
            found = discover(host, port, client)
            client.keys = with_sentinel_logins(client.keys, found)
            about = _Subject(
                name=request.connect, shape=found.shape, targets=found.targets, expected=Expected()
            )
            return _verify(about, request, progress, client)
    about, held = _own(request.root)
    with NodeClient(held) as client:
        result = _verify(about, request, progress, client)
        record_primary(layout_of_folder(request.root), result.seen)
        return result


def _own(root: Path) -> tuple[_Subject, Credentials]:
    project = load_project(root)
    rendered = rendered_confs(project.layout)
    if not rendered:
        raise nothing_started_error(project.layout)
    paths = {name: str(project.layout.node(name).config) for name in rendered}
    base = expected_of(project.topology, rendered, paths)
    about = _Subject(
        name=project.topology.name,
        shape=project.topology.shape,
        targets=targets_in_use(project.layout, rendered),
        expected=base,
    )
    known = load_password(project.topology, project.layout)
    return about, credentials_in_use(project.layout, rendered, known)


def _verify(
    about: _Subject, request: VerifyRequest, progress: Progress, client: NodeClient
) -> VerifyResult:
    def observed() -> Observed:
        seen = observe(about.shape, about.targets, client, Detail.FULL)
        return with_write_probe(seen, client) if request.write else seen

    with step(
        progress,
        "look at the node" if len(about.targets) == 1 else f"look at {len(about.targets)} nodes",
    ):
        verdict: Verdict = wait_until_healthy(observed, about.expected, Deadline(request.seconds))
    found = None
    if apart(verdict.findings):
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
