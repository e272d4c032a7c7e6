"""What is wrong with one node, so that others can't reach it: its own process, ports, settings."""

from collections.abc import Callable

from redistopo.model.connectivity.cause import Cause, CauseKind
from redistopo.model.connectivity.matrix import ConnectivityView, PortKind, PortState, follows
from redistopo.model.protocol.credentials import (
    CERTIFICATE_REFUSED_HINT,
    CREDENTIALS_CHANGED_HINT,
    TLS_REQUIRED_HINT,
)
from redistopo.model.protocol.endpoint import format_address
from redistopo.model.protocol.engine import Engine, Product, Version, parse_request
from redistopo.model.state.hints import (
    TOO_MANY_CLIENTS_HINT,
    continue_command,
    forget_command,
    is_ours,
    open_port_hint,
    redis_cli_command,
    restart_command,
    unset_directive_command,
)
from redistopo.model.state.observed import NodeSeen, ProcessState, Role

_Finder = Callable[[ConnectivityView, NodeSeen], "Cause | None"]


def of_node(scene: ConnectivityView, node: NodeSeen) -> Cause | None:
    """The most certain cause that lies in the node itself; None for none."""
    return next((cause for finder in _FINDERS if (cause := finder(scene, node))), None)


def _paused(_scene: ConnectivityView, node: NodeSeen) -> Cause | None:
    if not node.paused:
        return None
    return Cause(
        kind=CauseKind.PAUSED,
        node=node.name,
        evidence=f"{node.name}'s process (pid {node.pid}) is stopped (SIGSTOP)",
        remedy=f"{continue_command(node)}; if it runs no more: redistopo up",
    )


def _taken(scene: ConnectivityView, node: NodeSeen) -> Cause | None:
    probe = scene.probes[node.name]
    if not probe.holders and not node.held_by:
        return None
    port, who = next(iter(probe.holders.items()), (0, ""))
    told = f"port {port} is held by {who}" if port else node.held_by
    kind = "bus port" if port == probe.bus_port else "data port"
    return Cause(
        kind=CauseKind.TAKEN,
        node=node.name,
        evidence=f"{node.name}'s {kind if port else 'port'} isn't its own: {told}",
        remedy=f"stop that program, then {restart_command(node)}"
        + ("; or choose another `port` in redistopo.toml" if is_ours(node) else ""),
    )


def _gone(_scene: ConnectivityView, node: NodeSeen) -> Cause | None:
    if node.process is not ProcessState.ABSENT:
        return None
    return Cause(
        kind=CauseKind.GONE,
        node=node.name,
        evidence=f"{node.name}'s process isn't running",
        remedy="redistopo up brings it back; its redis.log says why it ended",
    )


def _closed(scene: ConnectivityView, node: NodeSeen) -> Cause | None:
    """Refused: it listens elsewhere, or nowhere."""
    probe = scene.probes[node.name]
    refused = [port for port in PortKind if probe.touch(port) is PortState.REFUSED]
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
            if is_ours(node)
            else f"set `bind {node.host}` in its redis.conf, or name the address it does listen on",
        )
    if probe.listens is not None:
        evidence = f"{node.name} runs (pid {node.pid or probe.info.get('process_id', '?')}), but "
        evidence += "listens on no port yet"
        remedy = "its log says what it is doing; --timeout gives it longer"
    elif refused[0] is PortKind.BUS:
        evidence = f"nothing listens on {at}, the bus port of {node.name}"
        remedy = "is its cluster-port another one, or not passed on (Docker, NAT)? "
        remedy += f"{redis_cli_command(node)} CONFIG GET cluster*port"
    else:
        evidence = f"nothing listens on {at}"
        evidence += f", where {node.name} should be" if node.name != at else ""
        remedy = (
            f"{restart_command(node)}; or does it `bind` another address, or announce a wrong one?"
        )
    return Cause(kind=CauseKind.CLOSED, node=node.name, evidence=evidence, remedy=remedy)


def _silent(scene: ConnectivityView, node: NodeSeen) -> Cause | None:
    probe = scene.probes[node.name]
    mute = [
        port for port in PortKind if probe.touch(port) in (PortState.SILENT, PortState.NO_ROUTE)
    ]
    if not mute:
        return None
    number = node.port if mute[0] is PortKind.DATA else probe.bus_port
    return Cause(
        kind=CauseKind.FIREWALL,
        node=node.name,
        evidence=f"connections to {format_address(node.host, number)} "
        f"(the {mute[0]} port of {node.name}) "
        + (
            "vanish without an answer"
            if probe.touch(mute[0]) is PortState.SILENT
            else "find no route"
        ),
        remedy=open_port_hint(node.host, number),
    )


def _denied(scene: ConnectivityView, node: NodeSeen) -> Cause | None:
    probe = scene.probes[node.name]
    if not probe.denied:
        return None
    return Cause(
        kind=CauseKind.AUTH,
        node=node.name,
        evidence=f"{node.name} refuses the password that redistopo has: {probe.denied}",
        remedy=CREDENTIALS_CHANGED_HINT
        if is_ours(node)
        else "all nodes need one password; set REDISTOPO_PASSWORD (verify: --ask-password)",
    )


def _wrong_mode(scene: ConnectivityView, node: NodeSeen) -> Cause | None:
    said = scene.probes[node.name].info.get("cluster_enabled")
    if not scene.clustered or said in (None, "1"):
        return None
    return Cause(
        kind=CauseKind.MODE,
        node=node.name,
        evidence=f"{node.name} runs without cluster mode (cluster_enabled:{said})",
        remedy=unset_directive_command(node, "`cluster-enabled no`")
        if is_ours(node)
        else "set `cluster-enabled yes` in its redis.conf, and restart it",
    )


def _mute(scene: ConnectivityView, node: NodeSeen) -> Cause | None:
    probe = scene.probes[node.name]
    if probe.info or probe.data is not PortState.OK:
        return None
    pid = f" (pid {node.pid})" if node.pid else ""
    remedy = "is it stopped (SIGSTOP), busy, or no Redis at all? its log tells; "
    remedy += f"a stopped process goes on at `{continue_command(node)}`"
    if "max number of clients" in node.error:
        remedy = TOO_MANY_CLIENTS_HINT
    if "certificate" in node.error:
        remedy = CERTIFICATE_REFUSED_HINT if is_ours(node) else TLS_REQUIRED_HINT
    return Cause(
        kind=CauseKind.MUTE,
        node=node.name,
        evidence=f"{node.name}{pid} takes connections, but doesn't answer"
        + (f": {node.error}" if node.error else ""),
        remedy=remedy,
    )


def _elsewhere(scene: ConnectivityView, node: NodeSeen) -> Cause | None:
    """It belongs to another cluster: of those it knows, some are no nodes of this one."""
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
            remedy=f"to take it from there: {redis_cli_command(node)} CLUSTER RESET HARD "
            "(FLUSHALL first: its keys go); else give this topology other nodes",
        )
    return Cause(
        kind=CauseKind.ELSEWHERE,
        node=node.name,
        evidence=f"{node.name} knows {first}, which is no node of this topology",
        remedy=forget_command(node, strangers[0].id),
    )


def _announced(scene: ConnectivityView, node: NodeSeen) -> Cause | None:
    """It tells the others an address at which it isn't."""
    own, probe = node.myself, scene.probes[node.name]
    if own is None or not own.host:
        return None
    told = {
        "cluster-announce-ip": (own.host, node.host),
        "cluster-announce-port": (str(own.port), str(node.port)),
        "cluster-announce-bus-port": (str(own.bus_port), str(probe.bus_port)),
    }
    wrong = {name: pair for name, pair in told.items() if pair[0] != pair[1]}
    # behind NAT another address is right, where it leads to the node
    if not wrong or not probe.misleads:
        return None
    name, (_is, planned) = next(iter(wrong.items()))
    there = f"held by {probe.announced_holder}" if probe.announced_holder else ""
    seen = there or {PortState.REFUSED: "nothing listens", PortState.SILENT: "nobody answers"}.get(
        probe.announced or PortState.OK, "no route leads"
    )
    where = format_address(own.host, own.bus_port)
    return Cause(
        kind=CauseKind.ANNOUNCE,
        node=node.name,
        evidence=f"{node.name} tells the others to reach it at {where}, "
        + (f"which is {seen}" if there else f"where {seen}")
        + f"; it is at {format_address(node.host, probe.bus_port)}",
        remedy=f"{redis_cli_command(node)} CONFIG SET {name} {planned}"
        + (f"; or {unset_directive_command(node, name)}" if is_ours(node) else ""),
    )


def _login(scene: ConnectivityView, node: NodeSeen) -> Cause | None:
    probe = scene.probes[node.name]
    if node.role is not Role.REPLICA or node.link_up or not probe.login:
        return None
    said = f"; its log: {probe.said}" if probe.said else ""
    return Cause(
        kind=CauseKind.AUTH,
        node=node.name,
        evidence=f"the primary {node.follows} refuses {node.name}'s masterauth "
        f"({probe.login}){said}",
        remedy=f"{redis_cli_command(node)} CONFIG SET masterauth PASSWORD, the one of its primary"
        + ("; redistopo up sets it back where it was changed live" if is_ours(node) else ""),
    )


def _older(scene: ConnectivityView, node: NodeSeen) -> Cause | None:
    """An older server can't load a newer one's snapshot (rdb.c, RDB_VERSION)."""
    if node.role is not Role.REPLICA or node.link_up:
        return None
    primary = next((one for one in scene.seen.nodes if follows(node, one)), None)
    mine, theirs = _engine(node), _engine(primary) if primary else None
    if primary is None or mine is None or theirs is None or mine.reads(theirs.name):
        return None
    said = scene.probes[node.name].said
    return Cause(
        kind=CauseKind.VERSION,
        node=node.name,
        evidence=f"{node.name} is {mine.title}, and can't load what its primary {primary.name}, "
        f"{theirs.title}, sends" + (f"; its log: {said}" if said else ""),
        remedy=f"run {node.name} on {theirs.title} or newer: replicas are upgraded first",
    )


def _engine(node: NodeSeen) -> Engine | None:
    request = parse_request(node.engine.lower())
    if request is None or len(request.numbers) != 3:
        return None
    product = request.product or Product.REDIS
    return Engine(product=product, version=Version(*request.numbers))


_FINDERS: tuple[_Finder, ...] = (
    _paused, _taken, _gone, _wrong_mode, _closed, _silent, _denied, _mute, _announced,
    _elsewhere, _login, _older,
)  # fmt: skip
