"""What a rolling restart has done and what it has to do."""

from collections.abc import Callable, Iterable
from dataclasses import field

from redistopo.checks.catalogue import CHECKS
from redistopo.execute.handover import HandoverResult
from redistopo.model.planning.rolling import Act, Turn, shard_of
from redistopo.model.planning.upgrade import unlinked
from redistopo.model.state.observed import Role
from redistopo.quick_dataclass import dataclass
from redistopo.session.health import LINKS_TO, Known
from redistopo.session.live_change import LiveChange


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarted:
    """A node that was restarted: as what, and the seconds from its stop until it was ready."""

    node: str
    role: Role | None
    seconds: float


@dataclass(slots=True, kw_only=True)
class RestartWork:
    """One run: what it works on, and what it has done.

    `seconds` is the time limit of each node; `back` is the command that goes back to the former
    engine, "" if the engine is not changed; `emptied` are nodes that start without their files,
    which the engine can't read, and copy their primary. `stopped` is called with a node that is to
    start again, `started` once it is ready; `ways` says how an interrupted change goes on or back;
    `known` are faults that may remain; with `alone` no two nodes restart at the same time.
    """

    now: LiveChange
    seconds: float
    force: bool = False
    emptied: frozenset[str] = frozenset()
    back: str = ""
    ways: str = ""
    known: Known = frozenset()
    alone: bool = False
    stopped: Callable[[str], None] = lambda _name: None
    started: Callable[[str], None] = lambda _name: None
    restarted: list[Restarted] = field(default_factory=list)
    handovers: list[HandoverResult] = field(default_factory=list)
    handed: set[str] = field(default_factory=set)
    left: list[str] = field(default_factory=list)

    @property
    def spared(self) -> Known:
        """The faults of nodes that the remaining turns cure."""
        return self.known | faults_of_nodes(unlinked(self.now.seen, self.left))

    def reconnecting(self, following: Iterable[Turn]) -> Known:
        """Bus links to restarted nodes, unless one of the turns that follow restarts a node of
        their shard: the others open theirs again within 0.1 s (cluster_legacy.c, clusterCron),
        which is as long as such a turn takes. A planned failover waits for those that it needs."""
        seen = self.now.seen
        next_to = {
            shard.number
            for one in following
            if one.act is Act.RESTART and (shard := shard_of(seen, one.node))
        }
        return frozenset(
            (LINKS_TO, one.node)
            for one in self.restarted
            if (shard := shard_of(seen, one.node)) and shard.number not in next_to
        )


def faults_of_nodes(names: Iterable[str]) -> Known:
    """Return all faults that nodes can have."""
    return frozenset((check.id, name) for name in names for check in CHECKS)
