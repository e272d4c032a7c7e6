"""Whether a replica would take over automatically, and the obstacles if not.

By the rules of cluster_legacy.c (clusterHandleSlaveFailover, markNodeAsFailingIfNeeded): a
majority of the primaries that own slots must agree that a primary fails, and must vote for a
replica; a replica starts an election unless it may not (cluster-replica-no-failover), or was
disconnected for too long (cluster-replica-validity-factor; redis.conf has the formula).
Sentinels agree by a quorum that the primary is down, and elect by a majority the one of them
that promotes a replica.
"""

from collections.abc import Iterable

from redistopo.model.protocol.replies import ClusterNodesLine
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.model.state.shards import ShardSeen, shards_of
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A replica of a primary that will fail: `behind` in bytes; `obstacle` is "" if it would
    start an election."""

    name: str
    behind: int
    obstacle: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotability:
    """A primary that will fail: `votes` of `voters` are left, `needed` are required.

    `silent` are nodes of the topology that don't reply, `quorum` is the Sentinels' (None in
    a cluster), `tilted` are the Sentinels in TILT mode.
    """

    primary: str
    shard: int
    votes: int
    voters: int
    candidates: tuple[Candidate, ...]
    silent: tuple[str, ...] = ()
    quorum: int | None = None
    tilted: tuple[str, ...] = ()

    @property
    def needed(self) -> int:
        return max(self.voters // 2 + 1, self.quorum or 0)

    @property
    def electors(self) -> str:
        """The voters: a cluster's primaries, or Sentinels."""
        return "primaries" if self.quorum is None else "Sentinels"

    @property
    def obstacles(self) -> tuple[tuple[str, str], ...]:
        """The obstacles to a failover, each with a hint; () for none."""
        found: list[tuple[str, str]] = []
        if self.votes < self.needed:
            found.append(
                (
                    f"{self.votes} of {self.voters} {self.electors} would be left to vote, and "
                    f"{self.needed} are needed",
                    f"redistopo up starts {', '.join(self.silent)}"
                    if self.silent
                    else f"in TILT mode for 30 s after a pause: {', '.join(self.tilted)}"
                    if self.tilted
                    else f"disturb fewer {self.electors} at once"
                    if self.voters > 2
                    else "at least 3 Sentinels are needed: redistopo init sentinel, elsewhere"
                    if self.quorum is not None
                    else "automatic failover needs at least 3 primaries: "
                    "redistopo init cluster --shards 3, in another folder",
                )
            )
        if not self.candidates:
            found.append(
                (
                    f"{self.primary} has no replica",
                    f"redistopo up starts {', '.join(self.silent)}"
                    if self.silent
                    else "redistopo init with --replicas 1, in another folder",
                )
            )
        elif all(one.obstacle for one in self.candidates):
            found += [(f"{one.name} {one.obstacle}", one.hint) for one in self.candidates]
        return tuple(found)

    @property
    def heir(self) -> Candidate | None:
        """The most likely candidate: the one with the most data."""
        able = [one for one in self.candidates if not one.obstacle]
        return min(able, key=lambda one: one.behind, default=None)


def promotability_of(seen: Observed, victims: Iterable[NodeSeen]) -> tuple[Promotability, ...]:
    """Assess for each victim that is a primary whether a replica would take over.

    The snapshot must include each node's live configuration (CONFIG GET).
    """
    hurt = {node.address for node in victims}
    electorate = _sentinels(seen, hurt) if seen.sentinels else _primaries(seen, hurt)
    return tuple(
        Promotability(
            primary=shard.primary.name,
            shard=shard.number,
            votes=electorate.votes,
            voters=electorate.voters,
            quorum=electorate.quorum,
            tilted=electorate.tilted,
            silent=tuple(node.name for node in seen.nodes if not node.answers),
            candidates=tuple(
                _candidate(node, shard.primary)
                for node in shard.replicas
                if node.address not in hurt
            ),
        )
        for shard in shards_of(seen)
        if shard.primary is not None and shard.primary.address in hurt
    )


@dataclass(frozen=True, slots=True)
class _Electorate:
    votes: int
    voters: int
    quorum: int | None = None
    tilted: tuple[str, ...] = ()


def _primaries(seen: Observed, hurt: set[str]) -> _Electorate:
    """The primaries that own slots, according to the first known table (server.cluster->size)."""
    table = next((node.members for node in seen.answering if node.members), ())
    voters = tuple(one for one in table if one.primary and one.slots)
    return _Electorate(sum(_votes(seen, one, hurt) for one in voters), len(voters))


def _sentinels(seen: Observed, hurt: set[str]) -> _Electorate:
    """The Sentinels: those that reply vote, except in TILT mode, of all that are known
    (sentinel.c, sentinelGetLeader: a majority of all, and at least the quorum)."""
    watches = [watch for node in seen.sentinels for watch in node.watches]
    known = max((1 + len(watch.sentinels) for watch in watches), default=0)
    quorum = max((int(watch.settings.get("quorum", 0)) for watch in watches), default=0)
    votes = sum(node.address not in hurt and not node.tilted for node in seen.sentinels)
    tilted = tuple(node.name for node in seen.sentinels if node.tilted)
    return _Electorate(votes, max(known, votes), quorum, tilted)


def _votes(seen: Observed, voter: ClusterNodesLine, hurt: set[str]) -> bool:
    node = seen.at(voter.address)
    alive = node is not None and node.answers and node.role is Role.PRIMARY
    return alive and voter.address not in hurt


def _candidate(node: NodeSeen, primary: NodeSeen) -> Candidate:
    obstacle, hint = _obstacle(node)
    behind = max(0, primary.offset - node.offset)
    return Candidate(name=node.name, behind=behind, obstacle=obstacle, hint=hint)


def _obstacle(node: NodeSeen) -> tuple[str, str]:
    config = node.config or {}
    me = node.myself
    if me is None:
        return _sentinel_obstacle(node)
    if config.get("cluster-replica-no-failover") == "yes" or (me and "nofailover" in me.flags):
        return (
            "may not take over (cluster-replica-no-failover yes)",
            "set it to no in the topology file's [redis] or [nodes.NAME], then redistopo up",
        )
    if not node.link_up:
        away = int(node.info.get("master_link_down_since_seconds", -1))
        most = _most_seconds(node)
        if away < 0:
            return "never received its primary's data", "redistopo verify shows why"
        if most is not None and away > most:
            return (
                f"lost its primary {away} s ago, and may take over only for {most:g} s "
                "(cluster-replica-validity-factor)",
                "redistopo verify shows why its link is down",
            )
        return "has no link to its primary", "redistopo verify shows why"
    return "", ""


def _sentinel_obstacle(node: NodeSeen) -> tuple[str, str]:
    """Why Sentinels wouldn't promote it (sentinel.c, sentinelSelectSlave); "" if they would."""
    if node.info.get("slave_priority") == "0":
        return (
            "is never promoted (replica-priority 0)",
            "set it to 100 in the topology file's [redis] or [nodes.NAME], then redistopo up",
        )
    if not node.link_up:
        return "has no link to its primary", "redistopo verify shows why"
    return "", ""


def _most_seconds(node: NodeSeen) -> float | None:
    """For how long a disconnected replica may still take over; None for ever."""
    config = node.config or {}
    factor = int(config.get("cluster-replica-validity-factor", 10))
    if factor == 0:
        return None
    period = int(config.get("repl-ping-replica-period", 10))
    return period + int(config.get("cluster-node-timeout", 15000)) / 1000 * factor


def shard_of(seen: Observed, node: NodeSeen) -> ShardSeen | None:
    """Return the shard of a node."""
    return next((one for one in shards_of(seen) if node in one.nodes), None)
