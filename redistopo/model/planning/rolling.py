"""The order of a rolling restart; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from enum import StrEnum

from redistopo.model.state.observed import Observed
from redistopo.model.state.shards import ShardSeen, shards_of
from redistopo.quick_dataclass import dataclass


class Act(StrEnum):
    """The action of one turn."""

    RESTART = "restart"
    HAND_OVER = "hand over"  # a replica of its shard is promoted in its place
    HAND_BACK = "hand back"  # it is promoted again


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One action on one node; between two turns the topology is healthy. `to` is the replica that
    is promoted, "" for the best one."""

    act: Act
    node: str
    to: str = ""

    def __str__(self) -> str:
        return f"{self.act} {self.node}" + (f" to {self.to}" if self.to else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class RollingOrder:
    """How the turns of a rolling restart are ordered.

    With `restore`, each former primary is promoted again. `sentinels_last` restarts Sentinels
    after the data nodes. `heirs` maps primaries to the replica that is promoted before any node of
    the shard is restarted.
    """

    restore: bool = False
    sentinels_last: bool = False
    heirs: Mapping[str, str] = field(default_factory=dict)


_USUAL = RollingOrder()

AT_ONCE = 4
"""Replicas that are restarted at the same time at most: each may copy its primary's data, for which
that forks, and all may be on one machine."""


def turns(seen: Observed, names: Iterable[str], order: RollingOrder = _USUAL) -> tuple[Turn, ...]:
    """Order the restarts: Sentinels, then replicas, then primaries after their planned failovers,
    some shards at a time, so that the former primaries can restart together.

    A primary without replicas is restarted as it is.
    """
    wanted = set(names)
    led = [shard for shard in shards_of(seen) if shard.primary]
    heirs = order.heirs
    leaders = {heirs.get(one.primary.name, one.primary.name): one for one in led if one.primary}
    found = [Turn(act=Act.HAND_OVER, node=old, to=new) for old, new in heirs.items()]
    rest = [one for one in seen.nodes if one.name in wanted and one.name not in leaders]
    rest.sort(key=lambda node: node.is_sentinel is order.sentinels_last)
    data = [Turn(act=Act.RESTART, node=one.name) for one in rest]
    last = [one for one in rest if order.sentinels_last and one.is_sentinel]
    found += data[: len(data) - len(last)]
    pending = [(name, shard) for name, shard in leaders.items() if name in wanted]
    followed = [name for name, shard in pending if shard.replicas]
    for some in (followed[at : at + AT_ONCE] for at in range(0, len(followed), AT_ONCE)):
        found += [Turn(act=Act.HAND_OVER, node=name) for name in some]
        found += [Turn(act=Act.RESTART, node=name) for name in some]
        found += [Turn(act=Act.HAND_BACK, node=name) for name in some if order.restore]
    found += [Turn(act=Act.RESTART, node=name) for name, shard in pending if not shard.replicas]
    return (*found, *data[len(data) - len(last) :])


def together(seen: Observed, left: Sequence[Turn], *, first: bool) -> tuple[Turn, ...]:
    """Return the turns to do at the same time: the first one, and those right after it that do the
    same in another shard, if they are planned failovers or restarts of replicas.

    The `first` one is done alone: what ends it, such as a program that doesn't start, must not
    take a replica of each shard away.
    """
    if first:
        return tuple(left[:1])
    shards = {node.name: shard for shard in shards_of(seen) for node in shard.nodes}
    some: dict[int, Turn] = {}
    for one in left[:AT_ONCE]:
        shard = shards.get(one.node)
        if shard is None or shard.primary is None or shard.number in some:
            break
        alone = one.act is Act.RESTART and shard.primary.name == one.node
        if alone or one.act is not left[0].act:
            break
        some[shard.number] = one
    return tuple(some.values()) or tuple(left[:1])


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
