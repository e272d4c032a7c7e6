"""In which order nodes are restarted one by one, and what would be away meanwhile; pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from redistopo.model.state.observed import NodeSeen, Observed, Role, ShardSeen, shards_of


class Act(StrEnum):
    """What is done in one turn."""

    RESTART = "restart"
    HAND_OVER = "hand over"  # a replica of its shard leads instead, so that it is a replica
    HAND_BACK = "hand back"  # it leads again


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One act with one node; between two turns the topology is healthy."""

    act: Act
    node: str

    def __str__(self) -> str:
        return f"{self.act} {self.node}"


def turns(seen: Observed, names: Iterable[str], *, restore: bool) -> tuple[Turn, ...]:
    """Who is restarted when: Sentinels first, then replicas, then each primary once another one
    leads.

    A primary without replica is restarted as it is. With `restore` it leads again afterwards.
    """
    wanted = set(names)
    shards = shards_of(seen)
    rest = [node for node in seen.nodes if node.name in wanted]
    rest.sort(key=lambda node: node.role is not Role.SENTINEL)
    leaders = [shard.primary for shard in shards if shard.primary and shard.primary in rest]
    found = [Turn(act=Act.RESTART, node=node.name) for node in rest if node not in leaders]
    followed = {shard.primary.name for shard in shards if shard.primary and shard.replicas}
    for node in leaders:
        if node.name not in followed:
            found.append(Turn(act=Act.RESTART, node=node.name))
            continue
        found.append(Turn(act=Act.HAND_OVER, node=node.name))
        found.append(Turn(act=Act.RESTART, node=node.name))
        if restore:
            found.append(Turn(act=Act.HAND_BACK, node=node.name))
    return tuple(found)


def shard_of(seen: Observed, name: str) -> ShardSeen | None:
    """The shard that the node is in now."""
    return next(
        (one for one in shards_of(seen) if any(node.name == name for node in one.nodes)), None
    )


def unfollowed(seen: Observed, names: Iterable[str]) -> tuple[NodeSeen, ...]:
    """Those of these nodes that lead, and have no replica that could lead meanwhile."""
    wanted = set(names)
    return tuple(
        shard.primary
        for shard in shards_of(seen)
        if shard.primary and shard.primary.name in wanted and not shard.replicas
    )


def emptying(seen: Observed, names: Iterable[str], saving: Iterable[str]) -> tuple[NodeSeen, ...]:
    """Those that lead and keep nothing on disk (are not `saving`), while replicas follow them:
    started empty, they would empty these too."""
    wanted = set(names) - set(saving)
    return tuple(
        shard.primary
        for shard in shards_of(seen)
        if shard.primary and shard.primary.name in wanted and shard.replicas
    )


def forgetting(seen: Observed, names: Iterable[str], saving: Iterable[str]) -> tuple[str, ...]:
    """Those whose data would be gone: they keep nothing on disk, hold keys, and follow nobody."""
    wanted = set(names) - set(saving)
    return tuple(
        node.name
        for node in seen.nodes
        if node.name in wanted and node.keys and node.role is not Role.REPLICA
    )
