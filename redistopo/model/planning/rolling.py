"""The order of a rolling restart; pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from redistopo.model.state.observed import Observed, Role
from redistopo.model.state.shards import ShardSeen, shards_of


class Act(StrEnum):
    """The action of one turn."""

    RESTART = "restart"
    HAND_OVER = "hand over"  # a replica of its shard is promoted in its place
    HAND_BACK = "hand back"  # it is promoted again


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One action on one node; between two turns the topology is healthy."""

    act: Act
    node: str

    def __str__(self) -> str:
        return f"{self.act} {self.node}"


def turns(seen: Observed, names: Iterable[str], *, restore: bool) -> tuple[Turn, ...]:
    """Order the restarts: Sentinels, then replicas, then each primary after a planned failover.

    A primary without replicas is restarted as it is. With `restore`, each former primary is
    promoted again.
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
    """Return the current shard of a node."""
    return next(
        (one for one in shards_of(seen) if any(node.name == name for node in one.nodes)), None
    )


def replacements(shard: ShardSeen, names: Iterable[str]) -> list[str]:
    """Return the replicas that keep running and can replace the primary, if it is among these."""
    wanted = set(names)
    if shard.primary is None or shard.primary.name not in wanted:
        return []
    return [node.name for node in shard.replicas if node.name not in wanted]
