"""What was decided: nodes, shards, engine, formation. Printable, and without any secret."""

from dataclasses import dataclass
from enum import StrEnum

from redistopo.model.protocol.conf import Directives
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.engine import Engine
from redistopo.model.protocol.slots import SlotRange
from redistopo.model.state.observed import Role
from redistopo.model.topology.layout import Layout, NodeFolder
from redistopo.model.topology.spec import Topology


class FormationMethod(StrEnum):
    """How the nodes become one topology."""

    REDIS_CLI = "redis-cli"
    INSTANT = "instant"
    REPLICAOF = "replicaof"
    SENTINEL = "sentinel"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class FormationChoice:
    """The method, and why it is this one."""

    method: FormationMethod
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePlan:
    """One server to be: `follows` names its primary ("" for a primary, and for a Sentinel, which
    is in no shard: 0); `bus_port` 0 for none.

    `directives` are the user's own, all nodes' and this node's.
    """

    name: str
    number: int
    shard: int
    role: Role
    host: str
    port: int
    bus_port: int
    folder: NodeFolder
    follows: str
    directives: Directives

    @property
    def endpoint(self) -> Endpoint:
        """Where clients connect."""
        return Endpoint(self.host, self.port)

    @property
    def address(self) -> str:
        return str(self.endpoint)

    @property
    def ports(self) -> tuple[int, ...]:
        return (self.port, self.bus_port) if self.bus_port else (self.port,)

    @property
    def memory_policy(self) -> str:
        """maxmemory and what happens at it, as this node will have them."""
        limit = self.directives.get("maxmemory", ("0",))[-1]
        policy = self.directives.get("maxmemory-policy", ("noeviction",))[-1]
        return f"{policy}, {'no limit' if limit == '0' else limit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardPlan:
    """A primary and its replicas by name; `slots` is None outside a cluster."""

    number: int
    slots: SlotRange | None
    primary: str
    replicas: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that `up` will bring about."""

    topology: Topology
    layout: Layout
    engine: Engine
    engine_why: str
    formation: FormationChoice
    nodes: tuple[NodePlan, ...]
    shards: tuple[ShardPlan, ...]

    def node(self, name: str) -> NodePlan:
        """The node of that name; KeyError for none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    @property
    def data(self) -> tuple[NodePlan, ...]:
        """The nodes that hold data."""
        return tuple(node for node in self.nodes if node.role is not Role.SENTINEL)

    @property
    def sentinels(self) -> tuple[NodePlan, ...]:
        return tuple(node for node in self.nodes if node.role is Role.SENTINEL)

    def at(self, address: str) -> NodePlan | None:
        """The node of that address."""
        return next((node for node in self.nodes if node.address == address), None)

    @property
    def primaries(self) -> tuple[NodePlan, ...]:
        return tuple(node for node in self.nodes if node.role is Role.PRIMARY)
