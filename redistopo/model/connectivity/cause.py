"""One cause of trouble between nodes."""

from dataclasses import dataclass
from enum import StrEnum


class CauseKind(StrEnum):
    """What sort of trouble it is; the most certain ones first."""

    PAUSED = "stopped process"
    TAKEN = "port taken"
    GONE = "not running"
    MODE = "cluster mode"
    BIND = "bind address"
    CLOSED = "nothing listens"
    FIREWALL = "firewall"
    AUTH = "password"
    MUTE = "no answer"
    ANNOUNCE = "announced address"
    ELSEWHERE = "another cluster"
    VERSION = "versions"
    REPLICATION = "replication"
    UNMET = "not met"
    LINK = "link"
    SYNC = "full sync"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One probable cause: whose it is, what shows it, and what to type."""

    kind: CauseKind
    node: str
    evidence: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.evidence}"
