"""Follows the endpoints that clients are given: by nodes of a cluster, or for replicas."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from ipaddress import ip_address

from redistopo.client.connection import Command, Connections, Reply
from redistopo.client.reach import OTHER_HOST, may_reach
from redistopo.errors import AccessDenied, RedistopoError
from redistopo.host.in_threads import in_threads
from redistopo.host.tcp import numeric, probe_port
from redistopo.model.connectivity.matrix import MEANING, PortState
from redistopo.model.protocol.endpoint import LAST_PORT, Endpoint
from redistopo.model.protocol.replies import parse_info
from redistopo.model.state.announced import NO_ADDRESS, UNKNOWN_HOST, Announced
from redistopo.model.state.observed import NodeSeen, Role

ENDPOINTS: Command = ("CLUSTER", "SLOTS")
"""What a client asks for the endpoints of all nodes."""

_NODE_ID: Command = ("CLUSTER", "MYID")
_RUN_ID: Command = ("INFO", "server")
"""What a node is known by in a cluster, and without one."""


def probe_announced(nodes: Iterable[NodeSeen], client: Connections) -> tuple[Announced, ...]:
    """Return each endpoint that a node gives to clients for another node that replies to us, and
    whether it leads there; never raises for a faulty node.

    Endpoints at which we queried the node already are not connected to again.
    """
    asked = [node for node in nodes if node.answers and node.myself]
    by_id = {me.id: node.endpoint for node in asked if (me := node.myself)}
    told: dict[tuple[Endpoint, str], Announced] = {}
    for node in asked:
        if refusal := node.refused.get("CLUSTER SLOTS"):
            told[node.endpoint, refusal] = Announced(
                endpoint=node.endpoint, id=node.id, told_by=node.name, refused=refusal
            )
        for endpoint, name in node.printed:
            if name in by_id and (endpoint, name) not in told:
                told[endpoint, name] = Announced(endpoint=endpoint, id=name, told_by=node.name)
    if all(_leads_home(one, by_id) for one in told.values()):
        return tuple(told.values())  # in most clusters: spares the threads
    return in_threads(lambda one: _followed(one, by_id, client, _NODE_ID), told.values())


def _leads_home(one: Announced, by_id: Mapping[str, Endpoint]) -> bool:
    """Whether there is nothing to be found out: we queried the node there, or no endpoint came."""
    return bool(one.refused) or one.endpoint == by_id[one.id]


def probe_announced_replicas(
    nodes: Iterable[NodeSeen], client: Connections
) -> tuple[Announced, ...]:
    """Return the endpoint that each replica announces, or announced when it connected: that is what
    its primary lists and Sentinels give to clients; and whether it leads there. Never raises for a
    faulty node."""
    seen = tuple(nodes)
    replicas = [node for node in seen if node.role is Role.REPLICA]
    by_id = {node.id: node.endpoint for node in replicas}
    announced = {node.address: _announced_by(node) for node in replicas}
    told = (*announced.values(), *_former(seen, replicas, announced))
    return tuple(_followed(one, by_id, client, _RUN_ID) for one in told)


def _former(
    nodes: tuple[NodeSeen, ...], replicas: list[NodeSeen], announced: Mapping[str, Announced]
) -> Iterator[Announced]:
    """Yield what a primary still lists of a replica that has been set to announce something else
    since it connected."""
    for source in nodes:
        listed = {link.endpoint for link in source.replicas}
        mine = [node for node in replicas if node.follows == source.address]
        unlisted = [one for one in mine if announced[one.address].endpoint not in listed]
        for endpoint in listed - {announced[one.address].endpoint for one in mine}:
            same = [one for one in unlisted if one.port == endpoint.port] or unlisted
            if len(same) == 1:
                yield Announced(endpoint=endpoint, id=same[0].id, told_by=source.name)


def announced_by_replica(own: Endpoint, settings: Mapping[str, str]) -> Endpoint:
    """Return the endpoint that a replica announces by its settings, or its own."""
    port = settings.get("replica-announce-port", "")
    number = int(port) if port.isdecimal() and 0 < int(port) <= LAST_PORT else own.port
    return Endpoint(settings.get("replica-announce-ip") or own.host, number)


def _announced_by(node: NodeSeen) -> Announced:
    """What a replica announces by its live settings: the primary got it when it connected."""
    return Announced(
        endpoint=announced_by_replica(node.endpoint, node.config or {}),
        id=node.id,
        told_by=node.name,
        refused=node.config_refused,
    )


def printed_endpoints(reply: Reply) -> tuple[tuple[Endpoint, str], ...]:
    """Return the endpoint and id of each node in a reply to `ENDPOINTS`: those with slots and their
    replicas, except where a client keeps the address that it is connected to."""
    found = (
        (Endpoint(str(host), port), str(name))
        for host, port, name, *_more in _rows(reply)
        if host and isinstance(port, int) and 0 < port <= LAST_PORT
    )
    return tuple(dict.fromkeys(found))


def _rows(reply: Reply) -> Iterable[list[Reply]]:
    """The nodes of all ranges: host, port and id."""
    for some in reply if isinstance(reply, list) else ():
        if not isinstance(some, list):
            continue
        yield from (row for row in some[2:] if isinstance(row, list) and len(row) >= 3)


def _followed(
    one: Announced, by_id: Mapping[str, Endpoint], client: Connections, identity: Command
) -> Announced:
    if _leads_home(one, by_id):
        return one
    if one.host == UNKNOWN_HOST:
        return replace(one, error="no hostname is announced")
    there = numeric(one.endpoint)
    if there == by_id[one.id]:
        return one
    if not _is_address(there.host):
        return replace(one, error=NO_ADDRESS)
    if not may_reach(client.credentials.own, there.host):
        return replace(one, error=OTHER_HOST)
    state = probe_port(there)
    if state is not PortState.OK:
        return replace(one, error=MEANING[state.value], closed=True)
    return _identified(one, client, identity)


def _is_address(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _identified(one: Announced, client: Connections, identity: Command) -> Announced:
    """Add what replies there, if it isn't the node, or if it refuses to say which node it is."""
    try:
        # several nodes may announce one endpoint, so each needs a connection of its own
        with Connections(client.credentials) as own:
            reply = own.execute(one.endpoint, [identity])[0]
    except AccessDenied:
        return replace(one, error="another server replies there, which rejects our password")
    except RedistopoError as error:
        told = f"it accepts connections, but doesn't reply as this node: {error.detail}"
        return replace(one, error=told)
    if isinstance(reply, Exception) and "cluster support disabled" not in str(reply):
        refusal = str(reply).partition(", with args")[0]
        return replace(one, unproven=f"{' '.join(map(str, identity))}: {refusal}")
    found = parse_info(str(reply)).get("run_id") if identity is _RUN_ID else str(reply)
    return one if found == one.id else replace(one, error="another server replies there")
