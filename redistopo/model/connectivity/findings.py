"""Findings about nodes that don't reach each other bear the cause that the probes found."""

from collections.abc import Iterable
from dataclasses import replace

from redistopo.model.connectivity.cause import Cause, CauseKind
from redistopo.model.connectivity.report import ConnectivityReport
from redistopo.model.state.finding import Finding, Status

EXPLAINED = frozenset({"node.alive", "cluster.members", "cluster.links", "replication.link"})
"""The checks whose failure may be one of reaching each other."""


def apart(findings: Iterable[Finding]) -> bool:
    """Whether any of these checks failed."""
    return any(one.check in EXPLAINED and one.status is Status.FAIL for one in findings)


def with_causes(findings: Iterable[Finding], found: ConnectivityReport) -> tuple[Finding, ...]:
    """The findings; those that failed for a known cause tell it, and what to type against it."""
    return tuple(_told(one, found) for one in findings)


def _told(finding: Finding, found: ConnectivityReport) -> Finding:
    if finding.check not in EXPLAINED or finding.status is not Status.FAIL:
        return finding
    cause: Cause | None = found.about(finding.subject)
    if cause is None:
        return finding
    if finding.check == "node.alive" and cause.kind in (CauseKind.GONE, CauseKind.PAUSED):
        return replace(finding, hint=cause.remedy)  # its evidence says so already
    evidence = f"{finding.evidence}; probable cause: {cause}"
    return replace(finding, evidence=evidence, hint=cause.remedy)
