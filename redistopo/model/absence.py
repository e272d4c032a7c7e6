"""What a topology loses while some of its nodes don't serve; told before they are stopped."""

from collections.abc import Iterable

from redistopo.model.observed import NodeSeen, Observed, ShardSeen, shards_of
from redistopo.model.slots import show
from redistopo.model.topology import Shape


def losses(seen: Observed, names: Iterable[str]) -> tuple[str, ...]:
    """A sentence for each thing that is lost while these nodes are gone; empty for nothing.

    Nodes that don't answer anyway lose nothing more. Who takes over in a cluster: a replica
    that a majority of the primaries with slots votes for (redis.io, cluster specification).
    """
    going = {node.name for node in seen.answering} & set(names)
    left = [node for node in seen.answering if node.name not in going]
    if not going:
        return ()
    if not left:
        return ("no node is left that answers",)
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
            found.append(_of_replication(seen.shape, shard, stay))
    return tuple(filter(None, found))


def _of_cluster(shard: ShardSeen, stay: list[NodeSeen], told: str, votes: int, voters: int) -> str:
    where = f"shard {shard.number}"
    if not stay:
        slots = f"slots {show(shard.slots)} are" if shard.slots else "it is"
        return f"{where} has no other node that answers: {slots} served by nobody meanwhile"
    if shard.primary in stay:
        return "" if len(stay) > 1 else f"{where}: {stay[0].name} has no replica meanwhile"
    if shard.primary is None:
        return ""
    names = _one_of(stay)
    if 2 * votes > voters:
        return f"{where}: {names} takes over from {shard.primary.name} after the node timeout"
    return (
        f"{where}: nobody takes over from {shard.primary.name}, for {told} primaries are left "
        "to vote"
    )


def _of_replication(shape: Shape, shard: ShardSeen, stay: list[NodeSeen]) -> str:
    if not stay or shard.primary is None:
        return ""
    if shard.primary in stay:
        return "" if len(stay) > 1 else f"{stay[0].name} has no replica meanwhile"
    if shape is Shape.REPLICATION:
        return f"{shard.primary.name} is the primary: nobody takes writes meanwhile"
    return f"{shard.primary.name} is the primary: a replica takes over only if Sentinels agree"


def _one_of(nodes: list[NodeSeen]) -> str:
    names = ", ".join(node.name for node in nodes)
    return names if len(nodes) == 1 else f"one of {names}"
