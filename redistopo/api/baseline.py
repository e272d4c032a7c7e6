"""The state in which each test begins: taken once, and restored after each test."""

from collections.abc import Iterable
from typing import Self

from redistopo.api.topology import Topology
from redistopo.client.baseline_reset import NodeReset, ResetTarget, reset_nodes
from redistopo.client.target import Detail
from redistopo.errors import RedistopoError, Unhealthy
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.planning.baseline_round import (
    Round,
    States,
    differences,
    outdated_views,
    plan_round,
    unsettled,
)
from redistopo.model.protocol.resp import Command, ErrorReply
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.model.topology.spec import Shape
from redistopo.progress import no_progress
from redistopo.quick_dataclass import dataclass
from redistopo.session.open import open_session
from redistopo.session.session import Session, SessionRequest

_SECONDS = 60.0
_LEAST = 10.0
"""The time limit of a recovery, and the least for bringing nodes up."""

_SETTLING = 15.0
"""How long nodes may take to agree before a baseline is taken."""

_PATIENCE = 5.0
"""After this `up` is tried, if nodes don't agree by themselves."""

_ATTEMPTS = 3
_PAUSE = 1.0
"""How often the same round is tried, and after which time it is tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What had to be repaired besides data, a line each; nothing in most cases."""

    healed: tuple[str, ...] = ()


class Baseline:
    """A healthy topology's settings, users, roles and slots, with a kept connection to each node.

    Its data isn't kept: `restore` empties every node.
    """

    def __init__(self, topology: Topology, nodes: tuple[NodeReset, ...], before: States) -> None:
        self._topology = topology
        self._nodes = nodes
        self._before = before

    @classmethod
    def take(cls, topology: Topology) -> "Baseline":
        """Take it; nothing is changed. Raises RedistopoError if a node doesn't reply, or if nodes
        don't agree within some seconds."""
        with open_session(SessionRequest(root=topology.folder)) as session:
            nodes = tuple(map(NodeReset, _targets(session)))
        try:
            before = wait_for(lambda: _settled(nodes), Deadline(_SETTLING), _disagreement)
            return cls(topology, nodes, before)
        except BaseException:
            for node in nodes:
                node.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        for node in self._nodes:
            node.close()

    def restore(self) -> Restored:
        """Empty every node, and repair what differs from the baseline.

        Raises RedistopoError if that isn't possible within a minute; the detail says what differs.
        """
        now = reset_nodes(self._nodes)
        if not differences(self._before, now):
            return Restored()
        return Restored(healed=_Recovery(self._topology, self._nodes, self._before).run())


class _Recovery:
    """Repairs a topology, round by round, until nothing differs."""

    def __init__(self, topology: Topology, nodes: tuple[NodeReset, ...], before: States) -> None:
        self._topology = topology
        self._nodes = {one.name: one for one in nodes}
        self._before = before
        self._deadline = Deadline(_SECONDS)
        self._patience = Deadline(_PATIENCE)
        self._again = Deadline(0.0)
        self._done: list[Round] = []
        self._greeted: set[tuple[str, str]] = set()
        self._clustered = any(one.members for one in before.values())
        self._left: tuple[str, ...] = ()
        self._healed: dict[str, None] = {}  # in order, each line once
        self._failure = ""

    def run(self) -> tuple[str, ...]:
        """Repeat rounds until nothing differs, and return what was repaired."""
        while planned := wait_for(self._next, self._deadline, self._error):
            if self._done.count(planned) == _ATTEMPTS:
                raise self._error()
            self._done.append(planned)
            self._do(planned)
        return tuple(self._healed)

    def _error(self) -> RedistopoError:
        return RedistopoError(
            "the topology isn't what it was when the tests began",
            detail="\n".join(filter(None, (*self._left, self._failure))),
            hint="use another topology for tests that break it",
        )

    def _next(self) -> Round | None:
        """What to do now; an empty round if nothing differs, None if only time is needed."""
        now = reset_nodes(self._nodes.values(), everywhere=True)
        self._left = differences(self._before, now)
        if not self._left:
            return Round()
        planned = plan_round(self._before, now)
        if planned in self._done and not self._again.over:
            return None
        if planned:
            self._patience = Deadline(_PATIENCE)
            return planned
        if self._patience.over:
            return Round(up="nodes didn't agree")
        self._greet(outdated_views(self._before, now))
        return None

    def _greet(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Have nodes ping others that don't know their role yet: each packet carries it."""
        for pair in pairs:
            if pair not in self._greeted:
                self._greeted.add(pair)
                host, port = self._nodes[pair[1]].target.node.endpoint
                self._execute(pair[0], [("CLUSTER", "MEET", host, port)])

    def _do(self, planned: Round) -> None:
        for repair in planned.repairs:
            if self._execute(repair.node, repair.commands) and repair.text:
                self._note(f"{repair.node}: {repair.text}")
        try:
            self._act(planned)
        except RedistopoError as error:
            self._failure = f"{error.message}: {error.detail}" if error.detail else error.message
        self._again = Deadline(_PAUSE)

    def _act(self, planned: Round) -> None:
        if planned.resume:
            self._topology.resume(*planned.resume)
            self._note(f"{', '.join(planned.resume)} was paused: resumed")
        if planned.kill:
            self._topology.kill(*planned.kill)
            for why in dict.fromkeys(planned.kill.values()):
                names = ", ".join(name for name, one in planned.kill.items() if one == why)
                self._note(f"{names} could not be used ({why}): killed")
        if planned.up:
            self._bring_up()
            self._note(f"{planned.up}: brought up again")
        for name in planned.promote if not self._clustered else ():
            self._topology.failover(name)
            self._note(f"{name}: it was a replica: is primary again")

    def _bring_up(self) -> None:
        """Bring it up with the data of the baseline's primaries, where `up` would ask which copy of
        the data to keep: all of it is deleted anyway."""
        from redistopo.ops.up import UpRequest, up

        seconds = max(self._deadline.left, _LEAST)
        try:
            self._topology.up(timeout=seconds)
        except RedistopoError:
            primaries = tuple(
                one.name for one in self._nodes.values() if one.target.role is Role.PRIMARY
            )
            request = UpRequest(root=self._topology.folder, primary=primaries, seconds=seconds)
            up(request, no_progress)

    def _note(self, line: str) -> None:
        self._healed[line] = None

    def _execute(self, name: str, commands: Iterable[Command]) -> bool:
        """Whether a command did anything: a connection may have been closed in the meantime."""
        try:
            replies = self._nodes[name].execute(commands)
        except (OSError, ErrorReply) as error:
            self._nodes[name].close()
            self._failure = f"{name}: {error}"
            return False
        if failed := [str(one) for one in replies if isinstance(one, ErrorReply)]:
            self._failure = f"{name}: {failed[0]}"
        return any(one not in (0, None) and not isinstance(one, ErrorReply) for one in replies)


def _settled(nodes: tuple[NodeReset, ...]) -> States | None:
    """The state of all nodes; None while they don't agree."""
    found = reset_nodes(nodes, empty=False)
    if silent := [f"{one.name}: {one.error}" for one in found.values() if one.error]:
        raise RedistopoError("a node doesn't reply", detail="\n".join(silent))
    return None if unsettled(found) else found


def _disagreement() -> RedistopoError:
    return Unhealthy("the nodes don't agree with each other", hint="redistopo verify says why")


def _targets(session: Session) -> Iterable[ResetTarget]:
    seen = session.observe(Detail.HEALTH)
    names = {one.port: one.name for one in seen.nodes}
    for target, node in zip(session.targets, seen.nodes, strict=True):
        yield ResetTarget(
            node=target,
            login=session.credentials.login_to(target.endpoint),
            role=node.role or Role.REPLICA,
            replicas=_replicas(seen, node),
            clustered=seen.shape is Shape.CLUSTER,
            names=names,
        )


def _replicas(seen: Observed, node: NodeSeen) -> int:
    if node.role is not Role.PRIMARY:
        return 0
    return sum(one.role is Role.REPLICA and one.follows == node.address for one in seen.nodes)
