"""Which shard each new replica joins, so that no host, and no zone, has two nodes of it; pure."""

from collections.abc import Collection, Mapping, Sequence

from redistopo.model.planning.even_assignment import assign_evenly
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.state.shards import shards_of
from redistopo.model.topology.hosts import Hosts


def choose_primaries(
    nodes: Sequence[NodeSeen], replicas: Mapping[str, int], seen: Observed, hosts: Hosts | None
) -> list[str]:
    """Return the primary that each node follows: that with the fewest replicas; `replicas` are
    those that the primaries have.

    Over several hosts, shards without a node in its zone come first, then those without a node on
    its host, as far as each shard gets its share all the same.
    """
    everywhere = [list(replicas)] * len(nodes)
    even = assign_evenly(everywhere, replicas)
    for faults in _faults(hosts) if nodes else ():
        held = _held(replicas, seen, faults)
        apart = [[one for one in replicas if faults[node.host] not in held[one]] for node in nodes]
        if all(apart):
            found = assign_evenly(apart, replicas)
            if _squares(found, replicas) == _squares(even, replicas):
                return found
    return even


def _squares(found: Sequence[str], replicas: Mapping[str, int]) -> int:
    return sum((have + found.count(name)) ** 2 for name, have in replicas.items())


def _faults(hosts: Hosts | None) -> list[dict[str, str]]:
    """The address of each machine -> what fails with it: its zone, or it alone."""
    if hosts is None:
        return []
    alone = {one.address: one.name for one in hosts.machines}
    zones = {one.address: one.zone or one.name for one in hosts.machines}
    return [zones, alone] if zones != alone else [alone]


def _held(
    replicas: Collection[str], seen: Observed, faults: Mapping[str, str]
) -> Mapping[str, set[str]]:
    """Primary -> where its shard has nodes."""
    own = {node.name: {faults.get(node.host, "")} for node in seen.nodes if node.name in replicas}
    for shard in shards_of(seen):
        if shard.primary and shard.primary.name in own:
            own[shard.primary.name] |= {faults.get(one.host, "") for one in shard.nodes}
    return own
