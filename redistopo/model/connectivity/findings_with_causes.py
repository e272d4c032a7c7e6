"""Adds the causes that probes found to findings about nodes that can't reach each other."""

from collections.abc import Iterable
from dataclasses import replace

from redistopo.model.connectivity.cause import Cause, CauseKind
from redistopo.model.connectivity.report import ConnectivityReport
from redistopo.model.state.finding import Finding, Status

EXPLAINED = frozenset({"node.alive", "cluster.members", "cluster.links", "replication.link"})
"""The checks whose failure may be a connectivity problem."""


_LINKS = EXPLAINED - {"node.alive"} | {"sentinel.quorum", "sentinel.peers", "sentinel.replicas"}


def nodes_cannot_connect(findings: Iterable[Finding]) -> bool:
    """Return whether any of these checks failed."""
    return any(one.check in EXPLAINED and one.status is Status.FAIL for one in findings)


def links_are_down(findings: Iterable[Finding]) -> bool:
    """Return whether links fail between nodes that reply to us, or that follow from no silent
    node."""
    return any(
        one.check in _LINKS and one.status is Status.FAIL and not one.because_of for one in findings
    )


def with_causes(findings: Iterable[Finding], found: ConnectivityReport) -> tuple[Finding, ...]:
    """Add the cause and its remedy to each failed finding that has one."""
    return tuple(_with_cause(one, found) for one in findings)


def _with_cause(finding: Finding, found: ConnectivityReport) -> Finding:
    if finding.check not in EXPLAINED or finding.status is not Status.FAIL:
        return finding
    cause: Cause | None = found.about(finding.subject)
    if cause is None:
        return finding
    seen = (CauseKind.GONE, CauseKind.PAUSED, CauseKind.HOST)
    if finding.check == "node.alive" and cause.kind in seen:
        return replace(finding, hint=cause.remedy)  # its evidence already has the cause
    evidence = f"{finding.evidence}; probable cause: {cause}"
    return replace(finding, evidence=evidence, hint=cause.remedy)
