"""The result of checks: one Finding for each check and subject."""

from collections.abc import Iterable
from enum import StrEnum

from redistopo.quick_dataclass import dataclass


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
    progress), so that it is worth checking again. `because_of` names the findings that this one
    follows from, as `check subject`; it is empty for a root cause.
    """

    check: str
    subject: str
    status: Status
    evidence: str
    hint: str = ""
    settles: bool = False
    because_of: tuple[str, ...] = ()

    @property
    def ref(self) -> str:
        """How other findings name it in `because_of`."""
        return f"{self.check} {self.subject}"


def failed_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings that make the topology unhealthy."""
    return tuple(one for one in findings if one.status is Status.FAIL)


def has_permanent_failure(findings: Iterable[Finding]) -> bool:
    """Whether a failure won't resolve by waiting."""
    return any(not one.settles for one in failed_findings(findings))


def root_causes(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the failed findings that don't follow from another one.

    Those that waiting won't resolve come first: they ended the wait, or will outlast it.
    """
    roots = (one for one in failed_findings(findings) if not one.because_of)
    return tuple(sorted(roots, key=lambda one: one.settles))


def consequences(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings that follow from others: they go away with their root causes."""
    return tuple(one for one in findings if one.because_of)
