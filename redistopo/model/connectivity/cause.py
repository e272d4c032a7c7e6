"""A probable cause of a connectivity problem."""

from enum import StrEnum

from redistopo.quick_dataclass import dataclass


class CauseKind(StrEnum):
    """The kind of problem; the most certain kinds first."""

    PAUSED = "stopped process"
    TAKEN = "port taken"
    GONE = "not running"
    HOST = "host"
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
    """One probable cause: its node, the evidence, and the remedy."""

    kind: CauseKind
    node: str
    evidence: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.evidence}"
