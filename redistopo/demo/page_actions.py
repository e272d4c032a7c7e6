"""The page's actions on nodes: redistopo's own verbs, one at a time."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path
from threading import Lock

from redistopo.demo.topology_view import TopologyView
from redistopo.errors import RedistopoError, UsageError
from redistopo.model.state.observed import Role
from redistopo.ops.failover import FailoverRequest, FailoverResult, failover
from redistopo.ops.signals import SignalRequest, pause, resume
from redistopo.ops.start import StartRequest, start
from redistopo.ops.stop import StopRequest, stop
from redistopo.progress import Progress, no_progress, note
from redistopo.quick_dataclass import dataclass
from redistopo.session.node_action import NodeActionResult

STOP_SECONDS = 20.0
START_SECONDS = 30.0
SIGNAL_SECONDS = 10.0


@dataclass(slots=True)
class PageActions:
    """Runs actions on the nodes of the folder's own topology."""

    root: Path
    _one: Lock = field(default_factory=Lock)
    _busy: str = ""

    def act(self, verb: str, node: str, now: TopologyView, begun: Callable[[str], object]) -> str:
        """Run the verb on that node; return what was done, in plain words. `begun` is called with
        the equivalent command.

        Raises UsageError for an unknown verb or node, RedistopoError while another action is in
        progress, and what the verb itself raises.
        """
        work = _VERBS.get(verb)
        if work is None:
            raise UsageError(f"{verb!r} is not an action", hint=f"one of {', '.join(_VERBS)}")
        # a name only: a selector could match several nodes
        if now.node(node) is None:
            raise UsageError(f"there is no node {node!r}", hint="redistopo status lists the nodes")
        with self._alone(f"{verb} {node}"):
            words = _targets(verb, node, now)
            begun(f"redistopo {_TYPED.get(verb, verb)} {' '.join(words)}")
            return work(self.root, words)

    def finish(self, progress: Progress) -> None:
        """Wait for the action in progress, and allow no more: half an action is worse."""
        if not self._one.acquire(blocking=False):
            note(progress, f"waiting for {self._busy} to end")
            self._one.acquire(timeout=START_SECONDS)

    @contextmanager
    def _alone(self, what: str) -> Iterator[None]:
        if not self._one.acquire(blocking=False):
            raise RedistopoError(
                f"{what} has to wait: {self._busy} is in progress",
                hint="try again once it has ended",
            )
        try:
            self._busy = what
            yield
        finally:
            self._one.release()


def _targets(verb: str, node: str, now: TopologyView) -> tuple[str, ...]:
    """Return the verb's arguments: the node; for the failover of a primary, its replicas, of which
    the most up-to-date is promoted."""
    view, shard = now.node(node), now.shard_with(node)
    if verb != "failover" or view is None or shard is None or view.role != Role.PRIMARY:
        return (node,)
    replicas = tuple(one.name for one in shard.nodes if one.role == Role.REPLICA and one.up)
    if not replicas:
        raise RedistopoError(
            f"no replica of {node} replies, so none can take over",
            hint=f"redistopo status shows the nodes of {shard.name}",
        )
    return replicas


def _node_result(result: NodeActionResult) -> str:
    """Return what became of the node, and what is lost by it; raise RedistopoError if the action
    failed."""
    for one in result.nodes:
        if not one.well:
            raise RedistopoError(f"{one.name}: {one.did}", hint=one.hint)
    done = [f"{one.name}: {one.did}" for one in result.nodes]
    return "; ".join([*done, *result.losses])


def _failover_result(result: FailoverResult) -> str:
    primary = result.shard.primary.name if result.shard.primary else "no node"
    if result.handover is None:
        return f"{primary} is primary already"
    took = result.handover.milliseconds
    before = result.handover.before
    return f"{primary} is primary now, instead of {before}; writes waited {took:.0f} ms"


_VERBS: Mapping[str, Callable[[Path, tuple[str, ...]], str]] = {
    "stop": lambda root, words: _node_result(
        stop(StopRequest(root=root, words=words, seconds=STOP_SECONDS), no_progress)
    ),
    "start": lambda root, words: _node_result(
        start(StartRequest(root=root, words=words, seconds=START_SECONDS), no_progress)
    ),
    "freeze": lambda root, words: _node_result(
        pause(SignalRequest(root=root, words=words, seconds=SIGNAL_SECONDS), no_progress)
    ),
    "resume": lambda root, words: _node_result(
        resume(SignalRequest(root=root, words=words, seconds=SIGNAL_SECONDS), no_progress)
    ),
    "failover": lambda root, words: _failover_result(
        failover(FailoverRequest(root=root, words=words, seconds=START_SECONDS), no_progress)
    ),
}

_TYPED = {"freeze": "pause"}
"""Verbs with another name on the command line."""

ACTIONS = tuple(_VERBS)
"""What the page offers for the folder's own topology."""
