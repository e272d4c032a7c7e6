"""The name and the address of each node: those of a formed topology never change their meaning,
new nodes get the next number and the next free port; pure."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from redistopo.errors import UsageError
from redistopo.model.planning.plan import Plan
from redistopo.model.protocol.endpoint import BUS_OFFSET, LAST_PORT, Endpoint
from redistopo.model.state.record import RecordedNode, TopologyState
from redistopo.model.topology.ports import Blocked
from redistopo.model.topology.spec import Topology, node_name, sentinel_name


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedNode:
    """A node's name, its number among the data nodes or the Sentinels, and its address."""

    name: str
    number: int
    endpoint: Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedNodes:
    """All nodes of a topology, each kind in the order of numbers."""

    data: tuple[NumberedNode, ...]
    sentinels: tuple[NumberedNode, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """Data nodes or Sentinels: how many there should be, and the first one's port, in the file and
    when the record was written (0 if that is unknown); `record` is that of a formed topology."""

    name: Callable[[int], str]
    count: int
    host: str
    first: int
    recorded_first: int
    bus: bool
    record: TopologyState | None

    def named(self, names: Iterable[str]) -> tuple[int, ...]:
        """The numbers of those names that are of this kind."""
        return tuple(n for one in names if self.name(n := _number(one)) == one)


def number_nodes(
    topology: Topology, record: TopologyState | None = None, blocked: Blocked = lambda _port: ""
) -> NumberedNodes:
    """Name all nodes: those in the record of a formed topology, then new ones.

    If the file has more nodes, new ones follow, on ports that `blocked` has free; if it has fewer,
    none is left out here: which ones go depends on their roles. Another `port` in the file moves
    all ports by the difference, another `host` all nodes.
    """
    shape = topology.shape.value
    formed = record if record and record.formed and record.shape == shape else None
    data = _Kind(
        name=node_name,
        count=topology.size,
        host=topology.address,
        record=formed,
        first=topology.port,
        recorded_first=formed.port if formed else 0,
        bus=topology.clustered,
    )
    watching = _Kind(
        name=sentinel_name,
        count=topology.sentinels,
        host=topology.address,
        record=formed,
        first=topology.first_sentinel,
        recorded_first=formed.sentinel_port if formed else 0,
        bus=False,
    )
    kept = [_kept(kind) for kind in (data, watching)]
    taken = {port for some in kept for one in some for port in _ports(one.endpoint.port, data.bus)}
    found = []
    for kind, some in zip((data, watching), kept, strict=True):
        new = tuple(_new(kind, some, taken, blocked))
        taken |= {port for one in new for port in _ports(one.endpoint.port, kind.bus)}
        found.append((*some, *new))
    return NumberedNodes(data=found[0], sentinels=found[1])


def _ports(port: int, bus: bool) -> tuple[int, ...]:
    return (port, port + BUS_OFFSET) if bus else (port,)


def _kept(kind: _Kind) -> tuple[NumberedNode, ...]:
    """The recorded nodes of a kind, at the file's addresses."""
    ports = {one.name: one.port for one in (kind.record.nodes if kind.record else ())}
    numbers = sorted(kind.named(ports))
    if not numbers:
        return ()
    lowest = numbers[0]
    first = kind.recorded_first or ports[kind.name(lowest)] - lowest + 1
    return tuple(
        NumberedNode(
            name=kind.name(number),
            number=number,
            endpoint=Endpoint(kind.host, ports[kind.name(number)] + kind.first - first),
        )
        for number in numbers
    )


def _number(name: str) -> int:
    return int(name.lstrip("abcdefghijklmnopqrstuvwxyz") or 0)


def _new(
    kind: _Kind,
    kept: tuple[NumberedNode, ...],
    taken: Iterable[int],
    blocked: Blocked,
) -> Iterator[NumberedNode]:
    """The nodes that the file has and the record lacks. A number was never used before; its port
    is the one that it would have in a new topology, or the next free one."""
    gone = kind.named(kind.record.removed if kind.record else ())
    number = max([*(one.number for one in kept), *gone], default=0)
    used = set(taken)

    def free(port: int) -> bool:
        ports = _ports(port, kind.bus)
        return used.isdisjoint(ports) and not any(map(blocked, ports))

    for _ in range(kind.count - len(kept)):
        number += 1
        port = kind.first + number - 1
        if kind.record is not None:  # the ports of a new topology were chosen by `init`
            port = next((one for one in range(port, LAST_PORT + 1) if free(one)), LAST_PORT + 1)
        if max(_ports(port, kind.bus)) > LAST_PORT:
            raise _no_port(kind.name(number), kind.first + number - 1)
        used |= {*_ports(port, kind.bus)}
        yield NumberedNode(
            name=kind.name(number), number=number, endpoint=Endpoint(kind.host, port)
        )


def _no_port(name: str, first: int) -> UsageError:
    return UsageError(
        f"no port is free for {name}",
        detail=f"looked at {first} and above; the highest port is {LAST_PORT}",
        hint="set a lower port in the topology file while no node runs; the data is kept",
    )


def recorded_nodes(plan: Plan) -> tuple[RecordedNode, ...]:
    """Return the plan's nodes as they are recorded."""
    return tuple(RecordedNode(name=one.name, host=one.host, port=one.port) for one in plan.nodes)


def with_new_nodes(plan: Plan, record: TopologyState) -> TopologyState:
    """Record the new nodes of a plan, before any of them is started."""
    if {node.name for node in plan.nodes} <= {*record.names}:
        return record
    return recorded_now(plan, record)


def recorded_now(plan: Plan, record: TopologyState) -> TopologyState:
    """Record the plan's nodes, and the ports that their addresses belong to."""
    return replace(
        record,
        nodes=recorded_nodes(plan),
        port=plan.topology.port,
        sentinel_port=plan.topology.first_sentinel if plan.sentinels else 0,
    )


def with_removed(plan: Plan, record: TopologyState, names: Collection[str]) -> TopologyState:
    """Record that nodes were removed: their names aren't used again."""
    now = recorded_now(plan, record)
    gone = tuple(node.name for node in now.nodes if node.name in names)
    left = tuple(node for node in now.nodes if node.name not in names)
    return replace(now, nodes=left, removed=(*record.removed, *gone))
