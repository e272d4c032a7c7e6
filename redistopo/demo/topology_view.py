"""The topology as the page shows it: nodes by shard, and which shard owns a slot; pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field

from redistopo.model.protocol.endpoint import Endpoint, format_address
from redistopo.model.protocol.slots import SLOT_COUNT, SlotRange, format_ranges_briefly, slot_of
from redistopo.model.state.diff import state_in_words
from redistopo.model.state.last_known import LastKnown, NodeCondition, NodeKnown
from redistopo.model.state.observed import Observed, Role
from redistopo.model.topology.spec import Shape
from redistopo.quick_dataclass import dataclass

ONLY_SHARD = "shard 1"
"""The name of the only shard if there are no slots."""

UNOWNED_SLOTS = "slots without an owner"
"""Their name beside those of the shards."""

_MOST_TRIED = 3000
"""Ids to try to find one for each shard: enough for hundreds of shards."""

UNKNOWN = "unknown"
"""The role of a node that does not reply, once another node is primary in its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLocation:
    """Where a key is read: `slot` is None outside a cluster, `node` "" if no node serves it."""

    slot: int | None
    node: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeView:
    """One node: `state` is "up" or why it is unusable, `words` are details; `linked` is whether its
    replication link to its primary, `follows`, is up."""

    name: str
    host: str
    port: int
    role: str
    state: str
    words: str
    linked: bool = True
    follows: str = ""

    @property
    def address(self) -> Endpoint:
        return Endpoint(self.host, self.port)

    @property
    def up(self) -> bool:
        return self.state == "up"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardView:
    """One shard, its primary first; `slots` is () outside a cluster."""

    name: str
    slots: tuple[SlotRange, ...]
    nodes: tuple[NodeView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TopologyView:
    """Shards in the order of their slots, and the Sentinels; a node that does not reply stays in
    its last shard. `names` maps a shard's first slot to its name, for good."""

    shape: Shape | None = None
    shards: tuple[ShardView, ...] = ()
    sentinels: tuple[NodeView, ...] = ()
    names: Mapping[int, str] = field(default_factory=dict)

    @property
    def data(self) -> tuple[NodeView, ...]:
        """The nodes that hold data."""
        return tuple(node for shard in self.shards for node in shard.nodes)

    @property
    def only_shard(self) -> str:
        """The name of the only shard; "" if there are several."""
        return self.shards[0].name if len(self.shards) == 1 else ""

    def node(self, name: str) -> NodeView | None:
        return next((one for one in (*self.data, *self.sentinels) if one.name == name), None)

    def node_at(self, address: Endpoint) -> NodeView | None:
        """Return the data node at that address."""
        return next((one for one in self.data if one.address == address), None)

    def primary(self) -> NodeView | None:
        """Return the primary, without slots; None if no node replies as primary."""
        return next((one for one in self.data if one.up and one.role == Role.PRIMARY), None)

    @property
    def stays_without_primary(self) -> bool:
        """Whether there is no primary, and none will be promoted automatically."""
        return self.shape is Shape.REPLICATION and self.primary() is None

    def replicas(self) -> tuple[NodeView, ...]:
        """Return the replicas that can be read from: while there is a primary only those that
        replicate it, because the others would serve rows invalidated since."""
        able = [one for one in self.data if one.up and one.role == Role.REPLICA]
        return tuple(one for one in able if self.primary() is None or self._follows(one))

    def _follows(self, replica: NodeView) -> bool:
        """Return whether it receives current writes: the link to a paused primary counts as up for
        a minute (repl-timeout)."""
        followed = self.node(replica.follows)
        return replica.linked and (followed is None or followed.up)

    def shard_of(self, slot: int) -> ShardView | None:
        """Return the shard that owns a slot, or None."""
        return next((one for one in self.shards if any(slot in some for some in one.slots)), None)

    def id_in_each_shard(self, key_of: Callable[[str], str]) -> dict[str, str]:
        """Map each shard to an id whose key is in it; slots without an owner count as a shard. A
        shard with too few slots for any id tried is left out."""
        if self.shape is not Shape.CLUSTER:
            return {ONLY_SHARD: "1"}
        names = [shard.name for shard in self.shards if shard.slots]
        if sum(len(some) for shard in self.shards for some in shard.slots) < SLOT_COUNT:
            names.append(UNOWNED_SLOTS)
        found: dict[str, str] = {}
        for id in map(str, range(1, _MOST_TRIED)):
            shard = self.shard_of(slot_of(key_of(id)))
            found.setdefault(shard.name if shard else UNOWNED_SLOTS, id)
            if len(found) == len(names):
                break
        return {name: found[name] for name in names if name in found}

    def shard_with(self, name: str) -> ShardView | None:
        """Return the shard that a node is in."""
        return next((one for one in self.shards if any(n.name == name for n in one.nodes)), None)

    def message(self, trouble: str) -> dict[str, object]:
        """Return the form that the page gets."""
        return {
            "trouble": trouble,
            "shards": [
                {
                    "name": shard.name,
                    "slots": format_ranges_briefly(shard.slots),
                    "nodes": [_node_message(node) for node in shard.nodes],
                }
                for shard in self.shards
            ],
            "sentinels": [_node_message(node) for node in self.sentinels],
        }


def topology_view(seen: Observed, known: LastKnown, before: TopologyView) -> TopologyView:
    """Build the view from a poll and what is known after it."""
    watchers = {node.name for node in seen.nodes if node.is_sentinel}
    view = {
        node.name: _node_view(node, known, there.endpoint)
        for node, there in zip(known.nodes, seen.nodes, strict=True)
    }
    sentinels = tuple(node for name, node in view.items() if name in watchers)
    data = [node for node in known.nodes if node.name not in watchers]
    if seen.shape is not Shape.CLUSTER:
        ordered = sorted(
            (view[one.name] for one in data), key=lambda node: node.role != Role.PRIMARY
        )
        only = ShardView(name=ONLY_SHARD, slots=(), nodes=tuple(ordered))
        return TopologyView(shape=seen.shape, shards=(only,), sentinels=sentinels)
    names = dict(before.names)
    for slots in sorted(one for one in known.leaders.values() if one):
        names.setdefault(slots[0].first, f"shard {len(names) + 1}")
    shards = tuple(_shards(known, data, view, (before, names)))
    return TopologyView(shape=seen.shape, shards=shards, names=names)


def _shards(
    known: LastKnown,
    data: list[NodeKnown],
    view: Mapping[str, NodeView],
    earlier: tuple[TopologyView, Mapping[int, str]],
) -> Iterator[ShardView]:
    """Yield each shard with its primary and replicas, and with nodes last seen in it."""
    before, names = earlier
    primaries: dict[str, str] = {}  # node -> the current primary of its shard
    by_shard = {names[slots[0].first]: name for name, slots in known.leaders.items() if slots}
    for node in data:
        leader = node.name if known.leaders.get(node.name) else node.follows
        if not known.leaders.get(leader):
            was = before.shard_with(node.name)
            leader = by_shard.get(was.name, "") if was else ""
        primaries[node.name] = leader
    for shard, leader in sorted(by_shard.items(), key=lambda one: known.leaders[one[1]]):
        inside = [view[node.name] for node in data if primaries[node.name] == leader]
        inside.sort(key=lambda node: node.name != leader)
        yield ShardView(name=shard, slots=known.leaders[leader], nodes=tuple(inside))
    if rest := [view[node.name] for node in data if not primaries[node.name]]:
        yield ShardView(name="no shard", slots=(), nodes=tuple(rest))


def _node_view(node: NodeKnown, known: LastKnown, address: Endpoint) -> NodeView:
    answers = node.condition.answers
    role = node.role.value if node.role else UNKNOWN
    if not answers and node.role is Role.PRIMARY and node.name not in known.leaders:
        role = UNKNOWN
    return NodeView(
        name=node.name,
        host=address[0],
        port=address[1],
        role=role,
        state="up" if node.condition is NodeCondition.WELL else node.condition.value,
        words=state_in_words(node),
        linked=node.link is not False,
        follows=node.follows,
    )


def _node_message(node: NodeView) -> dict[str, str]:
    return {
        "name": node.name,
        "address": format_address(node.host, node.port),
        "role": node.role,
        "state": node.state,
        "words": node.words,
    }
