"""What Sentinels report of several primaries: the part of one topology, or of one primary."""

from collections.abc import Mapping
from dataclasses import replace

from redistopo.model.protocol.sentinel_replies import MonitoredPrimary
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.topology.spec import Shape


def without_other_primaries(nodes: tuple[NodeSeen, ...]) -> tuple[NodeSeen, ...]:
    """Leave out what Sentinels monitor besides these nodes, in whatever order they list it."""
    ours = {node.address for node in nodes if not node.is_sentinel}

    def about_us(watch: MonitoredPrimary) -> bool:
        return watch.address in ours or any(one.address in ours for one in watch.replicas)

    def only_ours(node: NodeSeen) -> NodeSeen:
        kept = tuple(filter(about_us, node.watches))
        return _monitoring(node, kept) if kept else node

    return tuple(map(only_ours, nodes))


def by_primary(seen: Observed) -> Mapping[str, Observed]:
    """Map the name of each monitored primary to its nodes and its Sentinels, each of which then
    monitors this one only; empty unless there are several with nodes in the snapshot."""
    if seen.shape is not Shape.SENTINEL:
        return {}
    present = {node.address for node in seen.nodes}
    named: dict[str, set[str]] = {}
    for watch in (watch for node in seen.sentinels for watch in node.watches):
        around = {watch.address, *(one.address for one in watch.replicas)}
        named.setdefault(watch.name, set()).update(around & present)
    groups: dict[str, set[str]] = {}
    taken: set[str] = set()
    for name, addresses in named.items():
        if mine := addresses - taken:  # a primary may be monitored by two names
            groups[name] = mine
            taken |= mine
    if len(groups) < 2:
        return {}
    return {name: _part(seen, name, addresses) for name, addresses in sorted(groups.items())}


def _part(seen: Observed, name: str, data: set[str]) -> Observed:
    watching = [watch for node in seen.sentinels for watch in node.watches if watch.name == name]
    peers = {peer.address for watch in watching for peer in watch.sentinels}
    wanted = _with_chains(seen, data) | peers
    nodes = tuple(
        _only(node, name)
        for node in seen.nodes
        if node.address in wanted or any(watch.name == name for watch in node.watches)
    )
    names = {node.name for node in nodes}
    probes = seen.write_probes and tuple(one for one in seen.write_probes if one.primary in names)
    return replace(seen, nodes=nodes, write_probes=probes)


def _with_chains(seen: Observed, data: set[str]) -> set[str]:
    """Add the nodes that follow one of these, which a Sentinel does not list."""
    while more := {node.address for node in seen.answering if node.follows in data} - data:
        data = data | more
    return data


def _only(node: NodeSeen, name: str) -> NodeSeen:
    return _monitoring(node, tuple(watch for watch in node.watches if watch.name == name))


def _monitoring(node: NodeSeen, watches: tuple[MonitoredPrimary, ...]) -> NodeSeen:
    """A Sentinel's settings are those of the first primary that it monitors."""
    if watches == node.watches:
        return node
    config = watches[0].config if watches else {}
    return replace(node, watches=watches, config=None if node.config is None else config)
