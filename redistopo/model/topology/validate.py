"""What a topology's keys must mean together; every problem is told, not the first."""

import difflib
import ipaddress
from collections.abc import Iterable

from redistopo.model.protocol.conf import Directives
from redistopo.model.protocol.endpoint import BUS_OFFSET, LAST_PORT
from redistopo.model.protocol.engine import OLDEST, Product, parse_request
from redistopo.model.topology.parse import TopologyProblem
from redistopo.model.topology.ports import port_block_of
from redistopo.model.topology.spec import (
    SENTINEL_OFFSET,
    Formation,
    Shape,
    Topology,
    node_name,
    sentinel_name,
)

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
    "appendonly": "persistence",
    "replicaof": "shape and replicas",
    "slaveof": "shape and replicas",
    "dir": "",
    "logfile": "",
    "pidfile": "",
    "daemonize": "",
    "supervised": "",
}


def validate(topology: Topology) -> tuple[TopologyProblem, ...]:
    """Every problem between the keys; empty for a topology that can be planned."""
    return (
        *_size(topology),
        *_sentinels(topology),
        *_ports(topology),
        *_host(topology),
        *_acl(topology),
        *_engine(topology),
        *_owned("redis", topology.redis),
        *(p for name, table in topology.nodes.items() for p in _node(topology, name, table)),
    )


def _size(topology: Topology) -> Iterable[TopologyProblem]:
    if topology.shape is not Shape.CLUSTER and topology.shards != 1:
        yield TopologyProblem(
            key="shards",
            seen=f"is {topology.shards}",
            allowed=f"{topology.shape} has one shard",
            hint='shape = "cluster" has several',
        )
    if topology.shape is Shape.STANDALONE and topology.replicas != 0:
        yield TopologyProblem(
            key="replicas",
            seen=f"is {topology.replicas}",
            allowed="standalone has no replica",
            hint='shape = "replication" has them',
        )
    # Redis's own tool makes the same demand of its vote; the rest form `instant`.
    if topology.formation is Formation.REDIS_CLI and topology.clustered and topology.shards < 3:
        yield TopologyProblem(
            key="formation",
            seen=f"is redis-cli with {topology.shards} shards",
            allowed="redis-cli --cluster create refuses fewer than 3",
            hint='formation = "auto" forms them without it',
        )


def _sentinels(topology: Topology) -> Iterable[TopologyProblem]:
    if topology.shape is not Shape.SENTINEL:
        for key in ("sentinels", "quorum"):
            if getattr(topology, key):
                yield TopologyProblem(
                    key=key,
                    seen=f"is {getattr(topology, key)}",
                    allowed=f"{topology.shape} has no Sentinel",
                    hint='shape = "sentinel" has them',
                )
        return
    if not topology.replicas:
        yield TopologyProblem(
            key="replicas",
            seen="is 0",
            allowed="Sentinels fail over to a replica: 1 or more",
            hint="2 leave one after a failover",
        )
    if not topology.sentinels:
        yield TopologyProblem(
            key="sentinels", seen="is 0", allowed="allowed is 1 to 99, best 3 or 5"
        )
    elif not 1 <= topology.quorum <= topology.sentinels:
        yield TopologyProblem(
            key="quorum",
            seen=f"is {topology.quorum}",
            allowed=f"with {topology.sentinels} Sentinels, allowed is 1 to {topology.sentinels}",
            hint=f"more than half is usual: {topology.sentinels // 2 + 1}",
        )
    if 0 < topology.sentinel_port < 1024:
        yield TopologyProblem(
            key="sentinel_port",
            seen=f"is {topology.sentinel_port}",
            allowed=f"allowed is 1024 to {LAST_PORT}, or 0 for port + {SENTINEL_OFFSET}",
        )


def _ports(topology: Topology) -> Iterable[TopologyProblem]:
    block = port_block_of(topology)
    if block.fits:
        return
    if topology.sentinels:
        yield _sentinel_ports(topology)
        return
    room = LAST_PORT - (BUS_OFFSET if block.bus else 0) - block.size + 1
    why = f"{block.size} nodes and a bus at port + {BUS_OFFSET}" if block.bus else f"{block.size}"
    possible = room >= 1024 and not (block.bus and block.size > BUS_OFFSET)
    yield TopologyProblem(
        key="port",
        seen=f"is {topology.port}, so the highest port would be {block.highest}",
        allowed=f"with {why}, allowed is 1024 to {room}" if possible else "too many nodes",
    )


def _sentinel_ports(topology: Topology) -> TopologyProblem:
    block = port_block_of(topology)
    if block.meets:
        return TopologyProblem(
            key="sentinel_port",
            seen=f"is {topology.sentinel_port}, among the data ports",
            allowed=f"the data nodes have {block.first} to {block.first + block.size - 1}",
        )
    return TopologyProblem(
        key="sentinel_port" if block.first + block.size - 1 <= LAST_PORT else "port",
        seen=f"is {topology.sentinel_port or f'port + {SENTINEL_OFFSET}'}, so the highest port "
        f"would be {block.highest}",
        allowed=f"no port is above {LAST_PORT}",
        hint="name a lower one: sentinel_port",
    )


def _host(topology: Topology) -> Iterable[TopologyProblem]:
    try:
        address = ipaddress.ip_address(topology.host)
    except ValueError:
        yield TopologyProblem(
            key="host",
            seen=f"is {topology.host!r}",
            allowed="allowed is one IP address, such as 127.0.0.1",
        )
        return
    if str(address) != topology.host:
        yield TopologyProblem(
            key="host", seen=f"is {topology.host}", allowed=f"servers write it as {address}"
        )
    if address.is_unspecified:
        yield TopologyProblem(
            key="host",
            seen=f"is {topology.host}",
            allowed="nodes announce this address to clients and to each other, so it must be "
            "one that they can connect to",
            hint="127.0.0.1 keeps it on this machine",
        )
    elif not topology.auth and not address.is_loopback:
        yield TopologyProblem(
            key="auth",
            seen=f"is false while host is {topology.host}",
            allowed="a server without password binds loopback only",
        )


def _acl(topology: Topology) -> Iterable[TopologyProblem]:
    if not topology.acl:
        return
    if not topology.auth:
        yield TopologyProblem(
            key="acl",
            seen="is true while auth is false",
            allowed="users have passwords: auth = true",
        )
    tables = {"redis": topology.redis, **{f"nodes.{n}": t for n, t in topology.nodes.items()}}
    for where, table in tables.items():
        if "user" in table:
            yield TopologyProblem(
                key=f"{where}.user",
                seen="stands beside acl = true",
                allowed="users are then in users.acl alone",
                hint="put it into your own conf/users.acl.j2: redistopo templates export",
            )


def _engine(topology: Topology) -> Iterable[TopologyProblem]:
    request = parse_request(topology.engine)
    if request is not None and not request.assumed.supported:
        yield TopologyProblem(
            key="engine",
            seen=f"is {topology.engine!r}",
            allowed=f"supported are Redis {OLDEST[Product.REDIS]} and Valkey "
            f"{OLDEST[Product.VALKEY]} or newer",
        )
    if request is None:
        yield TopologyProblem(
            key="engine",
            seen=f"is {topology.engine!r}",
            allowed='allowed is "auto", a version such as "7.2" or "valkey 9", '
            "or the path of a server program (with a /)",
        )


def _node(topology: Topology, name: str, table: Directives) -> Iterable[TopologyProblem]:
    names = [node_name(n) for n in range(1, topology.size + 1)]
    if name in [sentinel_name(n) for n in range(1, topology.sentinels + 1)]:
        yield TopologyProblem(
            key=f"nodes.{name}",
            seen="is a Sentinel",
            allowed="these tables are for redis.conf, and a Sentinel has none",
            hint="quorum, down_after, failover_timeout and parallel_syncs are keys of this file",
        )
    elif name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        yield TopologyProblem(
            key=f"nodes.{name}",
            seen="is not a node of this topology",
            allowed=f"the nodes are {names[0]} to {names[-1]}",
            hint=f"did you mean {near[0]}?" if near else "",
        )
    yield from _owned(f"nodes.{name}", table)


def _owned(where: str, table: Directives) -> Iterable[TopologyProblem]:
    for directive in table:
        if directive in OWNED:
            instead = OWNED[directive]
            yield TopologyProblem(
                key=f"{where}.{directive}",
                seen="is set by redistopo itself",
                allowed=f"use {instead}" if instead else "it can't be changed",
            )
