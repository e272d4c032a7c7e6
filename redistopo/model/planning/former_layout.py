"""A topology file that no longer describes the topology in its folder; pure."""

from collections.abc import Collection, Mapping

from redistopo.errors import UsageError
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.readdress import is_readdressed
from redistopo.model.planning.resizing import is_resized, node_counts, recorded_counts
from redistopo.model.planning.step import join_names
from redistopo.model.protocol.conf import Directives
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.sentinel_replies import monitored_names
from redistopo.model.remedies.of_topology import start_over
from redistopo.model.state.record import TopologyState


def refuse_other_layout(
    plan: Plan,
    record: TopologyState | None,
    rendered: Mapping[str, Directives],
    running: Collection[str],
    *,
    by_up: bool = False,
) -> None:
    """Raise UsageError if the file no longer describes the topology that was formed.

    Its nodes have data for the old layout: only `up` changes the numbers of nodes, no verb the
    shape, and addresses, or the name by which Sentinels know the primary, change only while no node
    is `running`. This is checked before any server is queried: a snapshot of other nodes would say
    nothing.
    """
    if record is None or not record.formed:
        return
    source = plan.layout.topology.name
    if plan.sentinels:
        refuse_other_name(plan, rendered, running, by_up=by_up)
    was = [(node.name, node.host, node.port) for node in record.nodes]
    asked = [(node.name, node.host, node.port) for node in plan.nodes]
    spans = f"formed: {record.shape}, {_span(was)}\nasked:  {plan.topology.shape}, {_span(asked)}"
    if record.shape != plan.topology.shape.value:
        raise UsageError(
            f"{source} no longer describes the topology in this folder",
            detail=spans,
            hint=start_over(f"set shape in {source} back"),
        )
    moved, resized = is_readdressed(plan, record), is_resized(plan, record)
    if moved and resized:
        raise UsageError(
            f"{source} has other addresses and another number of nodes",
            detail=spans,
            hint="change one of them, redistopo up, then the other",
        )
    if resized and not by_up:
        raise UsageError(
            f"{source} asks for {node_counts(plan.topology)}, the topology has "
            f"{recorded_counts(record)}",
            hint="redistopo up adds or removes nodes; redistopo plan shows which",
        )
    if moved and not {*running} <= _staying(plan, record):
        rolling = f"\nwithout downtime: {_rolling(plan, record)}"
        raise UsageError(
            f"{source} has other addresses than the nodes that run: {join_names(running)}",
            detail=spans + ("" if plan.topology.hosts else rolling),
            hint="redistopo down, then redistopo up: the data is kept",
        )


def refuse_other_name(
    plan: Plan, rendered: Mapping[str, Directives], running: Collection[str], *, by_up: bool
) -> None:
    """Raise UsageError if Sentinels know the primary by another name, unless `up` can change it in
    the files of stopped ones; over hosts, folders are named after it as well."""
    source, name = plan.layout.topology.name, plan.topology.name
    monitored = [names for conf in rendered.values() if (names := monitored_names(conf))]
    if not monitored or any(name in names for names in monitored):
        return
    several = any(len(names) > 1 for names in monitored)  # which of them is ours?
    if by_up and not (running or several or plan.topology.hosts):
        return
    was = monitored[0][-1]
    told = f"name is {name} in {source}, but the Sentinels monitor the primary as {was}"
    back = f'set name = "{was}" in {source}; the data is kept'
    if several or plan.topology.hosts is not None:
        why = (
            "they monitor several primaries"
            if several
            else "the folders on the hosts have that name too"
        )
        raise UsageError(told, detail=why, hint=back)
    raise UsageError(
        told,
        detail="clients query the primary by that name, and Sentinels can't change it while they "
        f'run\nto keep it: set name = "{was}" in {source}',
        hint="redistopo down, then redistopo up: the data is kept",
    )


def _rolling(plan: Plan, record: TopologyState) -> str:
    """How to move running nodes: the former keys, and the verb that changes them."""
    source, topology = plan.layout.topology.name, plan.topology
    was, first = record.nodes[0], plan.nodes[0]
    port = record.port or was.port
    back, words = [], []
    if port != topology.port:
        back.append(f"port = {port}")
        words.append(f"--port {topology.port}")
    if was.host != first.host and first.host == topology.host:
        back.append(f'host = "{was.host}"')
        words.append(f"--host {topology.host}")
    if not back:
        return f"the former addresses in {source}, then redistopo move"
    return f"set {' and '.join(back)} in {source} again, then redistopo move {' '.join(words)}"


def _staying(plan: Plan, record: TopologyState) -> set[str]:
    """Return the nodes that may run: those of the hosts that were not replaced by others."""
    if plan.topology.hosts is None:
        return set()
    was = {one.name: Endpoint(one.host, one.port) for one in record.nodes}
    return {node.name for node in plan.nodes if was.get(node.name) == node.endpoint}


def _span(nodes: list[tuple[str, str, int]]) -> str:
    first, last = nodes[0], nodes[-1]
    return f"{len(nodes)} nodes, {first[1]}:{first[2]} to {last[1]}:{last[2]}"
