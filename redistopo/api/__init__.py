"""The public face for programs: `import redistopo` offers its functions and `Topology`; the types
of what they return are here."""

from redistopo.api.connected import ConnectedTopology, connect
from redistopo.api.ephemeral import Ephemeral, cluster, replication, sentinel, standalone
from redistopo.api.results import (
    Action,
    Drill,
    Finding,
    LogLine,
    Node,
    Promotion,
    Setting,
    Started,
    Status,
    Stopped,
    Verdict,
    Waited,
)
from redistopo.api.topology import Topology
from redistopo.progress import Event, EventKind

__all__ = [
    "Action",
    "ConnectedTopology",
    "Drill",
    "Ephemeral",
    "Event",
    "EventKind",
    "Finding",
    "LogLine",
    "Node",
    "Promotion",
    "Setting",
    "Started",
    "Status",
    "Stopped",
    "Topology",
    "Verdict",
    "Waited",
    "cluster",
    "connect",
    "replication",
    "sentinel",
    "standalone",
]
