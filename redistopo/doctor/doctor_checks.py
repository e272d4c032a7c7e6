"""All of `doctor`'s checks: stable ids in the order in which they are shown, and the judgement."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from redistopo.checks.subject import Check, CheckResult, Expected, subject_of
from redistopo.doctor import conf_checks as served
from redistopo.doctor import leftover_checks as around
from redistopo.doctor import machine_checks as machine
from redistopo.doctor import topology_risks as ailing
from redistopo.doctor.facts import DoctorFacts
from redistopo.model.state.finding import Finding
from redistopo.model.state.observed import Observed
from redistopo.model.topology.spec import Shape

_REPLICATED = frozenset({Shape.CLUSTER, Shape.REPLICATION, Shape.SENTINEL})
_CLUSTER = frozenset({Shape.CLUSTER})


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorCheck:
    """A check of what was found out without asking the topology's servers."""

    id: str
    asks: str
    judge: Callable[[DoctorFacts], Iterable[CheckResult]]


DOCTOR_CHECKS: tuple[DoctorCheck, ...] = (
    DoctorCheck(
        id="machine.server",
        asks="Is there a server that `up` would take?",
        judge=machine.server,
    ),
    DoctorCheck(
        id="machine.cli",
        asks="Is there a redis-cli or valkey-cli for it?",
        judge=machine.cli,
    ),
    DoctorCheck(
        id="machine.vulnerable",
        asks="Has no server here a vulnerability that is known by its release?",
        judge=machine.vulnerable,
    ),
    DoctorCheck(
        id="machine.tls",
        asks="Does a server speak TLS, where the topology asks for it?",
        judge=machine.tls,
    ),
    DoctorCheck(
        id="machine.overcommit",
        asks="Does the kernel let a server fork while memory is short?",
        judge=machine.overcommit,
    ),
    DoctorCheck(
        id="machine.huge-pages",
        asks="Are huge pages not forced on servers?",
        judge=machine.huge_pages,
    ),
    DoctorCheck(
        id="machine.backlog",
        asks="Does the kernel's queue of connections hold tcp-backlog?",
        judge=machine.backlog,
    ),
    DoctorCheck(
        id="machine.files",
        asks="May servers open as many files as they have clients?",
        judge=machine.files,
    ),
    DoctorCheck(
        id="machine.memory",
        asks="Do all maxmemory together fit, also while servers save?",
        judge=machine.memory,
    ),
    DoctorCheck(
        id="machine.swap",
        asks="Is there swap, and not much of it in use?",
        judge=machine.swap,
    ),
    DoctorCheck(
        id="machine.disk",
        asks="Is there room for snapshots and logs?",
        judge=machine.disk,
    ),
    DoctorCheck(
        id="ports.free",
        asks="Is every data and bus port free, or our own node's?",
        judge=around.free,
    ),
    DoctorCheck(
        id="ports.ephemeral",
        asks="Does no port lie where the system takes ports from?",
        judge=around.ephemeral,
    ),
    DoctorCheck(
        id="left.folders",
        asks="Is no entry and no node's folder left over?",
        judge=around.folders,
    ),
    DoctorCheck(
        id="left.orphans",
        asks="Does no server of ours run without being on record?",
        judge=around.orphans,
    ),
    DoctorCheck(
        id="left.secrets",
        asks="Are files with passwords for their owner alone?",
        judge=around.secrets,
    ),
    DoctorCheck(
        id="config.starts",
        asks="Would a server start on the file of --config?",
        judge=served.starts,
    ),
    DoctorCheck(
        id="config.bind",
        asks="Does whoever reaches the server of --config need a password?",
        judge=served.bind,
    ),
    DoctorCheck(
        id="config.running",
        asks="Does a server run on that file, and listen as it says?",
        judge=served.running,
    ),
    DoctorCheck(
        id="config.firewall",
        asks="What does a firewall do with connections to it from elsewhere?",
        judge=served.firewall,
    ),
    DoctorCheck(
        id="topology.runs",
        asks="Is there a topology here, and does it run?",
        judge=around.started,
    ),
    DoctorCheck(
        id="cluster.tables",
        asks="Is each stopped node's nodes.conf whole, and of this cluster?",
        judge=ailing.tables,
    ),
)
"""Judged from Facts."""

EXTRA_CHECKS: tuple[Check, ...] = (
    Check(
        id="replication.password",
        asks="Does each node's masterauth open every other one?",
        judge=ailing.passwords,
        shapes=_REPLICATED,
    ),
    Check(
        id="replication.timeouts",
        asks="Is repl-timeout well above the pace of pings?",
        judge=ailing.timeouts,
        shapes=_REPLICATED,
    ),
    Check(
        id="replication.buffers",
        asks="Do replicas' output buffers hold the backlog?",
        judge=ailing.buffers,
        shapes=_REPLICATED,
    ),
    Check(
        id="cluster.reset",
        asks="Was no node reset, and must none be before it is of this cluster?",
        judge=ailing.strays,
        shapes=_CLUSTER,
    ),
)
"""Judged from what the servers said, beside all of `verify`'s checks."""


def run_doctor_checks(facts: DoctorFacts) -> tuple[Finding, ...]:
    """Every exam's findings, in the order of the catalogue; pure."""
    return tuple(answer.found(exam.id) for exam in DOCTOR_CHECKS for answer in exam.judge(facts))


def run_extra_checks(seen: Observed, expected: Expected) -> tuple[Finding, ...]:
    """What `verify` doesn't ask of the same snapshot; pure."""
    about = subject_of(seen, expected)
    return tuple(finding for check in EXTRA_CHECKS for finding in check.findings(about))
