"""Nodes that a CLUSTER RESET took out of their cluster, and how each comes back; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from redistopo.errors import RedistopoError
from redistopo.model.protocol.slots import SLOT_COUNT, SlotRange, slots_in_both, split_slots
from redistopo.model.state.observed import NodeSeen, Observed, shards_of, unassigned_slots


@dataclass(frozen=True, slots=True, kw_only=True)
class RejoinPlan:
    """How one node comes back: as a replica of `primary`, or leading `slots`; `orphan` where it
    is the replica of a primary that nobody is any more."""

    name: str
    orphan: bool = False
    primary: str = ""
    slots: tuple[SlotRange, ...] = ()

    @property
    def nodes(self) -> tuple[str, ...]:
        """It, and whom it follows."""
        return (self.name, self.primary) if self.primary else (self.name,)

    @property
    def cause(self) -> str:
        if self.orphan:
            return "its primary is no more"
        return "it has no slots and no keys: it was reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class NonEmptyReset:
    """A node that a reset left alone, and whose keys came back from its disk when it started:
    it claims slots that `primary` leads. `safe` where that one has no fewer keys."""

    name: str
    primary: str
    keys: int
    safe: bool

    @property
    def cause(self) -> str:
        """Why it is reset again."""
        return f"it was reset, its disk had {self.keys} keys, of which {self.primary} has no fewer"


def non_empty_resets(seen: Observed) -> tuple[NonEmptyReset, ...]:
    """Those that a reset left so; none while a node doesn't reply.

    A reset empties a replica in memory alone (clusterReset): from its log or snapshot a start
    loads its keys, and claims their slots (verifyClusterConfigWithData). Nobody was led by it
    meanwhile, for it knows no other node; and where others met it again, it lost them by epoch.
    """
    if len(seen.answering) != len(seen.nodes):
        return ()
    alone = [
        node
        for node in seen.nodes
        if (me := node.myself) and me.primary and me.slots
        if len(node.members) == 1
    ]
    found = []
    for node in alone:
        mine = node.myself.slots if node.myself else ()
        for other in seen.nodes:
            them = other.myself
            led = them is not None and them.primary and other not in alone
            if led and them is not None and slots_in_both(mine, them.slots) == mine:
                safe = other.keys >= node.keys
                found.append(
                    NonEmptyReset(name=node.name, primary=other.name, keys=node.keys, safe=safe)
                )
    return tuple(found)


def refuse_more_keys(found: Iterable[NonEmptyReset]) -> None:
    """Raises RedistopoError for the first that has keys that its shard's primary may lack."""
    for one in found:
        if not one.safe:
            raise RedistopoError(
                f"{one.name} was reset, and has more keys on its disk than {one.primary}, "
                "who leads their slots",
                detail=f"it started alone, and claims the slots of its {one.keys} keys",
                hint=f"to give them up: redistopo start {one.name}, then redistopo reset "
                f"{one.name} --force, then redistopo up",
            )


def reset_nodes(seen: Observed) -> tuple[NodeSeen, ...]:
    """The primaries without slots and keys, as a reset leaves them.

    They know no other node; but since Valkey 8.1 the others, who still know one that kept its
    id, meet it again after the node timeout.
    """
    return tuple(node for node in seen.answering if _empty(node))


def _empty(node: NodeSeen) -> bool:
    me = node.myself
    return me is not None and me.primary and not me.slots and not node.keys


def _orphans(seen: Observed) -> tuple[NodeSeen, ...]:
    """The replicas of a primary that got a new id while they didn't run."""
    gone = stale_ids(seen)
    return tuple(
        node
        for node in seen.answering
        if (me := node.myself) and me.replica and me.primary_id in gone.get(node.name, ())
    )


def plan_rejoins(seen: Observed, shards: int) -> tuple[RejoinPlan, ...]:
    """How each strayed node comes back to a cluster of so many shards, those that lead first.

    What none of the others owns is led again, by as many as there are primaries too few; all
    others, and replicas whose primary nobody is any more, follow whoever has the fewest
    replicas. Empty while a node doesn't reply (it may own what seems to be nobody's), where
    all have strayed, and where somebody moved slots away so that fewer lead than planned.
    """
    alone = reset_nodes(seen)
    rest = [node for node in seen.nodes if node not in alone]
    lost = _orphans(seen)
    if not (alone or lost) or not rest or len(seen.answering) != len(seen.nodes):
        return ()
    owned = [me.slots for node in rest if (me := node.myself) and me.slots]
    pieces = _pieces(unassigned_slots(owned, SLOT_COUNT), shards)
    leads = max(0, min(shards - len(owned), len(alone), len(pieces)))
    if len(owned) + leads < shards:
        return ()
    found = [
        RejoinPlan(name=node.name, slots=tuple(one for some in pieces[n::leads] for one in some))
        for n, node in enumerate(alone[:leads])
    ]
    replicas = {
        one.primary.name: len(one.replicas)
        for one in shards_of(seen)
        if one.primary and one.slots and one.primary in rest
    } | {one.name: 0 for one in found}
    for node in (*alone[len(found) :], *lost):
        if replicas:
            primary = min(replicas, key=lambda name: replicas[name])
            replicas[primary] += 1
            found.append(RejoinPlan(name=node.name, primary=primary, orphan=node in lost))
    return tuple(found)


def _pieces(missing: Iterable[SlotRange], shards: int) -> list[tuple[SlotRange, ...]]:
    """The missing slots, cut where the plan cuts its shards."""
    wanted = tuple(missing)
    cut = (slots_in_both(wanted, [share]) for share in split_slots(shards))
    return [piece for piece in cut if piece]


def stale_ids(seen: Observed) -> Mapping[str, tuple[str, ...]]:
    """Node -> ids in its table that no node has any more, as a reset with a new id leaves them.

    Only those without an address, or at the address of a node that has another id; a
    stranger's is left alone. Empty while a node doesn't reply: it may be the one.
    """
    if len(seen.answering) != len(seen.nodes):
        return {}
    live = {me.id for node in seen.nodes if (me := node.myself)}
    places = {node.address for node in seen.nodes}
    found = {
        node.name: tuple(
            one.id
            for one in node.members
            if one.id not in live
            and "handshake" not in one.flags
            and ("noaddr" in one.flags or one.address in places)
        )
        for node in seen.nodes
    }
    return {name: ids for name, ids in found.items() if ids}
