"""One cause of trouble between nodes, and the words in which remedies are told."""

from dataclasses import dataclass
from enum import StrEnum

from redistopo.model.observed import NodeSeen, ProcessState


class Kind(StrEnum):
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


FULL_HOUSE = (
    "close clients that aren't needed, or raise maxclients in the topology file and restart it: "
    "redistopo down, then up"
)
"""What to do where a server has as many clients as it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One probable cause: whose it is, what shows it, and what to type."""

    kind: Kind
    node: str
    evidence: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.evidence}"


def ours(node: NodeSeen) -> bool:
    """Whether redistopo started it."""
    return node.process is not ProcessState.NOT_OURS


def again(node: NodeSeen) -> str:
    """What starts it again."""
    return "redistopo up" if ours(node) else "start it as it was started before"


def cli(node: NodeSeen) -> str:
    """A command to that node, but for its words."""
    return f"redis-cli -h {node.host} -p {node.port}"


def unset(node: NodeSeen, what: str) -> str:
    """How a setting that we didn't make is taken from one of our nodes."""
    return (
        f"take {what} out of [redis], [nodes.{node.name}] and your own templates, "
        "then: redistopo down; redistopo up"
    )


def open_port(host: str, port: int) -> str:
    """How a firewall is opened, and how that is tried."""
    return (
        f"let TCP through to {host} port {port}, as by: sudo ufw allow proto tcp to {host} port "
        f"{port}   (try it: nc -vz {host} {port})"
    )
