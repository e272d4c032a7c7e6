"""What was judged: one Finding for each check and subject."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """`WARN` is worth knowing, and does not make the topology unhealthy."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check's word on one subject (a node, a shard or the whole).

    `settles` says that a failure may mend itself within seconds (gossip, a sync under
    way), so that it is worth another look.
    """

    check: str
    subject: str
    status: Status
    evidence: str
    hint: str = ""
    settles: bool = False


def failed_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Those that make the topology unhealthy."""
    return tuple(one for one in findings if one.status is Status.FAIL)


def has_permanent_failure(findings: Iterable[Finding]) -> bool:
    """Whether there is a failure that no waiting mends."""
    return any(not one.settles for one in failed_findings(findings))
