"""Looking at the same servers again and again: connections and threads stay, nobody holds up."""

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from redistopo.client.connection import NodeClient
from redistopo.client.observe import Detail, Target, answered, standing
from redistopo.model.protocol.credentials import Credentials
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.topology.spec import Shape

_ANSWER_SECONDS = 1.0
_MOST_THREADS = 64

_Place = tuple[str, str, int]


class Poller:
    """One look after the other, each as deep as HEALTH.

    A look waits at most `patience` seconds for answers. Whoever was late is asked on
    meanwhile, and later looks don't wait for it until it has answered.
    """

    def __init__(self, credentials: Credentials, *, patience: float = 1.0) -> None:
        self.client = NodeClient(credentials, seconds=_ANSWER_SECONDS)
        self._patience = patience
        self._pool = ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="gaze")
        self._asked: dict[_Place, Future[NodeSeen]] = {}
        self._late: set[_Place] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        self.client.__exit__(kind, error, trace)  # wakes who still waits for an answer
        self._pool.shutdown()
        self.client.__exit__(kind, error, trace)  # and what was connected meanwhile

    def look(self, shape: Shape, targets: Iterable[Target]) -> Observed:
        """One snapshot of all targets, in their order; never raises for a node's own trouble."""
        stood = [(target, standing(target)) for target in targets]
        for target, seen in stood:
            place = _place(target)
            if seen.error:
                self._excuse(place)
            elif place not in self._asked:
                self._asked[place] = self._pool.submit(self._hear, shape, target, seen)
        prompt = [one for place, one in self._asked.items() if place not in self._late]
        wait(prompt, timeout=self._patience)
        return Observed(
            shape=shape,
            nodes=tuple(seen if seen.error else self._heard(_place(t), seen) for t, seen in stood),
        )

    def _excuse(self, place: _Place) -> None:
        """Nobody is there to answer: what was asked before is of no use."""
        known = self._asked.get(place)
        if known is None or known.done():
            self._asked.pop(place, None)
            self._late.discard(place)
            self.client.forget(Endpoint(*place[1:]))

    def _hear(self, shape: Shape, target: Target, seen: NodeSeen) -> NodeSeen:
        heard = answered(shape, target, seen, self.client, Detail.HEALTH)
        if heard.error and "timed out" not in heard.error and "refused" not in heard.error:
            # a connection of an earlier look was closed; that says nothing of now
            heard = answered(shape, target, seen, self.client, Detail.HEALTH)
        return heard

    def _heard(self, place: _Place, seen: NodeSeen) -> NodeSeen:
        future = self._asked[place]
        if not future.done():
            self._late.add(place)
            return replace(seen, error=f"{seen.address} doesn't answer: timed out")
        del self._asked[place]
        heard = future.result()
        if "timed out" not in heard.error:
            self._late.discard(place)
        return replace(heard, process=seen.process, pid=seen.pid)


def _place(target: Target) -> _Place:
    return (target.name, target.host, target.port)


def now_iso() -> datetime:
    """Now, as a date to show."""
    return datetime.now(UTC)
