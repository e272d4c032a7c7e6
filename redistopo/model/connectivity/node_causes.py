"""Causes in one node that keep others from reaching it: its process, ports and settings."""

from collections.abc import Callable

from redistopo.model.connectivity.cause import Cause, CauseKind
from redistopo.model.connectivity.matrix import ConnectivityView, PortKind, PortState, follows
from redistopo.model.protocol.credentials import (
    CERTIFICATE_REFUSED_HINT,
    CREDENTIALS_DIFFER_HINT,
    TLS_REQUIRED_HINT,
    credentials_changed_hint,
)
from redistopo.model.protocol.endpoint import format_address
from redistopo.model.protocol.engine import parse_title
from redistopo.model.remedies.remedy import joined
from redistopo.model.state.hints import (
    LOST_HOST_HINT,
    TOO_MANY_CLIENTS_HINT,
    allow_query_hint,
    command_prefix,
    continue_command,
    forget_command,
    leave_command,
    open_port_hint,
    restart_command,
    start_lost_command,
    started_by_us,
    unset_directive_command,
)
from redistopo.model.state.observed import NodeSeen, ProcessState, Role
from redistopo.model.topology.compatibility import follows as can_follow

_Finder = Callable[[ConnectivityView, NodeSeen], "Cause | None"]


def of_node(scene: ConnectivityView, node: NodeSeen) -> Cause | None:
    """Find the most certain cause in the node itself, if any."""
    return next((cause for finder in _FINDERS if (cause := finder(scene, node))), None)


def _paused(_scene: ConnectivityView, node: NodeSeen) -> Cause | None:
    if not node.paused:
        return None
    return Cause(
        kind=CauseKind.PAUSED,
        node=node.name,
        evidence=f"{node.name}'s process (pid {node.pid}) is paused (SIGSTOP)",
        remedy=f"{continue_command(node)}; if it no longer runs: redistopo up",
    )


def _taken(scene: ConnectivityView, node: NodeSeen) -> Cause | None:
    probe = scene.probes[node.name]
    if not probe.holders and not node.held_by:
        return None
    port, holder = next(iter(probe.holders.items()), (0, ""))
    usage = f"port {port} is in use by {holder}" if port else node.held_by
    kind = "bus port" if port == probe.bus_port else "data port"
    return Cause(
        kind=CauseKind.TAKEN,
        node=node.name,
        evidence=f"another program has {node.name}'s {kind if port else 'port'}: {usage}",
        remedy=f"stop that program, then {restart_command(node)}"
        + ("; or choose another `port` in redistopo.toml" if started_by_us(node) else ""),
    )


def _gone(scene: ConnectivityView, node: NodeSeen) -> Cause | None:
    if node.process is not ProcessState.ABSENT:
        return None
    start = start_lost_command(node, clustered=scene.clustered)
    lost = ", and its folder is gone" if node.folder_lost else ""
    return Cause(
        kind=CauseKind.GONE,
        node=node.name,
        evidence=f"{node.name}'s process isn't running{lost}",
        remedy=joined(start, " starts it", "" if lost else "; see its redis.log for why it ended"),
    )


def _host(scene: ConnectivityView, node: NodeSeen) -> Cause | None:
    """Neither the node nor its host's SSH server replies: that is no firewall for one port."""
    if not node.host_error or scene.probes[node.name].data is PortState.OK:
        return None
    return Cause(
        kind=CauseKind.HOST,
        node=node.name,
        evidence=f"its host doesn't reply by SSH either ({node.host_error})",
        remedy=LOST_HOST_HINT,
    )


def _closed(scene: ConnectivityView, node: NodeSeen) -> Cause | None:
    """Connection refused: it listens on another address, or on none."""
    probe = scene.probes[node.name]
    refused = [port for port in PortKind if probe.state_of(port) is PortState.REFUSED]
    if not refused:
        return None
    number = node.port if refused[0] is PortKind.DATA else probe.bus_port
    at = format_address(node.host, number)
    if probe.listens:
        return Cause(
            kind=CauseKind.BIND,
            node=node.name,
            evidence=f"{node.name} listens on {', '.join(probe.listens)}, but not on {at} "
            f"(its {refused[0]} port)",
            remedy=unset_directive_command(
                node, "bind" if refused[0] is PortKind.DATA else "bind and cluster-port"
            )
            if started_by_us(node)
            else f"set `bind {node.host}` in its redis.conf, or give the address it listens on",
        )
    if probe.listens is not None:
        evidence = f"{node.name} runs (pid {node.pid or probe.info.get('process_id', '?')}), but "
        evidence += "listens on no port yet"
        remedy = "see its log; wait longer with --timeout"
    elif refused[0] is PortKind.BUS:
        evidence = f"nothing listens on {at}, the bus port of {node.name}"
        remedy = "its cluster-port may differ, or isn't forwarded (Docker, NAT): "
        remedy += f"{command_prefix(node)} CONFIG GET cluster*port"
    else:
        evidence = f"nothing listens on {at}"
        evidence += f", where {node.name} should be" if node.name != at else ""
        remedy = f"{restart_command(node)}; if it runs, it may `bind` or announce another address"
    return Cause(kind=CauseKind.CLOSED, node=node.name, evidence=evidence, remedy=remedy)


def _silent(scene: ConnectivityView, node: NodeSeen) -> Cause | None:
    probe = scene.probes[node.name]
    unreachable = [
        port for port in PortKind if probe.state_of(port) in (PortState.SILENT, PortState.NO_ROUTE)
    ]
    if not unreachable:
        return None
    number = node.port if unreachable[0] is PortKind.DATA else probe.bus_port
    return Cause(
        kind=CauseKind.FIREWALL,
        node=node.name,
        evidence=f"connections to {format_address(node.host, number)} "
        f"(the {unreachable[0]} port of {node.name}) "
        + ("time out" if probe.state_of(unreachable[0]) is PortState.SILENT else "have no route"),
        remedy=open_port_hint(node.host, number),
    )


def _denied(scene: ConnectivityView, node: NodeSeen) -> Cause | None:
    probe = scene.probes[node.name]
    if not probe.denied:
        return None
    return Cause(
        kind=CauseKind.AUTH,
        node=node.name,
        evidence=f"{node.name} rejects redistopo's password: {probe.denied}",
        remedy=credentials_changed_hint() if started_by_us(node) else CREDENTIALS_DIFFER_HINT,
    )


def _wrong_mode(scene: ConnectivityView, node: NodeSeen) -> Cause | None:
    enabled = scene.probes[node.name].info.get("cluster_enabled")
    if not scene.clustered or enabled in (None, "1"):
        return None
    return Cause(
        kind=CauseKind.MODE,
        node=node.name,
        evidence=f"{node.name} runs without cluster mode (cluster_enabled:{enabled})",
        remedy=unset_directive_command(node, "`cluster-enabled no`")
        if started_by_us(node)
        else "set `cluster-enabled yes` in its redis.conf and restart it",
    )


def _mute(scene: ConnectivityView, node: NodeSeen) -> Cause | None:
    probe, allow = scene.probes[node.name], allow_query_hint(node)
    if (probe.info and not allow) or probe.data is not PortState.OK:
        return None
    pid = f" (pid {node.pid})" if node.pid else ""
    remedy = "see its log: it may be paused, busy, or no Redis server; "
    remedy += f"to resume a paused process: {continue_command(node)}"
    if "max number of clients" in node.error:
        remedy = TOO_MANY_CLIENTS_HINT
    if "certificate" in node.error:
        remedy = CERTIFICATE_REFUSED_HINT if started_by_us(node) else TLS_REQUIRED_HINT
    return Cause(
        kind=CauseKind.MUTE,
        node=node.name,
        evidence=f"{node.name}{pid} accepts connections, but "
        + ("refuses a query" if allow else "doesn't reply")
        + (f": {node.error}" if node.error else ""),
        remedy=allow or remedy,
    )


def _elsewhere(scene: ConnectivityView, node: NodeSeen) -> Cause | None:
    """It belongs to another cluster: it knows nodes that aren't part of this one."""
    others = [one for one in node.members if not one.myself and "noaddr" not in one.flags]
    strangers = [one for one in others if scene.named(one) is None]
    if not strangers:
        return None
    first = f"{strangers[0].address} ({strangers[0].id[:8]})"
    if len(strangers) == len(others):
        return Cause(
            kind=CauseKind.ELSEWHERE,
            node=node.name,
            evidence=f"{node.name} is a node of another cluster, with {first}",
            remedy=leave_command(node, "its id, and its place in that cluster"),
        )
    return Cause(
        kind=CauseKind.ELSEWHERE,
        node=node.name,
        evidence=f"{node.name} knows {first}, which is not a node of this topology",
        remedy="it owns slots: see cluster.slots"
        if strangers[0].slots
        else forget_command(scene.seen, node, strangers[0]),
    )


def _announced(scene: ConnectivityView, node: NodeSeen) -> Cause | None:
    """It announces an address that doesn't lead to it."""
    own, probe = node.myself, scene.probes[node.name]
    if own is None or not own.host:
        return None
    announced = {
        "cluster-announce-ip": (own.host, node.host),
        "cluster-announce-port": (str(own.port), str(node.port)),
        "cluster-announce-bus-port": (str(own.bus_port), str(probe.bus_port)),
    }
    wrong = {name: pair for name, pair in announced.items() if pair[0] != pair[1]}
    # behind NAT another address is right, if it leads to the node
    if not wrong or not probe.announces_wrong_address:
        return None
    name, (_is, planned) = next(iter(wrong.items()))
    holder = f"in use by {probe.announced_holder}" if probe.announced_holder else ""
    seen = holder or {
        PortState.REFUSED: "nothing listens",
        PortState.SILENT: "nothing replies",
    }.get(probe.announced or PortState.OK, "there is no route")
    where = format_address(own.host, own.bus_port)
    return Cause(
        kind=CauseKind.ANNOUNCE,
        node=node.name,
        evidence=f"{node.name} announces {where}, "
        + (f"which is {seen}" if holder else f"where {seen}")
        + f"; its bus port is {format_address(node.host, probe.bus_port)}",
        remedy=f"{command_prefix(node)} CONFIG SET {name} {planned}"
        + (f"; or {unset_directive_command(node, name)}" if started_by_us(node) else ""),
    )


def _login(scene: ConnectivityView, node: NodeSeen) -> Cause | None:
    probe = scene.probes[node.name]
    if node.role is not Role.REPLICA or node.link_up or not probe.login:
        return None
    logged = f"; log: {probe.log_line}" if probe.log_line else ""
    return Cause(
        kind=CauseKind.AUTH,
        node=node.name,
        evidence=f"the primary {node.follows} rejects {node.name}'s masterauth "
        f"({probe.login}){logged}",
        remedy=unset_directive_command(node, "masterauth")
        if started_by_us(node)
        else f"{command_prefix(node)} CONFIG SET masterauth PASSWORD, that of its primary",
    )


def _not_permitted(scene: ConnectivityView, node: NodeSeen) -> Cause | None:
    """Its user may not run what a sync needs (ACL LOG of its primary)."""
    probe = scene.probes[node.name]
    if node.role is not Role.REPLICA or node.link_up or not probe.denied_command:
        return None
    command, _, user = probe.denied_command.partition(" as user ")
    logged = f"; log: {probe.log_line}" if probe.log_line else ""
    primary = next((one for one in scene.seen.nodes if follows(node, one)), node)
    grant = f"{command_prefix(primary)} ACL SETUSER {user} +{command.lower()}"
    return Cause(
        kind=CauseKind.AUTH,
        node=node.name,
        evidence=f"{node.name} logs in to its primary {node.follows} as user {user}, which may "
        f"not run {command} (NOPERM){logged}",
        remedy=f"add +{command.lower()} to user {user} in your own conf/users.acl.j2, if you have "
        f"one, then: redistopo up; at once: {grant}"
        if started_by_us(node)
        else f"on every node: {grant}",
    )


def _older(scene: ConnectivityView, node: NodeSeen) -> Cause | None:
    """An older server can't load a newer one's snapshot (rdb.c, RDB_VERSION)."""
    if node.role is not Role.REPLICA or node.link_up:
        return None
    primary = next((one for one in scene.seen.nodes if follows(node, one)), None)
    mine, theirs = parse_title(node.engine), parse_title(primary.engine) if primary else None
    if primary is None or mine is None or theirs is None or can_follow(mine, theirs):
        return None
    logged = scene.probes[node.name].log_line
    return Cause(
        kind=CauseKind.VERSION,
        node=node.name,
        evidence=f"{node.name} runs {mine.title} and can't load the data of its primary "
        f"{primary.name}, which runs {theirs.title}" + (f"; log: {logged}" if logged else ""),
        remedy="redistopo upgrade"
        if started_by_us(node)
        else f"run {node.name} with {theirs.title} or newer: upgrade replicas first",
    )


_FINDERS: tuple[_Finder, ...] = (
    _paused, _taken, _gone, _host, _wrong_mode, _closed, _silent, _denied, _mute, _announced,
    _elsewhere, _login, _not_permitted, _older,
)  # fmt: skip
