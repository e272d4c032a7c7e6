"""The name and the address of each node: those of a formed topology never change their meaning,
new nodes get the next number and the next free port; pure."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from redistopo.errors import UsageError
from redistopo.model.planning.place_on_hosts import NewNodes, place_nodes, refuse_local
from redistopo.model.planning.plan import Plan
from redistopo.model.protocol.endpoint import BUS_OFFSET, LAST_PORT, Endpoint
from redistopo.model.state.record import RecordedNode, TopologyState
from redistopo.model.topology.ports import Blocked
from redistopo.model.topology.spec import Adopted, Topology, node_name, sentinel_name
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedNode:
    """A node's name, its number among the data nodes or the Sentinels, and its address; `machine`
    is the name of its machine, "" for this one."""

    name: str
    number: int
    endpoint: Endpoint
    machine: str = ""


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
    first: int
    recorded_first: int
    bus: bool
    record: TopologyState | None

    @property
    def kept(self) -> tuple[int, ...]:
        """The numbers of the recorded nodes."""
        return tuple(sorted(self.named(self.record.names if self.record else ())))

    @property
    def new(self) -> tuple[int, ...]:
        """The numbers of those that the file has and the record lacks: none was used before."""
        kept = self.kept
        gone = self.named(self.record.removed if self.record else ())
        last = max([*kept, *gone], default=0)
        return tuple(range(last + 1, last + 1 + self.count - len(kept)))

    def named(self, names: Iterable[str]) -> tuple[int, ...]:
        """The numbers of those names that are of this kind."""
        return tuple(n for one in names if self.name(n := _number(one)) == one)


Places = Mapping[str, tuple[str, str]]
"""Node -> its machine and that one's address."""


Shards = Sequence[Sequence[str]]
"""The names of each shard's nodes."""


def number_nodes(
    topology: Topology,
    record: TopologyState | None = None,
    blocked: Blocked = lambda _port: "",
    shards: Shards = (),
) -> NumberedNodes:
    """Name all nodes: those in the record of a formed topology, then new ones.

    If the file has more nodes, new ones follow, on ports that `blocked` has free; if it has fewer,
    none is left out here: which ones go depends on their roles. Another `port` in the file moves
    all ports by the difference, another `host` all nodes. Over several machines, ports are counted
    on each, and `shards` are those of a formed cluster, as they are now: new nodes are placed on
    other machines than those of their shard.
    """
    if topology.adopted:
        return _adopted(topology.adopted)
    shape = topology.shape.value
    formed = record if record and record.formed and record.shape == shape else None
    data = _Kind(
        name=node_name,
        count=topology.size,
        record=formed,
        first=topology.port,
        recorded_first=formed.port if formed else 0,
        bus=topology.clustered,
    )
    watching = _Kind(
        name=sentinel_name,
        count=topology.sentinels,
        record=formed,
        first=topology.first_sentinel,
        recorded_first=formed.sentinel_port if formed else 0,
        bus=False,
    )
    places = _places(topology, formed, (data, watching), shards)
    kept = [_kept(kind, places) for kind in (data, watching)]
    taken = {port for some in kept for one in some for port in _ports(one, data.bus)}
    found = []
    for kind, some in zip((data, watching), kept, strict=True):
        new = tuple(_new(kind, places, taken, None if topology.hosts else blocked))
        taken |= {port for one in new for port in _ports(one, kind.bus)}
        found.append((*some, *new))
    return NumberedNodes(data=found[0], sentinels=found[1])


def _adopted(adopted: Adopted) -> NumberedNodes:
    data, sentinels = (
        tuple(
            NumberedNode(name=name, number=_number(name), endpoint=adopted.servers[name])
            for name in names
        )
        for names in (adopted.data, adopted.sentinels)
    )
    return NumberedNodes(data=data, sentinels=sentinels)


def _places(
    topology: Topology, formed: TopologyState | None, kinds: tuple[_Kind, _Kind], shards: Shards
) -> Places:
    data, watching = kinds
    recorded = {one.name: one.machine for one in (formed.nodes if formed else ())}
    names = [kind.name(n) for kind in kinds for n in (*kind.kept, *kind.new)]
    hosts = topology.hosts
    if hosts is None:
        refuse_local(recorded)
        return dict.fromkeys(names, ("", topology.address))
    wanted = NewNodes(
        groups=_groups(topology, data, shards),
        sentinels=[watching.name(n) for n in watching.new],
    )
    at = place_nodes(topology, hosts, recorded, wanted)
    return {name: (at[name], hosts.machine(at[name]).address) for name in names}


def _groups(topology: Topology, data: _Kind, shards: Shards) -> Shards:
    """Each shard with its new nodes: primaries of new shards first, then replica by replica through
    all shards, as they join. Of a formed cluster whose shards aren't known, each node alone."""
    new = [data.name(n) for n in data.new]
    if not topology.clustered:
        return [[*map(data.name, data.kept), *new]]
    if not data.kept:
        return [new[n :: topology.shards] for n in range(topology.shards)]
    if not shards:
        return [[one] for one in new]
    groups = [list(some) for some in shards]
    groups += [[] for _ in range(topology.shards - len(groups))]
    for name in new:
        min(groups, key=len).append(name)
    return groups


def _ports(node: NumberedNode, bus: bool) -> tuple[tuple[str, int], ...]:
    """The ports of a node, with its machine."""
    return _with_bus(node.machine, node.endpoint.port, bus)


def _with_bus(machine: str, port: int, bus: bool) -> tuple[tuple[str, int], ...]:
    return ((machine, port), (machine, port + BUS_OFFSET)) if bus else ((machine, port),)


def _kept(kind: _Kind, places: Places) -> tuple[NumberedNode, ...]:
    """The recorded nodes of a kind, at the file's addresses."""
    ports = {one.name: one.port for one in (kind.record.nodes if kind.record else ())}
    numbers = kind.kept
    if not numbers:
        return ()
    lowest = numbers[0]
    first = kind.recorded_first or ports[kind.name(lowest)] - lowest + 1
    return tuple(
        _numbered(kind, number, places, ports[kind.name(number)] + kind.first - first)
        for number in numbers
    )


def _numbered(kind: _Kind, number: int, places: Places, port: int) -> NumberedNode:
    name = kind.name(number)
    machine, host = places[name]
    return NumberedNode(name=name, number=number, endpoint=Endpoint(host, port), machine=machine)


def _number(name: str) -> int:
    return int(name.lstrip("abcdefghijklmnopqrstuvwxyz") or 0)


def _new(
    kind: _Kind,
    places: Places,
    taken: Collection[tuple[str, int]],
    blocked: Blocked | None,
) -> Iterator[NumberedNode]:
    """The nodes that the file has and the record lacks, on the port that each would have in a new
    topology, or the next free one; `blocked` is None over several machines, where ports are counted
    from the first one."""
    used = set(taken)

    def free(machine: str, port: int) -> bool:
        ports = _with_bus(machine, port, kind.bus)
        return used.isdisjoint(ports) and not any(blocked(one) for _, one in ports if blocked)

    for number in kind.new:
        machine = places[kind.name(number)][0]
        first = kind.first + number - 1 if blocked else kind.first
        port = first
        # the ports of a new topology on this machine were chosen by `init`
        if kind.record is not None or not blocked:
            some = (one for one in range(first, LAST_PORT + 1) if free(machine, one))
            port = next(some, LAST_PORT + 1)
        made = _numbered(kind, number, places, port)
        if max(one for _, one in _ports(made, kind.bus)) > LAST_PORT:
            raise _no_port(made.name, first)
        used |= {*_ports(made, kind.bus)}
        yield made


def _no_port(name: str, first: int) -> UsageError:
    return UsageError(
        f"no port is free for {name}",
        detail=f"looked at {first} and above; the highest port is {LAST_PORT}",
        hint="set a lower port in the topology file while no node runs; the data is kept",
    )


def recorded_nodes(plan: Plan) -> tuple[RecordedNode, ...]:
    """Return the plan's nodes as they are recorded."""
    return tuple(
        RecordedNode(name=one.name, host=one.host, port=one.port, machine=one.machine)
        for one in plan.nodes
    )


def with_places(plan: Plan, numbered: NumberedNodes) -> Plan:
    """Return the plan with its nodes on other machines, at other addresses."""
    placed = {one.name: one for one in (*numbered.data, *numbered.sentinels)}
    nodes = (
        replace(
            node,
            endpoint=(one := placed[node.name]).endpoint,
            bus_port=one.endpoint.port + BUS_OFFSET if node.bus_port else 0,
            machine=one.machine,
        )
        for node in plan.nodes
    )
    return replace(plan, nodes=tuple(nodes))


def with_new_nodes(plan: Plan, record: TopologyState) -> TopologyState:
    """Record the new nodes of a plan, and where they are, before any of them is started."""
    known = {(one.name, one.machine) for one in record.nodes}
    if {(node.name, node.machine) for node in plan.nodes} <= known:
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
