"""The result of checks: one Finding for each check and subject."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """`WARN` needs attention, but doesn't make the topology unhealthy; `UNKNOWN` neither: what the
    check judges could not be read. `SKIP` means that there is nothing to judge."""

    OK = "ok"
    WARN = "warn"
    UNKNOWN = "unknown"
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The verdict of one check on one subject (a node, a shard or the topology).

    `settles` marks a failure that may resolve by itself within seconds (gossip, a sync in
    progress), so that it is worth checking again.
    """

    check: str
    subject: str
    status: Status
    evidence: str
    hint: str = ""
    settles: bool = False


def failed_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings that make the topology unhealthy."""
    return tuple(one for one in findings if one.status is Status.FAIL)


def has_permanent_failure(findings: Iterable[Finding]) -> bool:
    """Whether a failure won't resolve by waiting."""
    return any(not one.settles for one in failed_findings(findings))
