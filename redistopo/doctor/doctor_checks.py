"""The list of `doctor`'s checks, with stable ids, in the order shown."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from redistopo.checks.check_types import Check, CheckResult, Expected, subject_of
from redistopo.doctor import conf_checks as served
from redistopo.doctor import failover_risks as ailing
from redistopo.doctor import leftover_checks as around
from redistopo.doctor import machine_checks as machine
from redistopo.doctor.facts import DoctorFacts
from redistopo.model.state.finding import Finding
from redistopo.model.state.observed import Observed
from redistopo.model.topology.spec import Shape

_REPLICATED = frozenset({Shape.CLUSTER, Shape.REPLICATION, Shape.SENTINEL})
_CLUSTER = frozenset({Shape.CLUSTER})


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorCheck:
    """A check of facts gathered without asking the topology's servers."""

    id: str
    question: str
    judge: Callable[[DoctorFacts], Iterable[CheckResult]]


DOCTOR_CHECKS: tuple[DoctorCheck, ...] = (
    DoctorCheck(
        id="machine.server",
        question="Is there a server that `up` can use?",
        judge=machine.server,
    ),
    DoctorCheck(
        id="machine.cli",
        question="Is there a redis-cli or valkey-cli for it?",
        judge=machine.cli,
    ),
    DoctorCheck(
        id="machine.vulnerable",
        question="Is no server here a release with known vulnerabilities?",
        judge=machine.vulnerable,
    ),
    DoctorCheck(
        id="machine.tls",
        question="Is there a server built with TLS, if the topology needs it?",
        judge=machine.tls,
    ),
    DoctorCheck(
        id="machine.overcommit",
        question="Can a server fork while memory is short?",
        judge=machine.overcommit,
    ),
    DoctorCheck(
        id="machine.huge-pages",
        question="Are transparent huge pages not always on?",
        judge=machine.huge_pages,
    ),
    DoctorCheck(
        id="machine.backlog",
        question="Is the kernel's connection queue as long as tcp-backlog?",
        judge=machine.backlog,
    ),
    DoctorCheck(
        id="machine.files",
        question="Can servers open as many files as they have clients?",
        judge=machine.files,
    ),
    DoctorCheck(
        id="machine.memory",
        question="Does the sum of all maxmemory fit, also while servers save?",
        judge=machine.memory,
    ),
    DoctorCheck(
        id="machine.swap",
        question="Is there swap, and little of it in use?",
        judge=machine.swap,
    ),
    DoctorCheck(
        id="machine.disk",
        question="Is there disk space for snapshots and logs?",
        judge=machine.disk,
    ),
    DoctorCheck(
        id="ports.free",
        question="Is every data and bus port free, or held by the topology's own node?",
        judge=around.free,
    ),
    DoctorCheck(
        id="ports.ephemeral",
        question="Is every port outside the range of ephemeral ports?",
        judge=around.ephemeral,
    ),
    DoctorCheck(
        id="left.folders",
        question="Is no list entry and no node folder left over?",
        judge=around.folders,
    ),
    DoctorCheck(
        id="left.orphans",
        question="Does no unrecorded server run in a state folder?",
        judge=around.orphans,
    ),
    DoctorCheck(
        id="left.secrets",
        question="Are files with passwords readable by their owner only?",
        judge=around.secrets,
    ),
    DoctorCheck(
        id="config.starts",
        question="Does a server start with the file of --config?",
        judge=served.starts,
    ),
    DoctorCheck(
        id="config.bind",
        question="Do clients of the server of --config need a password?",
        judge=served.bind,
    ),
    DoctorCheck(
        id="config.running",
        question="Does a server run with that file, and listen as it says?",
        judge=served.running,
    ),
    DoctorCheck(
        id="config.firewall",
        question="What does a firewall do with connections to it from other machines?",
        judge=served.firewall,
    ),
    DoctorCheck(
        id="topology.runs",
        question="Is there a topology here, and does it run?",
        judge=around.started,
    ),
    DoctorCheck(
        id="cluster.tables",
        question="Is each stopped node's nodes.conf intact, and of this cluster?",
        judge=ailing.tables,
    ),
)
"""Judged from DoctorFacts."""

EXTRA_CHECKS: tuple[Check, ...] = (
    Check(
        id="replication.password",
        question="Does every node accept each node's masterauth?",
        judge=ailing.passwords,
        shapes=_REPLICATED,
    ),
    Check(
        id="replication.timeouts",
        question="Is repl-timeout well above the ping period?",
        judge=ailing.timeouts,
        shapes=_REPLICATED,
    ),
    Check(
        id="replication.buffers",
        question="Are replicas' output buffers at least as large as the backlog?",
        judge=ailing.buffers,
        shapes=_REPLICATED,
    ),
    Check(
        id="cluster.reset",
        question="Is no node reset, or in need of a reset?",
        judge=ailing.strays,
        shapes=_CLUSTER,
    ),
)
"""Judged from what the servers report, in addition to all of `verify`'s checks."""


def run_doctor_checks(facts: DoctorFacts) -> tuple[Finding, ...]:
    """Return the findings of every check, in order; pure."""
    return tuple(answer.found(exam.id) for exam in DOCTOR_CHECKS for answer in exam.judge(facts))


def run_extra_checks(seen: Observed, expected: Expected) -> tuple[Finding, ...]:
    """Return the findings that `verify` does not have for the same snapshot; pure."""
    about = subject_of(seen, expected)
    return tuple(finding for check in EXTRA_CHECKS for finding in check.findings(about))
