"""The connectivity matrix: redistopo's own probes, and the links that the nodes report."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from enum import StrEnum

from redistopo.model.protocol.endpoint import format_address
from redistopo.model.protocol.replies import ClusterNodesLine
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.model.topology.spec import Shape
from redistopo.quick_dataclass import dataclass

US = "redistopo"
"""The name of our own row."""


class PortState(StrEnum):
    """The result of a TCP connection; a backlog accepts it even for a paused process."""

    OK = "ok"
    REFUSED = "refused"
    SILENT = "timeout"
    NO_ROUTE = "noroute"


class PortKind(StrEnum):
    """One of a node's two ports; cluster nodes connect to each other's bus port."""

    DATA = "data"
    BUS = "bus"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeProbe:
    """What redistopo's probe of one node found; contains no secrets.

    `holders` maps a planned port to the program that listens there, if that isn't the node
    itself; `listens` is every HOST:PORT of the node's own process, None if unknown;
    `announced` is the result of a connection to the announced bus address, None if that is
    the planned one. `denied` is its rejection of our password, `login` its primary's
    rejection of the node's own ("" for none), `denied_command` what the primary denies its
    user. `info` is its INFO, empty without a reply;
    `log_line` is the last line about replication in its log.
    """

    name: str
    data: PortState
    bus: PortState | None = None
    bus_port: int = 0
    announced: PortState | None = None
    announced_holder: str = ""
    holders: Mapping[int, str] = field(default_factory=dict)
    listens: tuple[str, ...] | None = None
    denied: str = ""
    login: str = ""
    denied_command: str = ""
    log_line: str = ""
    info: Mapping[str, str] = field(default_factory=dict)

    @property
    def announces_wrong_address(self) -> bool:
        """Whether another program, or nothing, listens at its announced bus address."""
        return bool(self.announced_holder) or self.announced not in (None, PortState.OK)

    def state_of(self, port: PortKind) -> PortState | None:
        return self.data if port is PortKind.DATA else self.bus


WELL = frozenset({"ok", "-", ".", "?"})
"""Cells that aren't faults: reached, the node itself, no link expected, unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixRow:
    """The links from `source` to one kind of port: a cell for each node, in their order."""

    source: str
    port: PortKind
    cells: tuple[str, ...]

    @property
    def has_fault(self) -> bool:
        return not WELL.issuperset(self.cells)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedLink:
    """One failing connection, to `address`."""

    source: str
    target: str
    port: PortKind
    address: str
    word: str

    def __str__(self) -> str:
        return (
            f"{self.source} can't reach {self.target} ({self.address}, {self.port} port): "
            f"{MEANING.get(self.word, self.word)}"
        )


MEANING = {
    "refused": "connection refused",
    "timeout": "the connection timed out",
    "noroute": "no route to that address",
    "foreign": "another program listens there",
    "denied": "the password is rejected",
    "misled": "it announces a wrong address",
    "mute": "connected, but it doesn't reply",
    "odd": "it replies, but not as a node of this topology",
    "down": "the link is down",
    "fail": "it is flagged FAIL",
    "fail?": "it is flagged PFAIL",
    "unmet": "it doesn't know that node",
    "meeting": "the handshake isn't finished",
    "syncing": "a full sync is in progress",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectivityView:
    """A snapshot and its probes; `nodes` maps ids and addresses to nodes, `known` maps each
    node's name to its view of the others, by id and address."""

    seen: Observed
    probes: Mapping[str, NodeProbe]
    nodes: Mapping[str, NodeSeen]
    known: Mapping[str, Mapping[str, ClusterNodesLine]]

    @property
    def clustered(self) -> bool:
        return self.seen.shape is Shape.CLUSTER

    @property
    def met(self) -> bool:
        """Whether any node knows another one; before that, no link is missing."""
        return any(len(node.members) > 1 for node in self.seen.nodes)

    def named(self, member: ClusterNodesLine) -> NodeSeen | None:
        """Return the node with that id, or the node at, or announcing, its address."""
        # during a handshake a node has a random id (cluster_legacy.c, clusterStartHandshake)
        return self.nodes.get(member.id) or self.nodes.get(member.address)

    def member(self, source: str, target: NodeSeen) -> ClusterNodesLine | None:
        """Return the view that the node of that name has of another; None if it doesn't know it."""
        known = self.known[source]
        return next((known[name] for name in _names(target) if name in known), None)


def connectivity_view(seen: Observed, probes: Iterable[NodeProbe]) -> ConnectivityView:
    """Combine a snapshot with the probes of all its nodes."""
    return ConnectivityView(
        seen=seen,
        probes={probe.name: probe for probe in probes},
        nodes={name: node for node in seen.nodes for name in _names(node)},
        known={
            node.name: {
                name: member
                for member in node.members
                if not member.myself
                for name in (member.address, member.id)
            }
            for node in seen.nodes
        },
    )


def _names(node: NodeSeen) -> tuple[str, ...]:
    """Its id, its planned address and its announced address."""
    own = node.myself
    return (own.id, node.address, own.address) if own else (node.address,)


def matrix(scene: ConnectivityView) -> tuple[MatrixRow, ...]:
    """Build the rows: our own first, then each node's bus links and replication link."""
    nodes = scene.seen.nodes
    rows = [
        MatrixRow(source=US, port=PortKind.DATA, cells=tuple(_data(scene, node) for node in nodes))
    ]
    if scene.clustered:
        rows.append(
            MatrixRow(
                source=US, port=PortKind.BUS, cells=tuple(_bus(scene, node) for node in nodes)
            )
        )
    if scene.met:
        rows += [
            MatrixRow(
                source=node.name,
                port=PortKind.BUS,
                cells=tuple(_linked(scene, node, other) for other in nodes),
            )
            for node in nodes
        ]
    for node in nodes:
        if node.role is Role.REPLICA:
            cells = tuple(_followed(scene, node, other) for other in nodes)
            row = MatrixRow(source=node.name, port=PortKind.DATA, cells=cells)
            if row.has_fault or not scene.clustered:
                rows.append(row)
    return tuple(rows)


def _data(scene: ConnectivityView, node: NodeSeen) -> str:
    probe = scene.probes[node.name]
    if node.port in probe.holders:
        return "foreign"
    if probe.data is not PortState.OK:
        return probe.data.value
    if probe.denied:
        return "denied"
    if not probe.info:
        return "mute"
    return "ok" if node.answers else "odd"


def _bus(scene: ConnectivityView, node: NodeSeen) -> str:
    probe = scene.probes[node.name]
    if probe.bus_port in probe.holders:
        return "foreign"
    if probe.bus is PortState.OK and probe.announces_wrong_address:
        return "misled"
    return probe.bus.value if probe.bus else "."


def _linked(scene: ConnectivityView, node: NodeSeen, other: NodeSeen) -> str:
    if node.name == other.name:
        return "-"
    if not node.members:
        return "?"
    member = scene.member(node.name, other)
    if member is None:
        return "unmet"
    if "handshake" in member.flags:
        return "meeting"
    if not member.linked:
        return "down"
    if member.failing:
        return "fail" if "fail" in member.flags else "fail?"
    return "ok" if member.replied else "mute"


def _followed(scene: ConnectivityView, node: NodeSeen, other: NodeSeen) -> str:
    if node.name == other.name:
        return "-"
    if not follows(node, other):
        return "."
    if node.link_up:
        return "ok"
    if scene.probes[node.name].login:
        return "denied"
    return "syncing" if node.info.get("master_sync_in_progress") == "1" else "down"


def follows(node: NodeSeen, other: NodeSeen) -> bool:
    """Return whether a node reports that it is a replica of the other node."""
    own = node.myself
    if own is not None and other.myself is not None:
        return own.primary_id == other.myself.id
    return node.follows == other.address


def failing_links(scene: ConnectivityView, rows: Iterable[MatrixRow]) -> Iterator[FailedLink]:
    """Yield every failing connection, in the order of the matrix."""
    for row in rows:
        for node, word in zip(scene.seen.nodes, row.cells, strict=True):
            if word not in WELL:
                yield FailedLink(
                    source=row.source,
                    target=node.name,
                    port=row.port,
                    address=_address(scene, row, node, word),
                    word=word,
                )


def _address(scene: ConnectivityView, row: MatrixRow, node: NodeSeen, word: str) -> str:
    """The target address: the one that the source knows, or the planned one."""
    if row.port is PortKind.DATA:
        return node.address
    planned, own = format_address(node.host, scene.probes[node.name].bus_port), node.myself
    if row.source == US:
        return format_address(own.host, own.bus_port) if own and word == "misled" else planned
    member = scene.member(row.source, node)
    return format_address(member.host, member.bus_port) if member and member.host else planned
