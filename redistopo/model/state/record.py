"""What redistopo started: the state recorded beside the topology file, and process marks."""

from dataclasses import replace

from redistopo.model.state.observed import Observed, Role
from redistopo.model.topology.spec import Shape
from redistopo.quick_dataclass import dataclass

RECORD_FORMAT = 4
"""The newest format. Format 3, written unless the servers are adopted, lacks `adopted`; format 2,
without other machines, also those of nodes; format 1, where nothing was removed, also `removed`,
`port` and `sentinel_port`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessMark:
    """Identifies one process: a pid is ours only with its start time and its boot.

    `started` is in clock ticks since boot on Linux (independent of clock changes), in
    seconds since the epoch elsewhere; `boot` is the boot id ("" where the system has
    none). `pid` 0 with `launching` set means that it is about to be started.
    """

    node: str
    pid: int
    started: float
    boot: str
    executable: str
    config: str
    launching: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedNode:
    """A node as it was first created; `machine` is the name of its machine, "" for this one."""

    name: str
    host: str
    port: int
    machine: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopologyState:
    """The recorded state of one topology.

    `formed` is False from the first start until it was seen healthy; `primary` is the node
    last seen as primary of a replication ("" for a cluster, where nodes.conf has it);
    `engine` last wrote the data, as ``redis 7.0.15``. `removed` are the names of former nodes,
    which aren't used again; `port` and `sentinel_port` are those of the topology file to which the
    nodes' addresses belong, 0 if the first node has that port. `adopted`: redistopo didn't
    start the servers.
    """

    id: str
    name: str
    shape: str
    created: str
    formed: bool
    nodes: tuple[RecordedNode, ...]
    primary: str = ""
    engine: str = ""
    removed: tuple[str, ...] = ()
    port: int = 0
    sentinel_port: int = 0
    adopted: bool = False
    format: int = RECORD_FORMAT

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its nodes."""
        return tuple(node.name for node in self.nodes)


def with_primary_seen(state: TopologyState, seen: Observed) -> TopologyState:
    """Record the primary of a replication as the servers report it, so that a promoted node is
    primary again after all have stopped.

    If several nodes report that they are, the one that Sentinels name counts, since the others
    become its replicas. If none is named, it can't be determined and is "".
    """
    found = [node.name for node in seen.answering if node.role is Role.PRIMARY]
    if not (state.formed and found) or state.shape not in (Shape.REPLICATION, Shape.SENTINEL):
        return state
    if len(found) == 1:
        return replace(state, primary=found[0])
    named = seen.at(seen.named) if seen.named else None
    return replace(state, primary=named.name if named else "")
