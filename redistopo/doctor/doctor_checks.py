"""The list of `doctor`'s checks, with stable ids, in the order shown."""

from collections.abc import Callable, Iterable

from redistopo.checks.check_types import Check, CheckResult, Expected, subject_of
from redistopo.checks.several_primaries import of_each_primary
from redistopo.doctor import conf_checks as config
from redistopo.doctor import failover_risks as risks
from redistopo.doctor import leftover_checks as left
from redistopo.doctor import machine_checks as machine
from redistopo.doctor.facts import DoctorFacts
from redistopo.model.state.finding import Finding
from redistopo.model.state.observed import Observed
from redistopo.model.topology.spec import Shape
from redistopo.quick_dataclass import dataclass

_REPLICATED = frozenset({Shape.CLUSTER, Shape.REPLICATION, Shape.SENTINEL})
_CLUSTER = frozenset({Shape.CLUSTER})


@dataclass(frozen=True, slots=True)
class DoctorCheck:
    """A check of facts that are gathered without the topology's servers."""

    id: str
    question: str
    judge: Callable[[DoctorFacts], Iterable[CheckResult]]


DOCTOR_CHECKS: tuple[DoctorCheck, ...] = (
    DoctorCheck(
        "machine.server",
        "Is there a server that `up` can use, without known faults?",
        machine.server,
    ),
    DoctorCheck("machine.cli", "Is there a redis-cli or valkey-cli for it?", machine.cli),
    DoctorCheck(
        "machine.vulnerable",
        "Is no server here a release with known vulnerabilities?",
        machine.vulnerable,
    ),
    DoctorCheck(
        "machine.tls", "Is there a server built with TLS, if the topology needs it?", machine.tls
    ),
    DoctorCheck(
        "machine.overcommit", "Can a server fork while memory is short?", machine.overcommit
    ),
    DoctorCheck(
        "machine.huge-pages", "Are transparent huge pages not always on?", machine.huge_pages
    ),
    DoctorCheck(
        "machine.backlog",
        "Is the kernel's connection queue as long as tcp-backlog?",
        machine.backlog,
    ),
    DoctorCheck(
        "machine.files", "Can servers open as many files as they have clients?", machine.files
    ),
    DoctorCheck(
        "machine.memory",
        "Does the sum of all maxmemory fit, also while servers save?",
        machine.memory,
    ),
    DoctorCheck("machine.swap", "Is there swap, and little of it in use?", machine.swap),
    DoctorCheck("machine.disk", "Is there disk space for snapshots and logs?", machine.disk),
    DoctorCheck(
        "ports.free",
        "Is every data and bus port free, or held by the topology's own node?",
        left.free,
    ),
    DoctorCheck(
        "ports.ephemeral", "Is every port outside the range of ephemeral ports?", left.ephemeral
    ),
    DoctorCheck("left.folders", "Is no list entry and no node folder left over?", left.folders),
    DoctorCheck("left.orphans", "Does no unrecorded server run in a state folder?", left.orphans),
    DoctorCheck(
        "left.secrets", "Are files with passwords readable by their owner only?", left.secrets
    ),
    DoctorCheck("config.starts", "Does a server start with the file of --config?", config.starts),
    DoctorCheck(
        "config.bind", "Do clients of the server of --config need a password?", config.bind
    ),
    DoctorCheck(
        "config.running",
        "Does a server run with that file, and listen as configured?",
        config.running,
    ),
    DoctorCheck(
        "config.firewall",
        "What does a firewall do with connections to it from other machines?",
        config.firewall,
    ),
    DoctorCheck("topology.runs", "Is there a topology here, and does it run?", left.started),
    DoctorCheck(
        "cluster.tables",
        "Is each stopped node's nodes.conf intact, and of this cluster?",
        risks.tables,
    ),
)
"""Judged from DoctorFacts."""

EXTRA_CHECKS: tuple[Check, ...] = (
    Check(
        id="replication.password",
        question="Does every node accept each node's masterauth?",
        judge=risks.passwords,
        shapes=_REPLICATED,
    ),
    Check(
        id="replication.timeouts",
        question="Is repl-timeout well above the ping period?",
        judge=risks.timeouts,
        shapes=_REPLICATED,
    ),
    Check(
        id="replication.buffers",
        question="Are replicas' output buffers at least as large as the backlog?",
        judge=risks.buffers,
        shapes=_REPLICATED,
    ),
    Check(
        id="cluster.reset",
        question="Is no node reset, or in need of a reset?",
        judge=risks.stray_nodes,
        shapes=_CLUSTER,
    ),
)
"""Judged from what the servers report, in addition to all of `verify`'s checks."""


def run_doctor_checks(facts: DoctorFacts) -> tuple[Finding, ...]:
    """Return the findings of every check, in order; pure."""
    return tuple(result.found(check.id) for check in DOCTOR_CHECKS for result in check.judge(facts))


def run_extra_checks(seen: Observed, expected: Expected) -> tuple[Finding, ...]:
    """Return the findings that `verify` does not have for the same snapshot; pure."""

    def of(part: Observed) -> tuple[Finding, ...]:
        about = subject_of(part, expected)
        return tuple(finding for check in EXTRA_CHECKS for finding in check.findings(about))

    return of_each_primary(seen, of)
