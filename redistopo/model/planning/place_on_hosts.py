"""Places the nodes of a topology on its machines; pure and deterministic.

No two nodes of a shard share a machine, nor a zone if there are enough; primaries, and then all
nodes, are spread evenly; each Sentinel has a machine of its own. Nodes that are placed stay.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from redistopo.errors import UsageError
from redistopo.model.planning.even_assignment import assign_evenly
from redistopo.model.topology.hosts import Hosts, Machine
from redistopo.model.topology.spec import Topology
from redistopo.quick_dataclass import dataclass

_CONSENT = "allow_colocated = true in [hosts] (init: --allow-colocated) does it all the same"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNodes:
    """The nodes to place: the `groups` are the shards that get nodes, each with those that it has
    before the new ones, and of a new shard its primary first."""

    groups: Sequence[Sequence[str]]
    sentinels: Sequence[str]


@dataclass(slots=True)
class _Placing:
    """Where nodes are while they are placed."""

    hosts: Hosts
    order: Sequence[Machine]
    at: dict[str, str] = field(default_factory=dict)
    zones: dict[str, str] = field(default_factory=dict)

    def loads(self) -> Counter[str]:
        found = Counter({one.name: 0 for one in self.order})
        found.update(self.at.values())
        return found

    def choices(self, node: str, others: Iterable[str]) -> list[str]:
        """The machines for a node that shares the fewest faults with these others."""
        if node in self.hosts.pins:
            return [self.hosts.pins[node]]
        used = Counter(self.at.get(one) or self.hosts.pins.get(one) for one in others)
        near = Counter(self.zones.get(str(name)) for name in used.elements() if name)

        def shared(one: Machine) -> tuple[int, int]:
            return used[one.name], near[one.zone] if one.zone else 0

        least = min(shared(one) for one in self.order)
        return [one.name for one in self.order if shared(one) == least]


def place_nodes(
    topology: Topology, hosts: Hosts, placed: Mapping[str, str], new: NewNodes
) -> dict[str, str]:
    """Return the machine of each node: of those `placed` before, and of new ones.

    Raises UsageError with the arithmetic if there are too few machines, or with the node whose
    machine is gone.
    """
    _refuse_gone(hosts, placed)
    _refuse_few(topology, hosts)
    it = _Placing(
        hosts=hosts,
        order=_through_zones([one for one in hosts.machines if not one.drain]),
        at=dict(placed),
        zones={one.name: one.zone for one in hosts.machines},
    )
    _place_data(it, new)
    _place_sentinels(it, new.sentinels)
    if not hosts.allow_colocated:
        _refuse_pins(it, new)
    return it.at


def _through_zones(machines: Sequence[Machine]) -> tuple[Machine, ...]:
    """The machines so that neighbours are in different zones, as far as there are others."""
    within: Counter[str] = Counter()
    turns = []
    for number, one in enumerate(machines):
        turns.append((within[one.zone] if one.zone else 0, number, one))
        within[one.zone] += 1
    if not any(one.zone for one in machines):
        return tuple(machines)
    return tuple(one for _, _, one in sorted(turns, key=lambda turn: turn[:2]))


def _place_data(it: _Placing, new: NewNodes) -> None:
    """Primaries first, then one replica of each shard after the other, each time evenly."""
    placed = {*it.at}
    for turn in range(max(map(len, new.groups), default=0)):
        groups = [some for some in new.groups if len(some) > turn and some[turn] not in placed]
        choices = [it.choices(some[turn], some) for some in groups]
        names = [some[turn] for some in groups]
        it.at |= zip(names, assign_evenly(choices, it.loads()), strict=True)


def _place_sentinels(it: _Placing, names: Sequence[str]) -> None:
    """An odd number of machines has Sentinels: of an even one, half may be cut off."""
    before = [name for name in it.at if name.startswith("sentinel")]
    most = min(len(it.order), len(before) + len(names))
    if most < len(before) + len(names) and most % 2 == 0:
        most -= 1
    for name in names:
        held = Counter(it.at[one] for one in before)
        found = it.choices(name, before)
        if len(held) >= most and name not in it.hosts.pins:
            few = min(held.values())
            found = [one.name for one in it.order if held[one.name] == few]
        loads = it.loads()
        it.at[name] = min(found, key=lambda one: loads[one])
        before.append(name)


def _refuse_gone(hosts: Hosts, placed: Mapping[str, str]) -> None:
    known = {one.name for one in hosts.machines}
    for node, name in placed.items():
        if not name:
            raise UsageError(
                f"{node} is on this machine, and the topology file has [hosts]; nothing was "
                "changed",
                detail="the topology was started without [hosts], and data stays where it is",
                hint="remove [hosts]; for a topology over several hosts, use another folder",
            )
        pin = hosts.pins.get(node, name)
        if name not in known:
            raise UsageError(
                f"{node} is on {name}, which is not one of the machines any more; nothing was "
                "changed",
                detail=f"its data is there; [hosts] has {', '.join(sorted(known)) or 'none'}",
                hint=f"put {name} into [hosts] again; drain = true in its table empties it",
            )
        if pin != name:
            raise UsageError(
                f"{node} is on {name}, but the file places it on {pin}; nothing was changed",
                detail="a node that has data is not moved to another machine",
                hint=f'set host = "{name}" in [nodes.{node}], or remove the line',
            )


def refuse_local(placed: Mapping[str, str]) -> None:
    """Raise UsageError if recorded nodes are on other machines, and the file has none."""
    for node, name in placed.items():
        if name:
            raise UsageError(
                f"{node} is on {name}, and the topology file has no [hosts]; nothing was changed",
                detail="the topology was started over several hosts",
                hint="put the table [hosts] into the file again",
            )


def _refuse_few(topology: Topology, hosts: Hosts) -> None:
    there = len(hosts.machines) - len(hosts.draining)
    if not there:
        raise UsageError(
            "no machine is known to place nodes on",
            hint="write a table [hosts.NAME] for each machine",
        )
    if hosts.allow_colocated:
        return
    copies = 1 + topology.replicas
    if copies > there:
        shards = f"{topology.shards} shards" if topology.shards > 1 else "1 shard"
        replicas = f"{topology.replicas} replica{'s' if topology.replicas > 1 else ''}"
        raise _too_few(f"{shards} x {replicas}", copies, there, "the nodes of a shard")
    if topology.sentinels > there:
        many = f"{topology.sentinels} Sentinels"
        raise _too_few(many, topology.sentinels, there, "the Sentinels")


def _too_few(what: str, needed: int, there: int, lost: str) -> UsageError:
    hosts = f"{needed} host{'s' if needed > 1 else ''}"
    return UsageError(
        f"{what} need {hosts}, {there} {'is' if there == 1 else 'are'} there; nothing was changed",
        detail=f"{lost} are placed on different hosts, so that the loss of one loses only one",
        hint=f"add machines; {_CONSENT}",
    )


def _refuse_pins(it: _Placing, new: NewNodes) -> None:
    """Raise UsageError if the file itself puts nodes together that should be apart."""
    watching = [name for name in it.at if name.startswith("sentinel")]
    for group in (*new.groups, watching):
        there: dict[str, str] = {}
        for node in group:
            other = there.setdefault(it.at[node], node)
            if other != node and {node, other} & it.hosts.pins.keys():
                kind = "Sentinels" if node in watching else "nodes of one shard"
                raise UsageError(
                    f"{other} and {node} are {kind}, and both on {it.at[node]}",
                    detail="`host` in their tables places them there",
                    hint=f"place one of them on another machine; {_CONSENT}",
                )
