"""Snapshots of all nodes at once: processes, sockets and server replies."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from redistopo.client.announce_probe import probe_announced, probe_announced_replicas
from redistopo.client.connection import Connections
from redistopo.client.observe_disk import with_disk, with_disk_for_a_start
from redistopo.client.query_node import NodeQuery
from redistopo.client.reach import is_here
from redistopo.client.target import Detail, Target
from redistopo.errors import Unreachable
from redistopo.host.in_threads import in_threads
from redistopo.host.listening_sockets import listening_of_process
from redistopo.host.local_host import LOCAL
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.state.monitored_primaries import without_other_primaries
from redistopo.model.state.observed import NodeSeen, Observed, ProcessState
from redistopo.model.state.unix_socket import UnixSocketSeen
from redistopo.model.topology.spec import Shape


def observe(
    shape: Shape,
    targets: Iterable[Target],
    client: Connections,
    depth: Detail,
    *,
    disk: bool = False,
) -> Observed:
    """Take one snapshot of all targets, in their order; never raises for a faulty node.

    With `disk`, also inspect their folders, which decisions about data need.
    """
    wanted = tuple(targets)
    for machine in {one.machine for one in wanted}:
        machine.flush()
    nodes = without_other_primaries(_inspected(wanted, NodeQuery(shape, client, depth)))
    if depth is Detail.FULL:
        nodes = tuple(map(_with_other_ports, wanted, _with_listening(wanted, nodes)))
    if disk:
        # last, so that it includes what a process wrote when it ended
        nodes = _with_disks(nodes, wanted)
    announced = None
    if depth is Detail.FULL and shape is Shape.CLUSTER:
        announced = probe_announced(nodes, client)
    elif depth is Detail.FULL:
        announced = probe_announced_replicas(nodes, client)
    return Observed(shape=shape, nodes=nodes, announced=announced)


def _inspected(wanted: tuple[Target, ...], query: NodeQuery) -> tuple[NodeSeen, ...]:
    """Inspect the processes, and query the servers: with threads where other machines, or
    encryption, take more time than reading the replies."""
    if all(one.machine is LOCAL for one in wanted):
        nodes = [(one, process_state(one)) for one in wanted]
        if query.plain and all(is_here(one.host) for one in wanted):
            return tuple(query.ask_each(nodes))
        return in_threads(lambda pair: query.ask(*pair), nodes)
    return in_threads(lambda one: query.ask(one, process_state(one)), wanted)


def with_disks(seen: Observed, targets: Iterable[Target]) -> Observed:
    """Add what the nodes' folders hold now."""
    return replace(seen, nodes=_with_disks(seen.nodes, targets))


def _with_disks(nodes: Iterable[NodeSeen], targets: Iterable[Target]) -> tuple[NodeSeen, ...]:
    pairs = zip(nodes, targets, strict=True)
    return tuple(with_disk(node, one.layout, one.machine.files) for node, one in pairs)


def with_disks_for_a_start(seen: Observed, targets: Iterable[Target]) -> Observed:
    """Add what `start` needs of the nodes' folders."""
    pairs = zip(seen.nodes, targets, strict=True)
    nodes = (with_disk_for_a_start(node, one.layout, one.machine.files) for node, one in pairs)
    return replace(seen, nodes=tuple(nodes))


def _with_other_ports(target: Target, node: NodeSeen) -> NodeSeen:
    """Add where the process of a node that doesn't reply listens, if not at the node's port."""
    unasked = node.answers or node.paused or not node.pid or node.listening
    if unasked or target.machine is not LOCAL:
        return node
    found = listening_of_process(node.pid) or ()
    same = any(one.endswith(f":{node.port}") for one in found)
    return node if same else replace(node, elsewhere=found)


def _with_listening(
    targets: tuple[Target, ...], nodes: tuple[NodeSeen, ...]
) -> tuple[NodeSeen, ...]:
    """Add listening addresses; each machine's socket table is read once for all its nodes."""
    listening = {
        machine: machine.ports.listening(
            {
                node.pid: node.port
                for target, node in zip(targets, nodes, strict=True)
                if node.pid and target.machine is machine
            }
        )
        for machine in {target.machine for target in targets}
    }
    pairs = zip(targets, nodes, strict=True)
    return tuple(_with_sockets(*pair, listening[pair[0].machine]) for pair in pairs)


def _with_sockets(
    target: Target, node: NodeSeen, found: Mapping[int, tuple[str, ...]] | None
) -> NodeSeen:
    if not node.pid:
        return node
    listening = found.get(node.port, ()) if found is not None else None
    return replace(node, listening=listening, socket=_unix_socket(target, node))


def _unix_socket(target: Target, node: NodeSeen) -> UnixSocketSeen | None:
    live = node.config or {}
    if target.layout is None or not live.get("unixsocket"):
        return None
    folder = Path(live.get("dir") or target.layout.node(node.name).root)
    return target.machine.ports.unix_socket(folder / live["unixsocket"])


def process_state(target: Target) -> NodeSeen:
    """Inspect the node's process without querying the server, so that this never waits.

    Sets `error` if the server can't reply: there is no process, or it is paused.
    """
    seen = NodeSeen(name=target.name, endpoint=target.endpoint)
    if target.layout is None:
        return seen
    processes = target.machine.processes
    try:
        process = processes.find(target.layout, target.name)
    except Unreachable as error:  # its machine
        why = f"it doesn't reply, and {error.message}"
        return replace(seen, error=why, host_error=error.detail or error.message)
    if process is None:
        return _absent(target, seen)
    paused = processes.is_paused(process)
    lost = processes.lost_folder(process)
    seen = replace(
        seen, process=ProcessState.RUNNING, pid=process.pid, paused=paused, folder_lost=lost
    )
    return replace(seen, error="its process is paused (SIGSTOP)") if seen.paused else seen


def _absent(target: Target, seen: NodeSeen) -> NodeSeen:
    ports = target.machine.ports
    taken = next((p for p in target.ports if not ports.is_free(Endpoint(target.host, p))), None)
    layout, files = target.layout, target.machine.files
    lost = layout and files.status(layout.record) and not files.status(layout.node(seen.name).root)
    return replace(
        seen,
        process=ProcessState.ABSENT,
        folder_lost=bool(lost),
        held_by=f"port {taken} is in use by {ports.holder(Endpoint(target.host, taken))}"
        if taken
        else "",
        error="its process isn't running",
    )
