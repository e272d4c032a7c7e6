"""Probes of every node's ports and passwords from this machine."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from redistopo.client.connection import Command, Connections
from redistopo.client.query_node import parse_config
from redistopo.client.reach import may_reach
from redistopo.client.target import Target
from redistopo.errors import AccessDenied, BadReply, RedistopoError, Unreachable
from redistopo.host.in_threads import in_threads
from redistopo.host.listening_sockets import (
    Listener,
    all_listeners,
    listening_of_process,
    program_name,
)
from redistopo.host.ports import has_address
from redistopo.host.server_log import log_tail
from redistopo.host.tcp import probe_port
from redistopo.model.connectivity.matrix import NodeProbe, PortState
from redistopo.model.protocol.credentials import Login, single_credential
from redistopo.model.protocol.endpoint import BUS_OFFSET, Endpoint
from redistopo.model.protocol.replies import parse_info
from redistopo.model.state.observed import NodeSeen, Observed, ProcessState, Role
from redistopo.model.topology.spec import Shape
from redistopo.quick_dataclass import dataclass

_SECONDS = 0.7
"""The timeout of one query, as of one connection."""

_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  compared with, never bound

_OF_REPLICAS = frozenset({"ping", "replconf", "psync", "sync"})
"""What a replica sends to its primary (replication.c)."""

_REPLICATION_ERROR = re.compile(
    r"(unable to auth|aborted replication|can't handle rdb|wrong signature|"
    r"failed trying to load|error condition on socket|error reply to ping|noperm)",
    re.IGNORECASE,
)
"""What servers log when replication fails (replication.c and rdb.c)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """One node to probe: its process (0 if unknown, or on another machine) and its ports."""

    node: NodeSeen
    target: Target
    pid: int
    bus_port: int
    local: bool
    listeners: tuple[Listener, ...]

    def holder(self, endpoint: Endpoint) -> str:
        """Return the program that listens there instead of the node; "" for none or unknown."""
        there = [
            one
            for one in self.listeners
            if one.port == endpoint.port and one.host in (endpoint.host, *_EVERYWHERE)
        ]
        absent = self.node.process is ProcessState.ABSENT
        if not there or any(one.of(self.pid) for one in there) or not (self.pid or absent):
            return ""
        return program_name(there[0].pid)


def probe_nodes(
    seen: Observed, targets: Iterable[Target], client: Connections
) -> tuple[NodeProbe, ...]:
    """Probe each node of the snapshot in parallel; takes at most about a second for nodes that
    don't reply. Never raises for a faulty node."""
    wanted = {target.name: target for target in targets}
    local = {node.host: has_address(node.host) for node in seen.nodes}
    listeners = tuple(all_listeners()) if any(local.values()) else ()
    places = [
        _Place(
            node=node,
            target=wanted[node.name],
            pid=_pid(node) if local[node.host] else 0,
            bus_port=_bus_port(seen.shape, node, wanted[node.name]),
            local=local[node.host],
            listeners=listeners,
        )
        for node in seen.nodes
    ]
    return in_threads(lambda place: _probe(place, client), places)


def _pid(node: NodeSeen) -> int:
    return node.pid or int(node.info.get("process_id", 0))


def _bus_port(shape: Shape, node: NodeSeen, target: Target) -> int:
    if shape is not Shape.CLUSTER:
        return 0
    if len(target.ports) > 1:
        return target.ports[1]
    own = node.myself
    return own.bus_port if own and own.bus_port else node.port + BUS_OFFSET


def _probe(place: _Place, client: Connections) -> NodeProbe:
    node = place.node
    ports = [node.port, *([place.bus_port] if place.bus_port else [])]
    held = {port: name for port in ports if (name := place.holder(Endpoint(node.host, port)))}
    found = NodeProbe(
        name=node.name,
        data=probe_port(node.endpoint),
        bus=probe_port(Endpoint(node.host, place.bus_port)) if place.bus_port else None,
        bus_port=place.bus_port,
        holders=held,
        listens=_listens(place),
    )
    if found.data is PortState.OK and not node.paused and node.port not in held:
        found = _query(place, found, client)
    return _announced(place, found, client.credentials.own)


def _listens(place: _Place) -> tuple[str, ...] | None:
    """The addresses of the node's own process; None if the system doesn't show them."""
    if not place.pid:
        return None
    mine = {str(Endpoint(one.host, one.port)) for one in place.listeners if one.of(place.pid)}
    # macOS shows the whole table only to root, but everyone's own processes
    return tuple(sorted(mine)) or listening_of_process(place.pid)


def _query(place: _Place, found: NodeProbe, client: Connections) -> NodeProbe:
    node = place.node
    commands: list[Command] = [("INFO",), ("CONFIG", "GET", "*")]
    try:
        reply, config = client.execute(node.endpoint, commands)
        info = {} if isinstance(reply, Exception) else parse_info(str(reply))
    except AccessDenied as error:
        return replace(found, denied=error.detail)
    except (Unreachable, BadReply):
        return found
    settings = parse_config(config) or {}
    login, denied = "", ""
    if info.get("role") == "slave" and info.get("master_link_status") != "up":
        login = _login(info, settings, client.credentials.own)
        denied = _denied_command(info, settings, client)
    logged = _logged(place) if node.role is Role.REPLICA and not node.link_up else ""
    return replace(found, info=info, login=login, denied_command=denied, log_line=logged)


def _login(info: Mapping[str, str], settings: Mapping[str, str], ours: Login) -> str:
    """The error of a replica's primary for the replica's own user and password; "" for none.

    Sends what the replica itself sends (replication.c, syncWithMaster).
    """
    user = settings.get("masteruser", settings.get("primaryuser", ""))
    secret = settings.get("masterauth", settings.get("primaryauth", ""))
    login: list[Command] = [("AUTH", *filter(None, (user, secret)))] if secret else []
    primary = Endpoint(info.get("master_host", ""), int(info.get("master_port", 0)))
    try:
        anonymous = single_credential(replace(ours, user="", password=""))
        with Connections(anonymous, seconds=_SECONDS) as client:
            replies = client.execute(primary, [*login, ("PING",)])
    except AccessDenied as error:
        return error.detail
    except Unreachable:
        return ""
    return next((str(reply) for reply in replies if isinstance(reply, Exception)), "")


def _denied_command(
    info: Mapping[str, str], settings: Mapping[str, str], client: Connections
) -> str:
    """``SYNC as user replication``, if the primary denied its replicas' user a command in the last
    minute (ACL LOG); "" for none or unknown."""
    user = settings.get("masteruser", settings.get("primaryuser", "")) or "default"
    primary = Endpoint(info.get("master_host", ""), int(info.get("master_port", 0)))
    try:
        # its replicas are probed at the same time, so each needs a connection of its own
        with Connections(client.credentials, seconds=_SECONDS) as own:
            reply = own.execute(primary, [("ACL", "LOG")])[0]
    except RedistopoError:
        return ""
    for row in reply if isinstance(reply, list) else ():
        if not isinstance(row, list):
            continue
        entry = dict(zip(map(str, row[::2]), map(str, row[1::2]), strict=False))
        recent = entry.get("age-seconds", "").partition(".")[0] in map(str, range(60))
        denied = (entry.get("reason"), entry.get("username")) == ("command", user)
        command = entry.get("object", "")
        if recent and denied and command in _OF_REPLICAS:  # others are our own trials
            return f"{command.upper()} as user {user}"
    return ""


def _logged(place: _Place) -> str:
    """The last line about replication in the log of a node of ours, without time and pid."""
    if place.target.layout is None:
        return ""
    lines = log_tail(
        place.target.machine.files, place.target.layout.node(place.node.name).log, 40
    ).splitlines()
    matching = [line for line in lines if _REPLICATION_ERROR.search(line)]
    return re.sub(r"^\S+ \d+ \S+ \d+ [\d:.]+ [#*.-] ", "", matching[-1]) if matching else ""


def _announced(place: _Place, found: NodeProbe, ours: Login) -> NodeProbe:
    """Probe the bus address that the node announces."""
    own = place.node.myself
    if own is None or not own.host:
        return found
    bus = Endpoint(own.host, own.bus_port)
    if bus == (place.node.host, place.bus_port) or not may_reach(ours, bus.host):
        return found
    return replace(
        found,
        announced=probe_port(bus),
        announced_holder=place.holder(bus) if place.local else "",
    )
