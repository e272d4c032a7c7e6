"""`doctor`: this machine, a configuration and the current topology, each with what to type."""

from dataclasses import field, replace
from pathlib import Path

from redistopo.checks.check_types import Expected
from redistopo.doctor.doctor_checks import run_doctor_checks, run_extra_checks
from redistopo.doctor.facts import DoctorFix, FixOutcome, TopologyPresence, fixes_of
from redistopo.errors import ExitCode, RedistopoError
from redistopo.model.protocol.credentials import Login
from redistopo.model.state.finding import Finding, failed_findings
from redistopo.ops.doctor_facts import facts
from redistopo.ops.verify import VerifyRequest, VerifyResult, verify
from redistopo.progress import Progress, no_progress, step
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorRequest:
    """What to check besides the machine: the folder's topology, or the one around `connect` (of a
    Sentinel, with the primary `master`, or all), and the redis.conf `config`. `seconds` is how
    long checks that may recover are repeated; `write` allows the write probe."""

    root: Path
    connect: str = ""
    master: str = ""
    access: Login = field(default_factory=Login)
    config: Path | None = None
    seconds: float = 3.0
    write: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorResult:
    """All findings, the machine's first; `fixes` is what `--fix` would still do, `mended` what it
    did. `topology` is its name or address, `started` its state."""

    findings: tuple[Finding, ...]
    fixes: tuple[DoctorFix, ...]
    topology: str
    started: TopologyPresence
    mended: tuple[FixOutcome, ...] = ()

    @property
    def code(self) -> ExitCode:
        return ExitCode.FAULT if failed_findings(self.findings) else ExitCode.DONE


def doctor(request: DoctorRequest, progress: Progress) -> DoctorResult:
    """Run every check. Nothing is changed except keys of the write probe, which are removed.

    Servers that don't reply cost some seconds in all. Raises RedistopoError for a configuration
    that can't be read, and for a folder that can't be resolved; a topology that can't be checked is
    a finding.
    """
    with step(progress, "look at this machine"):
        found = facts(request.root, request.connect, request.config)
    seen: VerifyResult | None = None
    if found.topology.presence is TopologyPresence.RUNNING:
        try:
            with step(progress, f"look at {found.topology.name}"):
                seen = verify(_verifying(request), no_progress)
        except RedistopoError as error:
            trouble = f"{error.message}: {error.detail}" if error.detail else error.message
            topology = replace(found.topology, trouble=trouble, hint=error.hint)
            found = replace(found, topology=topology)
    told = run_doctor_checks(found)
    paused: dict[str, int] = {}
    if seen is not None:
        told = (*told, *seen.findings, *run_extra_checks(seen.seen, Expected()))
        paused = {node.name: node.pid for node in seen.seen.nodes if node.paused}
    return DoctorResult(
        findings=told,
        fixes=fixes_of(found, paused),
        topology=found.topology.name,
        started=found.topology.presence,
    )


def _verifying(request: DoctorRequest) -> VerifyRequest:
    return VerifyRequest(
        root=request.root,
        connect=request.connect,
        master=request.master,
        access=request.access,
        seconds=request.seconds,
        write=request.write,
    )
