"""One look at every node, in parallel: what the processes, the sockets and the servers say."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import IntEnum

from redistopo.client.access_probe import try_locks
from redistopo.client.connection import (
    Command,
    NodeClient,
    Reply,
    ping_without_auth,
    raise_on_error,
)
from redistopo.errors import AccessDenied, BadReply, Unreachable
from redistopo.host.host import Host
from redistopo.host.local_host import LOCAL
from redistopo.host.node_disk import read_disk
from redistopo.host.node_folder import has_log
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.replies import ClusterNodesLine, parse_info, parse_nodes
from redistopo.model.protocol.sentinel_replies import (
    MONITOR,
    MonitoredPrimary,
    parse_monitored,
    parse_peers,
)
from redistopo.model.state.observed import NodeSeen, Observed, ProcessState, Role
from redistopo.model.state.relocation import moved_from, relocated_path
from redistopo.model.topology.layout import Layout
from redistopo.model.topology.spec import Shape


class Detail(IntEnum):
    """How much is asked of each node; more costs more."""

    PROCESS = 0  # whether it runs
    HEALTH = 1  # INFO and the cluster's table
    FULL = 2  # also its configuration, its locks and the addresses it listens on


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A server to look at; `layout` is None for one that we didn't start, else its process and
    files are on `machine`."""

    name: str
    host: str
    port: int
    ports: tuple[int, ...] = ()
    layout: Layout | None = None
    machine: Host = LOCAL

    @property
    def endpoint(self) -> Endpoint:
        """Where clients connect."""
        return Endpoint(self.host, self.port)


def observe(
    shape: Shape,
    targets: Iterable[Target],
    client: NodeClient,
    depth: Detail,
    *,
    disk: bool = False,
) -> Observed:
    """One snapshot of all targets, in their order; never raises for a node's own trouble.

    With `disk` also of their folders, as decisions about data need them.
    """
    wanted = tuple(targets)
    workers = max(1, min(32, len(wanted)))
    with ThreadPoolExecutor(workers, thread_name_prefix="look") as pool:
        nodes = tuple(pool.map(lambda one: _look_at(shape, one, client, depth), wanted))
    if depth is Detail.FULL:
        nodes = _with_listening(wanted, nodes)
    if disk:
        # last, so that what a process left when it ended is in it
        nodes = tuple(map(_with_disk, nodes, wanted))
    return Observed(shape=shape, nodes=nodes)


def _with_disk(seen: NodeSeen, target: Target) -> NodeSeen:
    if target.layout is None:
        return seen
    folder, files = target.layout.node(target.name), target.machine.files
    return replace(seen, disk=read_disk(folder, files, ended=not seen.running))


def _with_listening(
    targets: tuple[Target, ...], nodes: tuple[NodeSeen, ...]
) -> tuple[NodeSeen, ...]:
    """Each machine's table of sockets is read once, for all of its nodes."""
    heard = {
        machine: machine.ports.listening(
            {
                node.pid: node.port
                for target, node in zip(targets, nodes, strict=True)
                if node.pid and target.machine is machine
            }
        )
        for machine in {target.machine for target in targets}
    }
    return tuple(
        replace(node, listening=heard[target.machine].get(node.port, ())) if node.pid else node
        for target, node in zip(targets, nodes, strict=True)
    )


def _look_at(shape: Shape, target: Target, client: NodeClient, depth: Detail) -> NodeSeen:
    seen = standing(target)
    if seen.error or depth is Detail.PROCESS:
        return seen
    return answered(shape, target, seen, client, depth)


def standing(target: Target) -> NodeSeen:
    """What the system says of the node's process; nobody is asked, so that this never waits.

    With an `error` where there is nobody to ask: no process, or a stopped one.
    """
    seen = NodeSeen(name=target.name, host=target.host, port=target.port)
    if target.layout is None:
        return seen
    processes = target.machine.processes
    process = processes.find(target.layout, target.name)
    if process is None:
        return _absent(target, seen)
    paused = processes.is_paused(process)
    seen = replace(seen, process=ProcessState.RUNNING, pid=process.pid, paused=paused)
    return replace(seen, error="its process is stopped (SIGSTOP)") if seen.paused else seen


def answered(
    shape: Shape, target: Target, seen: NodeSeen, client: NodeClient, depth: Detail
) -> NodeSeen:
    """The node with what it answers, or with the error that stood in the way."""
    try:
        return _placed(_asked(shape, seen, client, depth), target.layout)
    except (Unreachable, BadReply) as error:
        return replace(seen, error=f"{error.message}: {error.detail}")
    except AccessDenied as error:
        # AUTH is also refused where no password is set any more: then anybody gets in
        told = (
            ping_without_auth(seen.endpoint, client.credentials.own.tls)
            if depth is Detail.FULL
            else None
        )
        return replace(seen, error=f"{error.message}: {error.detail}", anonymous=told)


def _absent(target: Target, seen: NodeSeen) -> NodeSeen:
    ports = target.machine.ports
    taken = next((p for p in target.ports if not ports.is_free(Endpoint(target.host, p))), None)
    return replace(
        seen,
        process=ProcessState.ABSENT,
        held_by=f"port {taken} is in use by {ports.holder(taken)}" if taken else "",
        error="its process isn't running",
    )


def _asked(shape: Shape, seen: NodeSeen, client: NodeClient, depth: Detail) -> NodeSeen:
    commands: list[Command] = [("INFO",)]
    if shape is Shape.CLUSTER:
        commands += [("CLUSTER", "INFO"), ("CLUSTER", "NODES")]
    if depth is Detail.FULL:
        commands += [("ACL", "LIST"), ("CONFIG", "GET", "*")]
    replies = client.ask(seen.endpoint, commands)
    told = replace(seen, info=parse_info(_text(replies[0], "INFO")))
    if shape is Shape.CLUSTER:
        told = replace(
            told,
            cluster=parse_info(_text(replies[1], "CLUSTER INFO")),
            members=_members(_text(replies[2], "CLUSTER NODES"), seen.host),
        )
    if watches := told.role is Role.SENTINEL:
        told = _watching(told, client)
    if depth is Detail.FULL:
        told = replace(
            told,
            config=_settings(told) if watches else _config(replies[-1]),
            users=tuple(map(str, replies[-2])) if isinstance(replies[-2], list) else (),
            anonymous=ping_without_auth(seen.endpoint, client.credentials.own.tls),
            locks=try_locks(seen.endpoint, client.credentials, users=not watches),
        )
    return told


def _watching(seen: NodeSeen, client: NodeClient) -> NodeSeen:
    """A Sentinel with what it says of every primary that it watches, and around it."""
    reply = client.ask(seen.endpoint, [("SENTINEL", "MASTERS")])[0]
    said = raise_on_error(reply, "SENTINEL MASTERS")
    return replace(seen, watches=tuple(_around(seen, parse_monitored(one), client) for one in said))


def _settings(seen: NodeSeen) -> dict[str, str]:
    """The settings of a Sentinel, which has no CONFIG."""
    watch = next(iter(seen.watches), None)
    return {**watch.settings, MONITOR: watch.name} if watch else {}


def _around(seen: NodeSeen, watch: MonitoredPrimary, client: NodeClient) -> MonitoredPrimary:
    words = ("GET-MASTER-ADDR-BY-NAME", "REPLICAS", "SENTINELS", "CKQUORUM")
    commands = [("SENTINEL", word, watch.name) for word in words]
    address, replicas, sentinels, quorum = client.ask(seen.endpoint, commands)
    # in the midst of a failover this tells the new one, as soon as it leads in the new epoch
    # (sentinel.c, sentinelGetCurrentMasterAddress); SENTINEL MASTERS not yet
    where = address if isinstance(address, list) and len(address) == 2 else ["", "0"]
    return replace(
        watch,
        host=str(where[0]),
        port=int(where[1]) if str(where[1]).isdigit() else 0,
        replicas=parse_peers(raise_on_error(replicas, "SENTINEL REPLICAS"), "SENTINEL REPLICAS"),
        sentinels=parse_peers(
            raise_on_error(sentinels, "SENTINEL SENTINELS"), "SENTINEL SENTINELS"
        ),
        quorum=str(quorum),
    )


def _placed(seen: NodeSeen, layout: Layout | None) -> NodeSeen:
    """A node of ours, with what lies in its folder; told so, if that was moved while it ran."""
    if layout and seen.config and seen.info.get("aof_enabled") == "1":
        seen = replace(seen, log_there=has_log(layout.node(seen.name).root, seen.config))
    former = moved_from(layout, seen.name, seen.info.get("config_file", "")) if layout else ""
    if layout is None or not former:
        return seen
    config = seen.config and {
        name: relocated_path(value, former, layout) for name, value in seen.config.items()
    }
    return replace(seen, moved_from=former, config=config)


def _members(text: str, host: str) -> tuple[ClusterNodesLine, ...]:
    # a node that has never met another doesn't know its own address yet
    return tuple(
        replace(member, host=host) if member.myself and not member.host else member
        for member in parse_nodes(text)
    )


def _text(reply: Reply, what: str) -> str:
    said = raise_on_error(reply, what)
    if not isinstance(said, str):
        raise BadReply(f"{what} isn't text", detail=repr(said)[:200])
    return said


def _config(reply: Reply) -> dict[str, str] | None:
    """CONFIG GET's flat list as a dict; None where the server refuses CONFIG."""
    if not isinstance(reply, list):
        return None
    return dict(zip(map(str, reply[::2]), map(str, reply[1::2]), strict=False))
