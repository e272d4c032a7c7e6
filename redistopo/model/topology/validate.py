"""Validates a topology's keys together; reports every problem, not only the first."""

import difflib
import ipaddress
from collections.abc import Collection, Iterable

from redistopo.model.protocol.conf import Directives
from redistopo.model.protocol.endpoint import BUS_OFFSET, LAST_PORT
from redistopo.model.protocol.engine import OLDEST, Product, parse_request
from redistopo.model.topology.announcement import (
    announced_host_problems,
    client_port_problems,
)
from redistopo.model.topology.check_key import TopologyProblem
from redistopo.model.topology.needed_commands import renamed_commands
from redistopo.model.topology.ports import port_block_of
from redistopo.model.topology.spec import (
    SENTINEL_OFFSET,
    Adopted,
    Formation,
    Shape,
    Topology,
)
from redistopo.model.topology.validate_hosts import validate_hosts

# Directives that redistopo sets itself -> the key to use instead.
OWNED = {
    "port": "port",
    "bind": "host",
    "protected-mode": "host",
    "requirepass": "auth, password_file or REDISTOPO_PASSWORD",
    "masterauth": "auth, password_file or REDISTOPO_PASSWORD",
    "primaryauth": "auth, password_file or REDISTOPO_PASSWORD",
    "masteruser": "auth",
    "primaryuser": "auth",
    "aclfile": "acl",
    "tls-port": "tls and port",
    "tls-cert-file": "tls",
    "tls-key-file": "tls",
    "tls-ca-cert-file": "tls",
    "tls-ca-cert-dir": "tls",
    "tls-replication": "tls",
    "tls-cluster": "tls",
    "cluster-enabled": "shape",
    "cluster-config-file": "",
    "cluster-node-timeout": "node_timeout",
    "cluster-port": "port",
    "cluster-announce-port": "announce_port",
    "cluster-announce-tls-port": "announce_port",
    "cluster-announce-bus-port": "port",
    "cluster-announce-client-port": "announce_port",
    "cluster-announce-client-tls-port": "announce_port",
    "replica-announce-port": "port",
    "appendonly": "persistence",
    "replicaof": "shape and replicas",
    "slaveof": "shape and replicas",
    "dir": "",
    "logfile": "",
    "pidfile": "",
    "daemonize": "",
    "supervised": "",
}

OF_ADOPTED = ("appendonly", "cluster-node-timeout")
"""Those of them that adopted servers may have each on its own."""


def validate(topology: Topology, known: Collection[str] = ()) -> tuple[TopologyProblem, ...]:
    """List every problem between keys; empty for a topology that can be planned. `known` are names
    of nodes that a formed topology has or had, besides those of a new one."""
    return (
        *_size(topology),
        *_sentinels(topology),
        *(_adopted(topology, topology.adopted) if topology.adopted else _placed(topology)),
        *_acl(topology),
        *_engine(topology),
        *_owned("redis", topology.redis, topology),
        *renamed_commands(topology),
        *(p for name, table in topology.nodes.items() for p in _node(topology, name, table, known)),
        *_pinned(topology, known),
    )


def _size(topology: Topology) -> Iterable[TopologyProblem]:
    if topology.shape is not Shape.CLUSTER and topology.shards != 1:
        yield TopologyProblem(
            "shards",
            f"is {topology.shards}",
            f"shape {topology.shape} has one shard",
            hint='shape = "cluster" allows several',
        )
    if topology.shape is Shape.STANDALONE and topology.replicas != 0:
        yield TopologyProblem(
            "replicas",
            f"is {topology.replicas}",
            "shape standalone has no replicas",
            hint='shape = "replication" has replicas',
        )
    # redis-cli itself refuses fewer than 3, for a majority; other clusters form `instant`
    if topology.formation is Formation.REDIS_CLI and topology.clustered and topology.shards < 3:
        yield TopologyProblem(
            "formation",
            f"is redis-cli with {topology.shards} shards",
            "redis-cli --cluster create refuses fewer than 3",
            hint='use formation = "auto"',
        )
    if topology.formation is Formation.REDIS_CLI and topology.hosts is not None:
        yield TopologyProblem(
            "formation",
            "is redis-cli together with [hosts]",
            "redis-cli decides itself which primary a replica follows",
            hint='use formation = "auto"',
        )


def _placed(topology: Topology) -> Iterable[TopologyProblem]:
    """Problems of where servers listen."""
    yield from _ports(topology)
    yield from client_port_problems(topology)
    yield from _host(topology)


def _adopted(topology: Topology, adopted: Adopted) -> Iterable[TopologyProblem]:
    """Numbers that the adopted servers contradict."""
    if topology.shards > len(adopted.data):
        yield TopologyProblem(
            "shards", f"is {topology.shards}", f"[adopted] has {len(adopted.data)} data nodes"
        )
    if topology.sentinels != len(adopted.sentinels):
        yield TopologyProblem(
            "sentinels",
            f"is {topology.sentinels}",
            f"[adopted] has {len(adopted.sentinels)} Sentinels",
            hint="remove the line",
        )
    if topology.shape is Shape.STANDALONE and len(adopted.data) > 1:
        yield TopologyProblem(
            "shape", "is standalone", f"[adopted] has {len(adopted.data)} data nodes"
        )


def _sentinels(topology: Topology) -> Iterable[TopologyProblem]:
    if topology.shape is not Shape.SENTINEL:
        for key in ("sentinels", "quorum"):
            if getattr(topology, key):
                yield TopologyProblem(
                    key,
                    f"is {getattr(topology, key)}",
                    f"shape {topology.shape} has no Sentinels",
                    hint='shape = "sentinel" has Sentinels',
                )
        return
    if not topology.replicas and not topology.adopted:
        yield TopologyProblem(
            "replicas",
            "is 0",
            "must be 1 or more, since Sentinels fail over to a replica",
            hint="with 2, one replica is left after a failover",
        )
    if not topology.sentinels:
        yield TopologyProblem("sentinels", "is 0", "must be 1 to 99; recommended: 3 or 5")
    elif not 1 <= topology.quorum <= topology.sentinels:
        yield TopologyProblem(
            "quorum",
            f"is {topology.quorum}",
            f"with {topology.sentinels} Sentinels, must be 1 to {topology.sentinels}",
            hint=f"recommended: a majority, {topology.sentinels // 2 + 1}",
        )
    if 0 < topology.sentinel_port < 1024:
        yield TopologyProblem(
            "sentinel_port",
            f"is {topology.sentinel_port}",
            f"must be 1024 to {LAST_PORT}, or 0 for port + {SENTINEL_OFFSET}",
        )


def _ports(topology: Topology) -> Iterable[TopologyProblem]:
    block = port_block_of(topology)
    if block.fits:
        return
    if topology.sentinels:
        yield _sentinel_ports(topology)
        return
    room = LAST_PORT - (BUS_OFFSET if block.bus else 0) - block.size + 1
    nodes = f"{block.size} nodes" + (f" and a bus at port + {BUS_OFFSET}" if block.bus else "")
    possible = room >= 1024 and not (block.bus and block.size > BUS_OFFSET)
    yield TopologyProblem(
        "port",
        f"is {topology.port}, so the highest port would be {block.highest}",
        f"with {nodes}, must be 1024 to {room}" if possible else "too many nodes",
    )


def _sentinel_ports(topology: Topology) -> TopologyProblem:
    block = port_block_of(topology)
    if block.meets:
        return TopologyProblem(
            "sentinel_port",
            f"is {topology.sentinel_port}, one of the data ports",
            f"the data nodes use {block.first} to {block.first + block.size - 1}",
        )
    return TopologyProblem(
        "sentinel_port" if block.first + block.size - 1 <= LAST_PORT else "port",
        f"is {topology.sentinel_port or f'port + {SENTINEL_OFFSET}'}, so the highest port "
        f"would be {block.highest}",
        f"the highest port is {LAST_PORT}",
        hint="set a lower sentinel_port",
    )


def _host(topology: Topology) -> Iterable[TopologyProblem]:
    if topology.hosts is not None:
        yield from validate_hosts(topology, topology.hosts)
        return
    try:
        address = ipaddress.ip_address(topology.host)
    except ValueError:
        yield TopologyProblem(
            "host", f"is {topology.host!r}", "must be one IP address, such as 127.0.0.1"
        )
        return
    if str(address) != topology.host:
        yield TopologyProblem("host", f"is {topology.host}", f"write it as servers do: {address}")
    if not topology.auth and not address.is_loopback:
        yield TopologyProblem(
            "auth",
            f"is false while host is {topology.host}",
            "a server without a password may only bind a loopback address",
        )
    yield from announced_host_problems(topology, every=address.is_unspecified)


def _acl(topology: Topology) -> Iterable[TopologyProblem]:
    if not topology.acl:
        return
    if not topology.auth:
        yield TopologyProblem(
            "acl", "is true while auth is false", "ACL users need passwords: auth = true"
        )
    tables = {"redis": topology.redis, **{f"nodes.{n}": t for n, t in topology.nodes.items()}}
    for where, table in tables.items():
        if "user" in table:
            yield TopologyProblem(
                f"{where}.user",
                "is set together with acl = true",
                "with acl, users belong in users.acl",
                hint="add it to your own conf/users.acl.j2: redistopo templates export",
            )


def _engine(topology: Topology) -> Iterable[TopologyProblem]:
    request = parse_request(topology.engine)
    if request is not None and not request.assumed.supported:
        yield TopologyProblem(
            "engine",
            f"is {topology.engine!r}",
            f"must be Redis {OLDEST[Product.REDIS]} or Valkey {OLDEST[Product.VALKEY]}, or newer",
        )
    if request is None:
        yield TopologyProblem(
            "engine",
            f"is {topology.engine!r}",
            'must be "auto", a version such as "7.2" or "valkey 9", '
            "or the path of a server program (with a /)",
        )


def _node(
    topology: Topology, name: str, table: Directives, known: Collection[str]
) -> Iterable[TopologyProblem]:
    names = [*topology.data_names]
    if name in topology.sentinel_names or (name in known and name.startswith("sentinel")):
        yield TopologyProblem(
            f"nodes.{name}",
            "is a Sentinel",
            "these tables set redis.conf directives, which a Sentinel doesn't have",
            hint="its settings are the keys quorum, down_after, failover_timeout, parallel_syncs",
        )
    elif name not in names and name not in known:
        yield _no_node(name, names)
    yield from _owned(f"nodes.{name}", table, topology)


def _pinned(topology: Topology, known: Collection[str]) -> Iterable[TopologyProblem]:
    """Pins of nodes that there aren't; those of nodes with directives are refused with these."""
    names = [*topology.data_names, *topology.sentinel_names]
    for name in topology.hosts.pins if topology.hosts else ():
        if name not in (*names, *known, *topology.nodes):
            yield _no_node(name, names)


def _no_node(name: str, names: list[str]) -> TopologyProblem:
    near = difflib.get_close_matches(name, names, n=1)
    return TopologyProblem(
        f"nodes.{name}",
        "is not a node of this topology",
        f"the nodes are {names[0]} to {names[-1]}",
        hint=f"did you mean {near[0]}?" if near else "",
    )


def _owned(where: str, table: Directives, topology: Topology) -> Iterable[TopologyProblem]:
    free = OF_ADOPTED if topology.adopted else ()
    for directive in table:
        if directive in OWNED and directive not in free:
            instead = OWNED[directive]
            yield TopologyProblem(
                f"{where}.{directive}",
                "is set by redistopo itself",
                f"use {instead}" if instead else "it can't be changed",
            )
