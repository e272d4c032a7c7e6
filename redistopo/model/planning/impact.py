"""The impact of stopping nodes, shown before they are stopped."""

from collections.abc import Iterable

from redistopo.model.protocol.sentinel_replies import votes_needed
from redistopo.model.protocol.slots import format_ranges_briefly
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.state.shards import ShardSeen, shards_of
from redistopo.model.topology.spec import Shape


def losses(seen: Observed, names: Iterable[str]) -> tuple[str, ...]:
    """Describe what the topology loses while these nodes are down; empty for nothing.

    Nodes that don't reply anyway don't count. In a cluster, a replica takes over that a
    majority of the primaries with slots votes for (redis.io, cluster specification); with
    Sentinels, one that they promote: see `votes_needed`.
    """
    going = {node.name for node in seen.answering} & set(names)
    left = [node for node in seen.answering if node.name not in going]
    if not going:
        return ()
    if not left:
        return ("no other node replies",)
    if seen.shape is Shape.SENTINEL:
        return tuple(filter(None, _with_sentinels(seen, going, left)))
    shards = shards_of(seen)
    voters = [one.primary for one in shards if one.slots]
    votes = sum(one is not None and one.name not in going for one in voters)
    found = []
    for shard in shards:
        if going.isdisjoint(node.name for node in shard.nodes):
            continue
        stay = [node for node in shard.nodes if node.name not in going]
        if seen.shape is Shape.CLUSTER:
            found.append(_of_cluster(shard, stay, f"{votes} of {len(voters)}", votes, len(voters)))
        else:
            found.append(_of_replication(shard, stay))
    return tuple(filter(None, found))


def _of_cluster(shard: ShardSeen, stay: list[NodeSeen], left: str, votes: int, voters: int) -> str:
    where = f"shard {shard.number}"
    if not stay:
        slots = f"slots {format_ranges_briefly(shard.slots)} are" if shard.slots else "it is"
        return f"{where} has no other node that replies: {slots} unavailable in the meantime"
    if shard.primary in stay:
        return "" if len(stay) > 1 else f"{where}: {stay[0].name} has no replica in the meantime"
    if shard.primary is None:
        return ""
    names = _one_of(stay)
    if 2 * votes > voters:
        return f"{where}: {names} takes over from {shard.primary.name} after the node timeout"
    return (
        f"{where}: no replica takes over from {shard.primary.name}, since {left} primaries are "
        "left to vote"
    )


def _of_replication(shard: ShardSeen, stay: list[NodeSeen]) -> str:
    if not stay or shard.primary is None:
        return ""
    if shard.primary in stay:
        return "" if len(stay) > 1 else f"{stay[0].name} has no replica in the meantime"
    return f"{shard.primary.name} is the primary: no writes are possible in the meantime"


def _with_sentinels(seen: Observed, going: set[str], left: list[NodeSeen]) -> Iterable[str]:
    """The impact with Sentinels: first on failover, then on the data."""
    watching = sum(node.is_sentinel for node in seen.nodes)
    stay = sum(node.is_sentinel and not node.tilted for node in left)
    needed = votes_needed(seen.named_watches, watching)
    if any(node.is_sentinel and node.name in going for node in seen.nodes):
        yield _of_sentinels(stay, watching, needed)
    if all(node.is_sentinel for node in left):
        yield "no other data node replies"
        return
    for shard in shards_of(seen):
        if going.isdisjoint(node.name for node in shard.nodes) or shard.primary is None:
            continue
        if shard.primary.name not in going:
            yield _of_replication(shard, [node for node in shard.nodes if node.name not in going])
            continue
        able = [node for node in shard.replicas if node.name not in going and _eligible(node)]
        primary = f"{shard.primary.name} is the primary"
        if not able:
            yield f"{primary}, and no replica can take over: no writes in the meantime"
        elif stay < needed:
            yield f"{primary}, without failover: {stay} of {watching} Sentinels is no majority"
        else:
            yield f"{primary}: the Sentinels promote {_one_of(able)}{_after(seen)}"


def _of_sentinels(stay: int, watching: int, needed: int) -> str:
    if not stay:
        return "no Sentinel is left: clients find no primary, and there is no failover"
    are = "is" if stay == 1 else "are"
    if stay < needed:
        return f"{stay} of {watching} Sentinels {are} left: no failover until {needed} run"
    if stay == needed:
        return f"{stay} of {watching} Sentinels {are} left, just enough for a failover"
    return ""


def _eligible(node: NodeSeen) -> bool:
    return node.info.get("slave_priority") != "0" and node.link_up


def _after(seen: Observed) -> str:
    """How long a Sentinel waits until it considers a node down, as it reports."""
    values = (one.settings.get("down-after-milliseconds", "") for one in seen.named_watches)
    wait = next((one for one in values if one.isdecimal()), "")
    return f" after {int(wait) / 1000:g} s" if wait else ""


def _one_of(nodes: list[NodeSeen]) -> str:
    names = ", ".join(node.name for node in nodes)
    return names if len(nodes) == 1 else f"one of {names}"
