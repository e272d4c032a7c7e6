"""The plan: nodes, shards, engine and formation method. Printable, and without secrets."""

from enum import StrEnum
from pathlib import Path

from redistopo.model.protocol.conf import Directives
from redistopo.model.protocol.endpoint import Addressed
from redistopo.model.protocol.engine import Engine
from redistopo.model.protocol.slots import SlotRange
from redistopo.model.state.observed import Role
from redistopo.model.topology.project_paths import Layout, NodeFolder, TlsFolder
from redistopo.model.topology.spec import Topology
from redistopo.quick_dataclass import dataclass

_CROWD = 20
_MOST_TAKEN_OVER = 60


class FormationMethod(StrEnum):
    """How the nodes are formed into a topology."""

    REDIS_CLI = "redis-cli"
    INSTANT = "instant"
    REPLICAOF = "replicaof"
    SENTINEL = "sentinel"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class FormationChoice:
    """The method, and the reason for it."""

    method: FormationMethod
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePlan(Addressed):
    """One planned server: `follows` names its primary ("" for a primary or a Sentinel; the
    latter is in no shard: 0, as a replica whose primary isn't decided); `bus_port` is 0 for none.

    `directives` are the user's, for all nodes and for this node. `machine` is the name of its
    machine in a topology over several hosts; "" for this one. `folder` is the node's here, and
    `home` the one on its machine.
    """

    name: str
    number: int
    shard: int
    role: Role
    bus_port: int
    folder: NodeFolder
    follows: str
    directives: Directives
    home: Path
    machine: str = ""

    @property
    def title(self) -> str:
        """Its name, and that of its machine."""
        return f"{self.name} on {self.machine}" if self.machine else self.name

    @property
    def log_hint(self) -> str:
        """How its log is read."""
        return f"its log: {f'redistopo logs {self.name}' if self.machine else self.folder.log}"

    @property
    def files(self) -> NodeFolder:
        """The node's files on its machine."""
        return NodeFolder(self.home)

    @property
    def certificates(self) -> TlsFolder:
        """The certificates on its machine."""
        return TlsFolder(self.home.parent.parent / "tls")

    @property
    def ports(self) -> tuple[int, ...]:
        return (self.port, self.bus_port) if self.bus_port else (self.port,)

    @property
    def memory_policy(self) -> str:
        """The node's maxmemory and eviction policy."""
        limit = self.directives.get("maxmemory", ("0",))[-1]
        policy = self.directives.get("maxmemory-policy", ("noeviction",))[-1]
        return f"{policy}, {'no limit' if limit == '0' else limit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardPlan:
    """A primary and its replicas by name; `slots` is None outside a cluster, and if the primary
    doesn't own a single range of slots."""

    number: int
    slots: SlotRange | None
    primary: str
    replicas: tuple[str, ...]

    @property
    def acting_primary(self) -> str:
        """The initial owner of the slots in an instant formation: the first replica, if any."""
        return (self.replicas or (self.primary,))[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The desired state that `up` brings about."""

    topology: Topology
    layout: Layout
    engine: Engine
    engine_why: str
    formation: FormationChoice
    nodes: tuple[NodePlan, ...]
    shards: tuple[ShardPlan, ...]

    def node(self, name: str) -> NodePlan:
        """Return the node with that name; raises KeyError if there is none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    def bound(self, node: NodePlan) -> str:
        """Return the address that a node binds."""
        return node.host if node.machine else self.topology.host

    @property
    def data(self) -> tuple[NodePlan, ...]:
        """The data nodes, without Sentinels."""
        return tuple(node for node in self.nodes if node.role is not Role.SENTINEL)

    @property
    def sentinels(self) -> tuple[NodePlan, ...]:
        return tuple(node for node in self.nodes if node.role is Role.SENTINEL)

    def at(self, address: str) -> NodePlan | None:
        """Return the node with that address."""
        return next((node for node in self.nodes if node.address == address), None)

    @property
    def crowded(self) -> bool:
        """Whether so many cluster nodes share this machine that their pings would overload it.

        Each pings every other node once per half node timeout: 102 nodes at 1000 ms send 20,000
        pings a second, and as many pongs.
        """
        return self.topology.clustered and len(self.nodes) > _CROWD

    @property
    def takeovers(self) -> tuple[ShardPlan, ...]:
        """The shards whose primary takes over from its first replica in an instant formation.

        None in a large cluster: one takeover after the other takes longer there than the 2 s that
        they avoid (at 30 nodes 1.3 s in all instead of 2.2, at 102 nodes 3.4 instead of 2.7).
        """
        if len(self.nodes) > _MOST_TAKEN_OVER:
            return ()
        return tuple(shard for shard in self.shards if shard.replicas)

    @property
    def primaries(self) -> tuple[NodePlan, ...]:
        return tuple(node for node in self.nodes if node.role is Role.PRIMARY)
