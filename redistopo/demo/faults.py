"""Breaking and mending from the page: redistopo's own verbs, one at a time."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from redistopo.demo.placement import Picture
from redistopo.errors import RedistopoError, UsageError
from redistopo.model.state.observed import Role
from redistopo.ops.failover import FailoverRequest, FailoverResult, failover
from redistopo.ops.signals import SignalRequest, pause, resume
from redistopo.ops.start import StartRequest, start
from redistopo.ops.stop import StopRequest, stop
from redistopo.progress import Progress, no_progress, note
from redistopo.session.node_action import NodeActionResult

STOP_SECONDS = 20.0
START_SECONDS = 30.0
SIGNAL_SECONDS = 10.0


@dataclass(slots=True)
class Breaker:
    """What may be done to the nodes of a topology of our own, whose folder is `root`."""

    root: Path
    _one: Lock = field(default_factory=Lock)
    _busy: str = ""

    def act(self, verb: str, node: str, now: Picture, begun: Callable[[str], object]) -> str:
        """The verb was done to that node; what was done, in plain words. `begun` is told the
        command that does the same.

        Raises UsageError for a verb or a node that isn't there, RedistopoError while another
        one is under way, and what the verb itself raises.
        """
        work = _VERBS.get(verb)
        if work is None:
            raise UsageError(f"{verb!r} is no action", hint=f"one of {', '.join(_VERBS)}")
        # a name and nothing else: selector words could mean several nodes
        if now.node(node) is None:
            raise UsageError(f"there is no node {node!r}", hint="redistopo status lists them")
        with self._alone(f"{verb} {node}"):
            words = _words(verb, node, now)
            begun(f"redistopo {_TYPED.get(verb, verb)} {' '.join(words)}")
            return work(self.root, words)

    def finish(self, progress: Progress) -> None:
        """No action is under way any more, and none begins: half of one is worse than waiting."""
        if not self._one.acquire(blocking=False):
            note(progress, f"{self._busy} is under way, and ends first")
            self._one.acquire(timeout=START_SECONDS)

    @contextmanager
    def _alone(self, what: str) -> Iterator[None]:
        if not self._one.acquire(blocking=False):
            raise RedistopoError(
                f"{what} has to wait: {self._busy} is under way",
                hint="try again once it is done",
            )
        try:
            self._busy = what
            yield
        finally:
            self._one.release()


def _words(verb: str, node: str, now: Picture) -> tuple[str, ...]:
    """What that verb is told: the node; of a hand-over from a primary, its replicas, of whom the
    fittest is to lead."""
    drawn, shard = now.node(node), now.shard_with(node)
    if verb != "failover" or drawn is None or shard is None or drawn.role != Role.PRIMARY:
        return (node,)
    heirs = tuple(one.name for one in shard.nodes if one.role == Role.REPLICA and one.up)
    if not heirs:
        raise RedistopoError(
            f"no replica of {node} answers, so nobody can take over",
            hint=f"redistopo status shows who is in {shard.name}",
        )
    return heirs


def _stop(root: Path, words: tuple[str, ...]) -> str:
    return _told(stop(StopRequest(root=root, words=words, seconds=STOP_SECONDS), no_progress))


def _start(root: Path, words: tuple[str, ...]) -> str:
    return _told(start(StartRequest(root=root, words=words, seconds=START_SECONDS), no_progress))


def _freeze(root: Path, words: tuple[str, ...]) -> str:
    return _told(pause(SignalRequest(root=root, words=words, seconds=SIGNAL_SECONDS), no_progress))


def _resume(root: Path, words: tuple[str, ...]) -> str:
    return _told(resume(SignalRequest(root=root, words=words, seconds=SIGNAL_SECONDS), no_progress))


def _failover(root: Path, words: tuple[str, ...]) -> str:
    return _handed(
        failover(FailoverRequest(root=root, words=words, seconds=START_SECONDS), no_progress)
    )


_VERBS: Mapping[str, Callable[[Path, tuple[str, ...]], str]] = {
    "stop": _stop,
    "start": _start,
    "freeze": _freeze,
    "resume": _resume,
    "failover": _failover,
}

_TYPED = {"freeze": "pause"}
"""On the command line, where that is another word."""

ACTIONS = tuple(_VERBS)
"""What the page offers for a topology of our own."""


def _told(result: NodeActionResult) -> str:
    """What became of the node, and what is lost by it; raises RedistopoError where it isn't as
    was asked."""
    for one in result.nodes:
        if not one.well:
            raise RedistopoError(f"{one.name}: {one.did}", hint=one.hint)
    done = [f"{one.name}: {one.did}" for one in result.nodes]
    return "; ".join([*done, *result.losses])


def _handed(result: FailoverResult) -> str:
    leader = result.shard.primary.name if result.shard.primary else "nobody"
    if result.handover is None:
        return f"{leader} leads already"
    took = result.handover.milliseconds
    return f"{leader} leads now, instead of {result.handover.before}; writes waited {took:.0f} ms"
