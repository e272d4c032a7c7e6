"""What a restart would lose or make unavailable, and its refusal without `--force`; pure."""

from collections.abc import Iterable

from redistopo.errors import UsageError
from redistopo.model.remedies.of_topology import accept_absence, give_up_unsaved
from redistopo.model.remedies.remedy import joined
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.model.state.shards import shards_of


def refuse_unsaved(
    seen: Observed, names: Iterable[str], saving: Iterable[str], *, force: bool
) -> None:
    """Raise UsageError if these nodes, restarted where they lead, would lose what they have in
    memory alone; a primary that would empty its replicas is refused also with `force`."""
    running = tuple(names)
    if doomed := emptying(seen, running, saving):
        them = " ".join(node.name for node in doomed)
        raise UsageError(
            f"{them} is primary without persistence: it would start empty, and empty its replicas",
            hint=f"redistopo restart --rolling {them} hands over first, and loses nothing",
        )
    _refuse_loss(forgetting(seen, running, saving), force=force)


def refuse_unavailable(
    seen: Observed, names: Iterable[str], saving: Iterable[str], *, force: bool
) -> None:
    """Raise UsageError if a rolling restart would make data unavailable, or lose it."""
    away = [node.name for node in unfollowed(seen, names)]
    if away and not force:
        raise UsageError(
            f"{', '.join(away)} has no replica: its data is unavailable while it restarts",
            hint=accept_absence(away),
        )
    _refuse_loss(forgetting(seen, away, saving), force=force)


def _refuse_loss(names: tuple[str, ...], *, force: bool) -> None:
    if names and not force:
        raise UsageError(
            f"what {', '.join(names)} holds is in memory alone, and would be gone",
            detail="persistence is none, and no replica has a copy",
            hint=joined(
                'persistence = "aof" in the topology file, then redistopo up, keeps it; or ',
                give_up_unsaved("", names),
            ),
        )


def unfollowed(seen: Observed, names: Iterable[str]) -> tuple[NodeSeen, ...]:
    """Return the primaries among these nodes that have no replica to promote."""
    wanted = set(names)
    return tuple(
        shard.primary
        for shard in shards_of(seen)
        if shard.primary and shard.primary.name in wanted and not shard.replicas
    )


def emptying(seen: Observed, names: Iterable[str], saving: Iterable[str]) -> tuple[NodeSeen, ...]:
    """Return the primaries with replicas that have nothing on disk (aren't `saving`): they would
    start empty, and empty their replicas too."""
    wanted = set(names) - set(saving)
    return tuple(
        shard.primary
        for shard in shards_of(seen)
        if shard.primary and shard.primary.name in wanted and shard.replicas
    )


def forgetting(seen: Observed, names: Iterable[str], saving: Iterable[str]) -> tuple[str, ...]:
    """Return the nodes whose data would be lost: no persistence, with keys, not a replica."""
    wanted = set(names) - set(saving)
    return tuple(
        node.name
        for node in seen.nodes
        if node.name in wanted and node.keys and node.role is not Role.REPLICA
    )
