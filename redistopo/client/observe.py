"""Snapshots of all nodes, taken in parallel: processes, sockets and server replies."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from enum import IntEnum
from pathlib import Path

from redistopo.client.announce_probe import (
    ENDPOINTS,
    printed_endpoints,
    probe_announced,
    probe_announced_replicas,
)
from redistopo.client.connection import (
    Command,
    Connections,
    Reply,
    raise_on_error,
    try_ping,
)
from redistopo.client.failover_probe import probe_failover
from redistopo.client.login_probe import probe_access
from redistopo.client.monitored import with_monitored
from redistopo.client.observe_disk import with_disk, with_disk_for_a_start
from redistopo.errors import AccessDenied, BadReply, Unreachable
from redistopo.host.host import Files, Host
from redistopo.host.in_threads import in_threads
from redistopo.host.listening_sockets import listening_of_process
from redistopo.host.local_host import LOCAL
from redistopo.host.node_data import log_damage
from redistopo.model.protocol.credentials import Login
from redistopo.model.protocol.endpoint import Addressed, Endpoint
from redistopo.model.protocol.engine import parse_title
from redistopo.model.protocol.replies import (
    ClusterNodesLine,
    at_listening_ports,
    parse_info,
    parse_nodes,
)
from redistopo.model.protocol.sentinel_replies import HELLO_CHANNEL
from redistopo.model.state.clock import clock_of
from redistopo.model.state.monitored_primaries import without_other_primaries
from redistopo.model.state.observed import NodeSeen, Observed, ProcessState, Role
from redistopo.model.state.relocation import moved_from, relocated_path
from redistopo.model.state.unix_socket import UnixSocketSeen
from redistopo.model.topology.project_paths import Layout
from redistopo.model.topology.spec import Shape
from redistopo.quick_dataclass import dataclass


class Detail(IntEnum):
    """How much to query of each node; more detail costs more time."""

    PROCESS = 0  # whether it runs
    HEALTH = 1  # INFO and CLUSTER NODES
    FULL = 2  # also its configuration, access control and listening addresses


@dataclass(frozen=True, slots=True, kw_only=True)
class Target(Addressed):
    """A server to observe; `layout` is None for one that we didn't start, otherwise its process
    and files are on `machine`. It gives clients the ports for them, if `maps_ports`."""

    name: str
    ports: tuple[int, ...] = ()
    maps_ports: bool = False
    layout: Layout | None = None
    machine: Host = LOCAL


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
    if depth is Detail.PROCESS and all(one.machine is LOCAL for one in wanted):
        nodes = tuple(map(process_state, wanted))  # nothing is waited for
    else:
        nodes = in_threads(lambda one: _observe_node(shape, one, client, depth), wanted)
    nodes = without_other_primaries(nodes)
    if depth is Detail.FULL:
        nodes = tuple(map(_with_other_ports, wanted, _with_listening(wanted, nodes)))
    if disk:
        # last, so that it includes what a process wrote when it ended
        pairs = zip(nodes, wanted, strict=True)
        nodes = tuple(with_disk(node, one.layout, one.machine.files) for node, one in pairs)
    announced = None
    if depth is Detail.FULL and shape is Shape.CLUSTER:
        announced = probe_announced(nodes, client)
    elif depth is Detail.FULL:
        announced = probe_announced_replicas(nodes, client)
    return Observed(shape=shape, nodes=nodes, announced=announced)


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


def _observe_node(shape: Shape, target: Target, client: Connections, depth: Detail) -> NodeSeen:
    seen = process_state(target)
    if seen.error or depth is Detail.PROCESS:
        return seen
    return query_node(shape, target, seen, client, depth)


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


def query_node(
    shape: Shape, target: Target, seen: NodeSeen, client: Connections, depth: Detail
) -> NodeSeen:
    """Query the server; add its replies, or the error, to the node.

    Of one that lost its folder all is asked: what would save its memory depends on its settings.
    """
    depth = Detail.FULL if seen.folder_lost else depth
    try:
        found = _query(shape, seen, client, depth)
        if target.maps_ports:
            found = replace(found, members=at_listening_ports(found.members))
        return _with_files(found, target, client)
    except (Unreachable, BadReply) as error:
        return replace(seen, error=f"{error.message}: {error.detail}")
    except AccessDenied as error:
        # AUTH also fails if the password was removed: then any client can log in
        anonymous = (
            try_ping(seen.endpoint, Login(tls=client.credentials.own.tls))
            if depth is Detail.FULL
            else None
        )
        return replace(seen, error=f"{error.message}: {error.detail}", anonymous=anonymous)


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


def _query(shape: Shape, seen: NodeSeen, client: Connections, depth: Detail) -> NodeSeen:
    commands: list[Command] = [("INFO",)]
    if shape is Shape.CLUSTER:
        commands += [("CLUSTER", "INFO"), ("CLUSTER", "NODES")]
        commands += [ENDPOINTS] if depth is Detail.FULL else []
    if depth is Detail.FULL:
        commands += [_HELLO, ("ACL", "LIST"), ("CONFIG", "GET", "*")]
    began = time.time()
    replies = client.execute(seen.endpoint, commands)
    ended = time.time()
    sent = client.sent[seen.endpoint] - len(commands)
    info = parse_info(_text(replies[0], "INFO"))
    found = replace(seen, info=info, sent=sent, clock=clock_of(info, began, ended))
    if shape is Shape.CLUSTER:
        found = replace(
            found,
            cluster=parse_info(_text(replies[1], "CLUSTER INFO")),
            members=_members(_text(replies[2], "CLUSTER NODES"), seen.host),
            printed=printed_endpoints(replies[3]) if depth is Detail.FULL else (),
        )
    if sentinel := found.role is Role.SENTINEL:
        found = with_monitored(found, client)
    if depth is Detail.FULL:
        found = replace(
            found,
            config=_settings(found) if sentinel else parse_config(replies[-1]),
            refused={} if sentinel else _refused(commands, replies),
            hello_clients=_subscribers(replies[-3]),
            failover_refusals=probe_failover(
                seen.endpoint, client.credentials, parse_title(found.engine)
            )
            if shape is Shape.SENTINEL and not sentinel
            else None,
            users=tuple(map(str, replies[-2])) if isinstance(replies[-2], list) else (),
            anonymous=try_ping(seen.endpoint, Login(tls=client.credentials.own.tls)),
            access_probe=probe_access(seen.endpoint, client.credentials, users=not sentinel),
        )
    return found


_HELLO: Command = ("PUBSUB", "NUMSUB", HELLO_CHANNEL)


def _subscribers(reply: Reply) -> int:
    """Return how many clients subscribe to a channel; 0 if the user may not ask."""
    match reply:
        case [_, int(count)]:
            return count
    return 0


def _refused(commands: list[Command], replies: list[Reply]) -> dict[str, str]:
    """The queries that got an error, by their first two words, with the error."""
    pairs = zip(commands, replies, strict=True)
    return {
        " ".join(map(str, words[:2])): str(reply).partition(", with args")[0]
        for words, reply in pairs
        if isinstance(reply, Exception)
    }


def _settings(seen: NodeSeen) -> dict[str, str]:
    return seen.watches[0].config if seen.watches else {}


def _with_files(seen: NodeSeen, target: Target, client: Connections) -> NodeSeen:
    """Add what its folder shows; of another host, its log would be older than its INFO."""
    layout = target.layout
    if layout and target.machine is LOCAL and seen.config and seen.info.get("aof_enabled") == "1":
        root = layout.node(seen.name).root
        damage = damage_of_log(target.machine.files, root, seen, client)
        seen = replace(seen, log_damage=damage)
    former = moved_from(layout, seen.name, seen.info.get("config_file", "")) if layout else ""
    if layout is None or not former:
        return seen
    config = seen.config and {
        name: relocated_path(value, former, layout) for name, value in seen.config.items()
    }
    return replace(seen, moved_from=former, config=config)


def damage_of_log(files: Files, root: Path, seen: NodeSeen, client: Connections) -> str:
    """Return the damage to a running server's log; a rewrite may have ended since its INFO, so
    that what is found is confirmed by another one."""
    live = seen.config or {}
    if damage := log_damage(files, root, live, seen.info):
        again = parse_info(_text(client.execute(seen.endpoint, [("INFO",)])[0], "INFO"))
        damage = log_damage(files, root, live, again) if again.get("aof_enabled") == "1" else ""
    return damage


def _members(text: str, host: str) -> tuple[ClusterNodesLine, ...]:
    # a node that has never met another doesn't know its own address yet
    return tuple(
        replace(member, endpoint=Endpoint(host, member.port))
        if member.myself and not member.host
        else member
        for member in parse_nodes(text)
    )


def _text(reply: Reply, what: str) -> str:
    text = raise_on_error(reply, what)
    if not isinstance(text, str):
        raise BadReply(f"{what} isn't text", detail=repr(text)[:200])
    return text


def parse_config(reply: Reply) -> dict[str, str] | None:
    """Parse CONFIG GET's flat list; None if the server refuses CONFIG."""
    if not isinstance(reply, list):
        return None
    return dict(zip(map(str, reply[::2]), map(str, reply[1::2]), strict=False))
