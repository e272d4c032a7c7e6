"""The topology file's keys, each with its meaning and limits.

This table is the single source of the validation, the JSON schema, the comments that
`init` writes, and the reference in the documentation.
"""

from collections.abc import Mapping
from dataclasses import KW_ONLY, MISSING, field, fields
from enum import StrEnum

from redistopo.model.protocol.conf import Directives
from redistopo.model.protocol.conf_endpoint import LOOPBACK
from redistopo.model.protocol.endpoint import LAST_PORT, Endpoint
from redistopo.model.topology.hosts import Hosts
from redistopo.quick_dataclass import dataclass

FORMAT_VERSION = 1
"""The format of the topology file that this version writes and reads."""

SENTINEL_OFFSET = 20000
"""The first Sentinel listens at the first data port plus this, unless the file says otherwise:
6379 and 26379 are the defaults of redis.conf and sentinel.conf."""

SAFE_RIGHTS = "+@all -@admin -@dangerous"
"""The application's ACL rules unless the file says otherwise."""


class Shape(StrEnum):
    """The kind of topology."""

    CLUSTER = "cluster"
    REPLICATION = "replication"
    SENTINEL = "sentinel"
    STANDALONE = "standalone"


SHAPE_ALIASES = {
    "replica": Shape.REPLICATION,
    "replicas": Shape.REPLICATION,
    "master-replica": Shape.REPLICATION,
    "primary-replica": Shape.REPLICATION,
    "master-slave": Shape.REPLICATION,
    "sentinels": Shape.SENTINEL,
    "single": Shape.STANDALONE,
}


class Formation(StrEnum):
    """How servers are formed into a cluster."""

    AUTO = "auto"
    REDIS_CLI = "redis-cli"
    INSTANT = "instant"


class Persistence(StrEnum):
    """How data is persisted."""

    AOF = "aof"
    RDB = "rdb"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class TopologyKey:
    """One key of the topology file; `kind` is str, int or bool, `rule` says what `pattern`
    matches."""

    name: str
    kind: type
    _: KW_ONLY
    doc: str
    choices: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None
    pattern: str = ""
    rule: str = ""
    required: bool = False


def _values(choices: type[StrEnum]) -> tuple[str, ...]:
    return tuple(one.value for one in choices)


TOPOLOGY_KEYS: tuple[TopologyKey, ...] = (
    TopologyKey("format", int, least=FORMAT_VERSION, most=FORMAT_VERSION, required=True,
                doc="Version of this file's format."),
    TopologyKey("name", str, pattern=r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}",
                rule="must be at most 63 letters, digits, '.', '_' and '-'",
                doc="Name of the topology in lists and messages."),
    TopologyKey("shape", str, choices=_values(Shape), required=True,
                doc="cluster: slots over several primaries. replication: one primary and its "
                    "replicas. sentinel: the same, monitored by Sentinels, which fail over. "
                    "standalone: one server."),
    TopologyKey("host", str, pattern=r"[0-9A-Fa-f.:]{2,45}",
                rule="must be one IP address, such as 127.0.0.1",
                doc="Address that every node binds and clients connect to. 0.0.0.0, for IPv6 ::, "
                    "is every address of this machine: clients get announce_host then."),
    TopologyKey("announce_host", str, pattern=r"(?:(?:::)?[A-Za-z0-9][A-Za-z0-9.:-]{0,252})?",
                rule="must be an address of this machine, or a name",
                doc="Address of this machine that servers give to clients, if host is every "
                    "address; in a cluster also a name, such as host.docker.internal."),
    TopologyKey("announce_port", int, least=0, most=LAST_PORT,
                doc="Port at which clients of a cluster connect to the first node, where ports "
                    "are mapped; the others follow. Needs Valkey 9.0. 0 is the same as port."),
    TopologyKey("port", int, least=1024, most=LAST_PORT,
                doc="Data port of the first node; the others follow. In a cluster, each "
                    "node's bus port is its data port + 10000."),
    TopologyKey("shards", int, least=1, most=1000,
                doc="Number of primaries that share the slots. Automatic failover needs 3 or "
                    "more."),
    TopologyKey("replicas", int, least=0, most=10, doc="Number of replicas of each primary."),
    TopologyKey("sentinels", int, least=0, most=99,
                doc="Number of Sentinels that monitor the primary, for shape sentinel. A "
                    "failover needs more than half of them: 3 tolerate the loss of one."),
    TopologyKey("quorum", int, least=0, most=99,
                doc="Number of Sentinels that must agree that the primary is down. Default: a "
                    "majority."),
    TopologyKey("sentinel_port", int, least=0, most=LAST_PORT,
                doc="Port of the first Sentinel; the others follow. 0 is port + 20000."),
    TopologyKey("down_after", int, least=500, most=600_000,
                doc="Milliseconds without a reply before a Sentinel considers a node down."),
    TopologyKey("failover_timeout", int, least=1000, most=3_600_000,
                doc="Milliseconds that each phase of a failover may take; a failed one is "
                    "retried after twice that time."),
    TopologyKey("parallel_syncs", int, least=1, most=10,
                doc="Number of replicas that sync with a new primary at the same time."),
    TopologyKey("engine", str,
                doc='Server to use: "auto", a version ("7.2", "valkey 9") or the path of a '
                    "program."),
    TopologyKey("formation", str, choices=_values(Formation),
                doc="How the cluster is formed. redis-cli: by `redis-cli --cluster create`. "
                    "instant: from prepared nodes.conf files, in under a second. auto: "
                    "redis-cli if possible."),
    TopologyKey("node_timeout", int, least=500, most=600_000,
                doc="Milliseconds without a reply before a cluster node is considered "
                    "failing."),
    TopologyKey("persistence", str, choices=_values(Persistence),
                doc="aof: log every write, synced every second. rdb: snapshots. none: memory "
                    "only."),
    TopologyKey("auth", bool,
                doc="Require a password. It is generated by the first `up` and never kept in "
                    "this file."),
    TopologyKey("acl", bool,
                doc="Create users with least privilege: default (for applications), "
                    "replication and admin (for redistopo), each with its own password."),
    TopologyKey("application_rights", str,
                pattern=r"[+-]@?[a-z][a-z0-9|_-]*(?: [+-]@?[a-z][a-z0-9|_-]*)*",
                rule="must be ACL rules on commands, such as +@all -@admin",
                doc="With acl, the ACL rules of the application's user; commands that clients "
                    "need for discovery are added."),
    TopologyKey("tls", bool,
                doc="Require TLS for clients, replication and the cluster bus, with a private "
                    "CA created by the first `up`. Needs an engine built with TLS."),
    TopologyKey("password_file", str,
                doc="File whose first line is the password, instead of a generated one. "
                    "REDISTOPO_PASSWORD takes precedence over both."),
    TopologyKey("templates", str,
                doc="Folder with your own templates; `redistopo templates export DIR` writes "
                    "ours."),
)  # fmt: skip

TOPOLOGY_TABLES = {
    "redis": "Any redis.conf directive, for all nodes.",
    "nodes": "Directives for one node: [nodes.node1], [nodes.node2] ...; over several machines "
    "also host, the name of its machine.",
    "hosts": "The machines to use instead of this one, a table each: [hosts.h1], [hosts.h2] ...",
    "adopted": 'Servers that run already, by node: node1 = "10.0.0.1:6379". redistopo never starts '
    "or stops them.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """Servers that redistopo didn't start, by the names of nodes, data nodes first; `user` is the
    ACL user that it logs in as, "" for the default one."""

    servers: Mapping[str, Endpoint]
    user: str = ""

    @property
    def data(self) -> tuple[str, ...]:
        """The names of the data nodes."""
        return tuple(name for name in self.servers if name.startswith("node"))

    @property
    def sentinels(self) -> tuple[str, ...]:
        """The names of the Sentinels."""
        return tuple(name for name in self.servers if name.startswith("sentinel"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """A valid topology with all defaults filled in."""

    name: str
    shape: Shape
    host: str = "127.0.0.1"
    announce_host: str = ""
    announce_port: int = 0
    port: int
    shards: int
    replicas: int
    sentinels: int = 0
    quorum: int = 0
    sentinel_port: int = 0
    down_after: int = 5000
    failover_timeout: int = 10_000
    parallel_syncs: int = 1
    engine: str = "auto"
    formation: Formation = Formation.AUTO
    node_timeout: int = 5000
    persistence: Persistence = Persistence.AOF
    auth: bool = True
    acl: bool = False
    application_rights: str = SAFE_RIGHTS
    tls: bool = False
    password_file: str = ""
    templates: str = ""
    redis: Directives = field(default_factory=dict)
    nodes: Mapping[str, Directives] = field(default_factory=dict)
    hosts: Hosts | None = None
    adopted: Adopted | None = None
    format: int = FORMAT_VERSION

    @property
    def size(self) -> int:
        """Number of data nodes."""
        return len(self.adopted.data) if self.adopted else self.shards * (1 + self.replicas)

    @property
    def data_names(self) -> tuple[str, ...]:
        """The names of the data nodes of a new topology, or of the adopted ones."""
        if self.adopted:
            return self.adopted.data
        return tuple(node_name(number) for number in range(1, self.size + 1))

    @property
    def sentinel_names(self) -> tuple[str, ...]:
        """The names of the Sentinels of a new topology, or of the adopted ones."""
        if self.adopted:
            return self.adopted.sentinels
        return tuple(sentinel_name(number) for number in range(1, self.sentinels + 1))

    @property
    def count(self) -> int:
        """Number of nodes, including Sentinels."""
        return self.size + self.sentinels

    @property
    def first_sentinel(self) -> int:
        """Port of the first Sentinel."""
        return self.sentinel_port or self.port + SENTINEL_OFFSET

    @property
    def address(self) -> str:
        """The address by which nodes, and redistopo, connect to a node."""
        if self.announce_host and not self.announced_name:
            return self.announce_host
        return LOOPBACK.get(self.host, self.host)

    @property
    def announced_name(self) -> str:
        """The name that clients of a cluster are given instead of the address; "" for none."""
        from ipaddress import ip_address

        try:
            ip_address(self.announce_host)
        except ValueError:
            return self.announce_host
        return ""

    def client_port(self, port: int) -> int:
        """Return the port that clients are given for the node at `port`; 0 for that itself."""
        return self.announce_port + port - self.port if self.announce_port else 0

    @property
    def clustered(self) -> bool:
        return self.shape is Shape.CLUSTER


def node_name(number: int) -> str:
    """Return the name of the nth node, from 1."""
    return f"node{number}"


def sentinel_name(number: int) -> str:
    """Return the name of the nth Sentinel, from 1."""
    return f"sentinel{number}"


_BY_SHAPE: Mapping[Shape, Mapping[str, object]] = {
    Shape.CLUSTER: {"port": 7000, "shards": 3, "replicas": 1},
    Shape.REPLICATION: {"port": 6379, "shards": 1, "replicas": 2},
    Shape.SENTINEL: {"port": 6379, "shards": 1, "replicas": 2, "sentinels": 3, "quorum": 2},
    Shape.STANDALONE: {"port": 6379, "shards": 1, "replicas": 0},
}


def shape_defaults(shape: Shape) -> dict[str, object]:
    """Return the default value of each key for this shape: that of `Topology`, unless it
    depends on the shape."""
    optional = {key.name for key in TOPOLOGY_KEYS if not key.required}
    own = {one.name: one.default for one in fields(Topology) if one.name in optional}
    common = {name: value for name, value in own.items() if value is not MISSING}
    return {"name": "redis", **common, **_BY_SHAPE[shape]}
