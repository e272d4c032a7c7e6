"""Where things are: the topology as the page draws it, which shard a slot is in; pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from redistopo.model.protocol.endpoint import Endpoint, format_address
from redistopo.model.protocol.slots import SLOT_COUNT, SlotRange, format_ranges, slot_of
from redistopo.model.state.diff import state_in_words
from redistopo.model.state.last_known import LastKnown, NodeCondition, NodeKnown
from redistopo.model.state.observed import Observed, Role
from redistopo.model.topology.spec import Shape

ALONE = "shard 1"
"""The name of the only shard where there are no slots."""

NOBODYS = "slots that nobody owns"
"""A name for them, beside those of the shards."""

_MOST_TRIED = 3000
"""Ids, to find one for each shard: enough for hundreds of them."""

UNKNOWN = "unknown"
"""The role of a node that doesn't answer, once another one leads in its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a key is read: `slot` is None outside a cluster, `node` "" where nobody serves it."""

    slot: int | None
    node: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeDrawn:
    """One node: `state` is "up" or why it can't be worked with, `words` say more; `linked` is
    whether it says that it has the stream of its primary, which is `follows`."""

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
class ShardDrawn:
    """One shard: who leads it is first; `slots` is () outside a cluster."""

    name: str
    slots: tuple[SlotRange, ...]
    nodes: tuple[NodeDrawn, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Shards in the order of their slots, and the Sentinels; a node stays where it was seen
    last, also while it doesn't answer. `names` keeps which first slot is which shard's."""

    shape: Shape | None = None
    shards: tuple[ShardDrawn, ...] = ()
    sentinels: tuple[NodeDrawn, ...] = ()
    names: Mapping[int, str] = field(default_factory=dict)

    @property
    def data(self) -> tuple[NodeDrawn, ...]:
        """The nodes that hold data."""
        return tuple(node for shard in self.shards for node in shard.nodes)

    @property
    def only(self) -> str:
        """The name of the only shard; "" where there are several."""
        return self.shards[0].name if len(self.shards) == 1 else ""

    def node(self, name: str) -> NodeDrawn | None:
        return next((one for one in (*self.data, *self.sentinels) if one.name == name), None)

    def at(self, address: Endpoint) -> NodeDrawn | None:
        """The data node of that address."""
        return next((one for one in self.data if one.address == address), None)

    def leader(self) -> NodeDrawn | None:
        """Who leads, where there are no slots; None where nobody answers as primary."""
        return next((one for one in self.data if one.up and one.role == Role.PRIMARY), None)

    @property
    def headless(self) -> bool:
        """Whether nobody leads, and nobody will by itself."""
        return self.shape is Shape.REPLICATION and self.leader() is None

    def replicas(self) -> tuple[NodeDrawn, ...]:
        """The replicas that can be read from; while somebody leads only those that follow, for
        the others would serve what was invalidated since."""
        able = [one for one in self.data if one.up and one.role == Role.REPLICA]
        return tuple(one for one in able if self.leader() is None or self._follows(one))

    def _follows(self, replica: NodeDrawn) -> bool:
        """Whether it gets what is written now: a frozen primary's link counts as up for a minute
        (repl-timeout)."""
        followed = self.node(replica.follows)
        return replica.linked and (followed is None or followed.up)

    def shard_of(self, slot: int) -> ShardDrawn | None:
        """The shard that a slot is in; None where nobody owns it."""
        return next((one for one in self.shards if any(slot in some for some in one.slots)), None)

    def one_in_each(self, key_of: Callable[[str], str]) -> dict[str, str]:
        """For each shard an id whose key is in it; slots that nobody owns are one as well. Who has
        too few slots for any id that is tried is left out."""
        if self.shape is not Shape.CLUSTER:
            return {ALONE: "1"}
        names = [shard.name for shard in self.shards if shard.slots]
        if sum(len(some) for shard in self.shards for some in shard.slots) < SLOT_COUNT:
            names.append(NOBODYS)
        found: dict[str, str] = {}
        for id in map(str, range(1, _MOST_TRIED)):
            shard = self.shard_of(slot_of(key_of(id)))
            found.setdefault(shard.name if shard else NOBODYS, id)
            if len(found) == len(names):
                break
        return {name: found[name] for name in names if name in found}

    def shard_with(self, name: str) -> ShardDrawn | None:
        """The shard that a node is in."""
        return next((one for one in self.shards if any(n.name == name for n in one.nodes)), None)

    def message(self, trouble: str) -> dict[str, object]:
        """The same as the page is sent it."""
        return {
            "trouble": trouble,
            "shards": [
                {
                    "name": shard.name,
                    "slots": format_ranges(shard.slots),
                    "nodes": [_sent(node) for node in shard.nodes],
                }
                for shard in self.shards
            ],
            "sentinels": [_sent(node) for node in self.sentinels],
        }


def picture(seen: Observed, known: LastKnown, before: Picture) -> Picture:
    """What is drawn after a look, of which `known` was learned."""
    watchers = {node.name for node in seen.nodes if node.watcher}
    drawn = {
        node.name: _drawn(node, known, there.endpoint)
        for node, there in zip(known.nodes, seen.nodes, strict=True)
    }
    sentinels = tuple(node for name, node in drawn.items() if name in watchers)
    data = [node for node in known.nodes if node.name not in watchers]
    if seen.shape is not Shape.CLUSTER:
        everyone = sorted((drawn[one.name] for one in data), key=_leads_not)
        only = ShardDrawn(name=ALONE, slots=(), nodes=tuple(everyone))
        return Picture(shape=seen.shape, shards=(only,), sentinels=sentinels)
    names = dict(before.names)
    for slots in sorted(one for one in known.leaders.values() if one):
        names.setdefault(slots[0].first, f"shard {len(names) + 1}")
    shards = tuple(_shards(known, data, drawn, (before, names)))
    return Picture(shape=seen.shape, shards=shards, names=names)


def _shards(
    known: LastKnown,
    data: list[NodeKnown],
    drawn: Mapping[str, NodeDrawn],
    earlier: tuple[Picture, Mapping[int, str]],
) -> Iterator[ShardDrawn]:
    """Each shard with who leads and follows, and with who was in it when it was last heard of."""
    before, names = earlier
    homes: dict[str, str] = {}  # node -> who leads its shard now
    by_shard = {names[slots[0].first]: name for name, slots in known.leaders.items() if slots}
    for node in data:
        leader = node.name if known.leaders.get(node.name) else node.follows
        if not known.leaders.get(leader):
            was = before.shard_with(node.name)
            leader = by_shard.get(was.name, "") if was else ""
        homes[node.name] = leader
    for shard, leader in sorted(by_shard.items(), key=lambda one: known.leaders[one[1]]):
        inside = [drawn[node.name] for node in data if homes[node.name] == leader]
        inside.sort(key=lambda node: node.name != leader)
        yield ShardDrawn(name=shard, slots=known.leaders[leader], nodes=tuple(inside))
    if rest := [drawn[node.name] for node in data if not homes[node.name]]:
        yield ShardDrawn(name="no shard", slots=(), nodes=tuple(rest))


def _leads_not(node: NodeDrawn) -> bool:
    return node.role != Role.PRIMARY


def _drawn(node: NodeKnown, known: LastKnown, address: Endpoint) -> NodeDrawn:
    answers = node.condition.answers
    role = node.role.value if node.role else UNKNOWN
    if not answers and node.role is Role.PRIMARY and node.name not in known.leaders:
        role = UNKNOWN
    return NodeDrawn(
        name=node.name,
        host=address[0],
        port=address[1],
        role=role,
        state="up" if node.condition is NodeCondition.WELL else node.condition.value,
        words=state_in_words(node),
        linked=node.link is not False,
        follows=node.follows,
    )


def _sent(node: NodeDrawn) -> dict[str, str]:
    return {
        "name": node.name,
        "address": format_address(node.host, node.port),
        "role": node.role,
        "state": node.state,
        "words": node.words,
    }
