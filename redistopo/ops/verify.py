"""`verify`: every check, on our own topology or on any other."""

from dataclasses import dataclass, field
from pathlib import Path

from redistopo.checks.subject import Expected
from redistopo.client.connection import Asker
from redistopo.client.discovery import discover, opened, parse_address, strangers_keys
from redistopo.client.observe import Depth, Target, look
from redistopo.client.port_probe import probe
from redistopo.errors import ExitCode
from redistopo.host.polling import Deadline
from redistopo.model.connectivity.findings import apart, with_causes
from redistopo.model.connectivity.report import Reach, reach
from redistopo.model.protocol.credentials import Access, Keys
from redistopo.model.state.finding import Finding, failed
from redistopo.model.state.observed import Observed, ShardSeen, shards_of
from redistopo.model.topology.spec import Shape
from redistopo.progress import Tell, step
from redistopo.project.lifecycle import remember_primary
from redistopo.project.load import layout_of, load
from redistopo.project.passwords import password
from redistopo.project.started import configs, nothing_started, running_keys, running_targets
from redistopo.session.health import Verdict, settle, with_proof
from redistopo.session.situation import expected


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRequest:
    """What to verify: the folder's own topology, or the one around `connect`.

    `seconds` is how long failures that may settle are looked at again; `write` allows the
    data proof; `access` is for `connect`.
    """

    root: Path
    connect: str = ""
    access: Access = field(default_factory=Access)
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
    reach: Reach | None = None

    @property
    def healthy(self) -> bool:
        return not failed(self.findings)

    @property
    def code(self) -> ExitCode:
        return ExitCode.DONE if self.healthy else ExitCode.FAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    name: str
    shape: Shape
    targets: tuple[Target, ...]
    expected: Expected


def verify(request: VerifyRequest, tell: Tell) -> VerifyResult:
    """Every check's findings. Nothing is changed but markers of our own, which are removed.

    Raises RedistopoError where there is nothing to look at.
    """
    if request.connect:
        host, port = parse_address(request.connect)
        with Asker(strangers_keys(request.access, host, port)) as asker:
            found = discover(host, port, asker)
            asker.keys = opened(asker.keys, found)
            about = _Subject(
                name=request.connect, shape=found.shape, targets=found.targets, expected=Expected()
            )
            return _verify(about, request, tell, asker)
    about, held = _own(request.root)
    with Asker(held) as asker:
        result = _verify(about, request, tell, asker)
        remember_primary(layout_of(request.root), result.seen)
        return result


def _own(root: Path) -> tuple[_Subject, Keys]:
    project = load(root)
    rendered = configs(project.layout)
    if not rendered:
        raise nothing_started(project.layout)
    paths = {name: str(project.layout.node(name).config) for name in rendered}
    base = expected(project.topology, rendered, paths)
    about = _Subject(
        name=project.topology.name,
        shape=project.topology.shape,
        targets=running_targets(project.layout, rendered),
        expected=base,
    )
    known = password(project.topology, project.layout)
    return about, running_keys(project.layout, rendered, known)


def _verify(about: _Subject, request: VerifyRequest, tell: Tell, asker: Asker) -> VerifyResult:
    def observe() -> Observed:
        seen = look(about.shape, about.targets, asker, Depth.FULL)
        return with_proof(seen, asker) if request.write else seen

    with step(
        tell,
        "look at the node" if len(about.targets) == 1 else f"look at {len(about.targets)} nodes",
    ):
        verdict: Verdict = settle(observe, about.expected, Deadline(request.seconds))
    found = None
    if apart(verdict.findings):
        found = reach(verdict.seen, probe(verdict.seen, about.targets, asker))
    return VerifyResult(
        name=about.name,
        shape=about.shape,
        nodes=len(about.targets),
        findings=with_causes(verdict.findings, found) if found else verdict.findings,
        shards=shards_of(verdict.seen),
        seen=verdict.seen,
        reach=found if found and not found.well else None,
    )
