"""Discovery of a topology that redistopo didn't start, from the address of one node."""

import os
import re
from collections.abc import Iterable
from dataclasses import replace

from redistopo.client.announce_probe import announced_by_replica
from redistopo.client.cluster_endpoints import cluster_endpoints
from redistopo.client.connection import Connections, Reply, try_ping
from redistopo.client.query_node import parse_config
from redistopo.client.reach import refuse_other_hosts, with_host
from redistopo.client.replication_tree import replication_around
from redistopo.client.target import Target
from redistopo.errors import AccessDenied, BadReply, Unreachable, UsageError
from redistopo.host.tcp import numeric
from redistopo.model.protocol.credentials import (
    ENVIRONMENT_VARIABLE,
    TLS_REQUIRED_HINT,
    Credentials,
    Login,
    single_credential,
)
from redistopo.model.protocol.endpoint import LAST_PORT, Endpoint, split_address
from redistopo.model.protocol.replies import parse_info, parse_nodes
from redistopo.model.protocol.sentinel_replies import parse_masters, parse_peers
from redistopo.model.state.hints import allow_command_hint
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.topology.spec import Shape
from redistopo.quick_dataclass import dataclass

SENTINEL_VARIABLE = "REDISTOPO_SENTINEL_PASSWORD"
"""The password of a foreign topology's Sentinels, if it differs from the data nodes'."""

_MOST_NODES = 2000
"""Twice the size that Redis recommends as the largest of a cluster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovered:
    """The shape, every discovered node, and which of them are Sentinels."""

    shape: Shape
    targets: tuple[Target, ...]
    sentinels: frozenset[Endpoint] = frozenset()


def credentials_elsewhere(access: Login, endpoint: Endpoint) -> Credentials:
    """Build credentials for a foreign topology, from `access` or environment variables; besides
    those of `access`, they may be used for the host of `endpoint`."""
    password = access.password or os.environ.get(ENVIRONMENT_VARIABLE, "")
    hosts = with_host(access, endpoint.host)
    credentials = single_credential(replace(access, password=password, hosts=hosts))
    own = _sentinel_login(credentials)
    login = own or _without_user(credentials)
    if login is not None and try_ping(endpoint, login) == "PONG":
        return replace(credentials, sentinels={numeric(endpoint): login})
    bare = replace(credentials.own, user="", password="")
    if password and own is None and _is_bare_sentinel(endpoint, credentials.own, bare):
        return replace(credentials, sentinels={numeric(endpoint): bare})
    return credentials


def _is_bare_sentinel(endpoint: Endpoint, own: Login, bare: Login) -> bool:
    """Whether a Sentinel is there that has no password, and so refuses that of the data nodes."""
    if try_ping(endpoint, own) == "PONG":
        return False
    try:
        with Connections(single_credential(bare)) as client:
            reply = client.execute(endpoint, [("INFO", "server")])[0]
    except (Unreachable, AccessDenied):
        return False
    info = parse_info(reply) if isinstance(reply, str) else {}
    return "sentinel" in (info.get("redis_mode"), info.get("server_mode"))


def with_sentinel_logins(credentials: Credentials, found: Discovered) -> Credentials:
    """Add the login to each Sentinel that was found: the one that worked for the first."""
    own = next(iter(credentials.sentinels.values()), None) or _sentinel_login(credentials)
    return (
        replace(credentials, sentinels=dict.fromkeys(found.sentinels, own)) if own else credentials
    )


def _sentinel_login(credentials: Credentials) -> Login | None:
    """None if no separate Sentinel password is given; ACL users are the same on all nodes."""
    password = os.environ.get(SENTINEL_VARIABLE, "")
    return replace(credentials.own, password=password) if password and not credentials.acl else None


def _without_user(credentials: Credentials) -> Login | None:
    """The login to Sentinels that have a password, but not the user of the data nodes."""
    password = os.environ.get(SENTINEL_VARIABLE, "")
    return replace(credentials.own, user="", password=password) if password else None


def parse_address(text: str) -> Endpoint:
    """Return the endpoint of ``HOST:PORT``, ``[::1]:PORT`` or ``PORT``; UsageError for others."""
    host, port = split_address(text)
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise UsageError(f"{text!r} is not an address", hint="use HOST:PORT: 127.0.0.1:7000")
    return Endpoint(host or "127.0.0.1", int(port))


def discover(endpoint: Endpoint, client: Connections, master: str = "") -> Discovered:
    """Discover the topology of any one of its nodes. `master` is the name of one of the primaries
    that a Sentinel monitors; without it, all of them belong to the topology.

    Raises Unreachable or AccessDenied with a hint, UsageError for a name that isn't monitored,
    OtherHosts if it has nodes at hosts that the login may not be used for.
    """
    endpoint = numeric(endpoint)
    found = _discover(endpoint, client, master)
    refuse_other_hosts(endpoint, client.credentials.own, (one.endpoint for one in found.targets))
    return found


def _discover(endpoint: Endpoint, client: Connections, master: str) -> Discovered:
    info = _info(endpoint, client)
    # Valkey calls it server_mode, unless it is set to be compatible (server.c,
    # genValkeyInfoString)
    if "sentinel" in (info.get("redis_mode"), info.get("server_mode")):
        return _discover_by_sentinel(endpoint, client, master)
    if master:
        raise UsageError(
            f"{endpoint} is not a Sentinel, and knows no primary by the name {master}",
            hint="give the address of a Sentinel, or leave out --master",
        )
    if info.get("cluster_enabled") == "1":
        reply = client.execute(endpoint, [("CLUSTER", "NODES")])[0]
        members = parse_nodes(str(_allowed(reply, endpoint, "CLUSTER NODES")))
        _require_plausible(endpoint, len(members))
        found = cluster_endpoints(endpoint, members, client)
        return Discovered(shape=Shape.CLUSTER, targets=_targets(sorted(found)))
    announced = _announced(endpoint, client) if info.get("role") == "slave" else None
    nodes = replication_around(endpoint, info, lambda one: _info(one, client), announced)
    shape = Shape.REPLICATION if len(nodes) > 1 else Shape.STANDALONE
    return Discovered(shape=shape, targets=_targets(nodes))


def monitored_names(endpoint: Endpoint, client: Connections) -> tuple[str, ...]:
    """Return the names of the primaries that a Sentinel monitors; none if it isn't a Sentinel.
    Raises as `discover` does."""
    endpoint = numeric(endpoint)
    info = _info(endpoint, client)
    if "sentinel" not in (info.get("redis_mode"), info.get("server_mode")):
        return ()
    reply = client.execute(endpoint, [("SENTINEL", "MASTERS")])[0]
    found = parse_masters(_allowed(reply, endpoint, "SENTINEL MASTERS"))
    return tuple(sorted(one.name for one in found))


def _require_plausible(endpoint: Endpoint, count: int) -> None:
    """Raise BadReply for more nodes than a topology has: each would be connected to."""
    if count > _MOST_NODES:
        limit = f"at most {_MOST_NODES} are queried"
        raise BadReply(f"{endpoint} names {count} nodes", detail=limit)


def _announced(endpoint: Endpoint, client: Connections) -> Endpoint:
    """Return the address by which a replica's primary lists it; its own if CONFIG is refused."""
    reply = client.execute(endpoint, [("CONFIG", "GET", "replica-announce-*")])[0]
    return announced_by_replica(endpoint, parse_config(reply) or {})


def with_new_nodes(before: Discovered, seen: Observed, port: int) -> Discovered:
    """Return the topology as its own nodes name it in a snapshot taken after its discovery.

    In a cluster every node names all others: the node on `port` is trusted, or another one while
    that is silent. In a replication no node names a replica that is cut off, so none is dropped;
    Sentinels name each other, too.
    """
    if before.shape is Shape.CLUSTER:
        able = sorted(seen.answering, key=lambda node: node.port != port)
        members = able[0].members if able else ()
        # a node may announce another endpoint than the one at which it replies
        queried = {me.id: node.endpoint for node in seen.answering if (me := node.myself)}
        found = sorted(
            queried.get(one.id, one.endpoint) for one in members if "noaddr" not in one.flags
        )
        return replace(before, targets=_targets(found)) if found else before
    known = [one.endpoint for one in before.targets]
    ports = {one.port for one in before.targets}
    for node in seen.answering:
        named = [one.endpoint for one in node.replicas]
        # by port: a replica may name its primary by a host name
        followed = split_address(node.follows)[1]
        if followed.isdecimal() and int(followed) not in ports:
            named.append(numeric(Endpoint.parse(node.follows)))
        around = [peer for watch in node.watches for peer in (*watch.replicas, *watch.sentinels)]
        named += [peer.endpoint for peer in around]
        known += [one for one in named if one not in known and 0 < one.port <= LAST_PORT]
    grew = before.shape is Shape.STANDALONE and len(known) > 1
    return Discovered(shape=Shape.REPLICATION if grew else before.shape, targets=_targets(known))


def _discover_by_sentinel(endpoint: Endpoint, client: Connections, master: str) -> Discovered:
    """The data nodes and Sentinels that a Sentinel knows, and the Sentinel itself."""

    def query(*words: str) -> object:
        command = ("SENTINEL", *words)
        return _allowed(client.execute(endpoint, [command])[0], endpoint, " ".join(command[:2]))

    found = sorted(parse_masters(query("MASTERS")), key=lambda one: one.name)
    if not found:
        raise UsageError(
            f"{endpoint} is a Sentinel that monitors no primary",
            hint="give the address of a data node instead",
        )
    chosen = [one for one in found if master in ("", one.name)]
    if not chosen:
        names = ", ".join(one.name for one in found)
        raise UsageError(
            f"{endpoint} monitors no primary by the name {master}, but {names}",
            hint=f"--master {found[0].name}, or leave it out for all of them",
        )
    data, watching = [], [endpoint]
    for one in chosen:
        replicas = parse_peers(query("REPLICAS", one.name), "SENTINEL REPLICAS")
        others = parse_peers(query("SENTINELS", one.name), "SENTINEL SENTINELS")
        data += [one.endpoint, *(peer.endpoint for peer in replicas)]
        watching += [peer.endpoint for peer in others]
    _require_plausible(endpoint, len(data) + len(watching))
    return Discovered(
        shape=Shape.SENTINEL,
        targets=_targets(dict.fromkeys((*data, *watching))),
        sentinels=frozenset(watching),
    )


def _targets(endpoints: Iterable[Endpoint]) -> tuple[Target, ...]:
    # several nodes may announce one endpoint: what replies there is queried once
    return tuple(Target(name=str(one), endpoint=one) for one in dict.fromkeys(endpoints))


def _info(endpoint: Endpoint, client: Connections) -> dict[str, str]:
    try:
        reply = client.execute(endpoint, [("INFO",)])[0]
    except Unreachable as error:
        tls = client.credentials.own.tls
        raise Unreachable(
            error.message,
            detail=error.detail,
            hint="check that a server runs there and listens on that address; "
            + ("" if tls and tls.pem and "certificate" not in error.detail else TLS_REQUIRED_HINT),
        ) from error
    except AccessDenied as error:
        raise AccessDenied(
            f"{endpoint} requires a password, or another one",
            detail=error.detail,
            hint=f"{_what_to_set(client.credentials.own.password)}; Sentinels may have another "
            f"password: {SENTINEL_VARIABLE}",
        ) from error
    return parse_info(str(_allowed(reply, endpoint, "INFO")))


def _what_to_set(refused: str) -> str:
    """How to give another password: one that was given, in a URL or when asked, comes before the
    variable's."""
    if refused and refused != os.environ.get(ENVIRONMENT_VARIABLE, ""):
        return (
            f"correct the password that was given, or leave it out and set {ENVIRONMENT_VARIABLE}"
        )
    return f"set {ENVIRONMENT_VARIABLE} (verify can prompt for it: --ask-password)"


def _allowed(reply: Reply, endpoint: Endpoint, what: str) -> Reply:
    """Return the reply; raises BadReply, with what allows the command, if it is an error."""
    if not isinstance(reply, Exception):
        return reply
    text = str(reply).partition(", with args")[0]
    node = NodeSeen(name=str(endpoint), endpoint=endpoint)
    hint = allow_command_hint(node, what.partition(" ")[0], text)
    raise BadReply(f"{endpoint} refused {what}", detail=text, hint=hint)
