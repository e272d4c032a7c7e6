"""Repeated snapshots of the same servers: connections are kept, slow nodes don't delay others."""

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Self

from redistopo.client.connection import Connections
from redistopo.client.observe import process_state
from redistopo.client.query_node import NodeQuery
from redistopo.client.target import Detail, Target
from redistopo.model.protocol.credentials import Credentials
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.state.monitored_primaries import without_other_primaries
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.topology.spec import Shape

_ANSWER_SECONDS = 1.0
_MOST_THREADS = 64

_Place = tuple[str, str, int]


class Poller:
    """Takes one snapshot after another, with the detail of HEALTH.

    A snapshot waits at most `patience` seconds for replies. The query of a late node goes on in
    the background, and later snapshots don't wait for it until it has replied.
    """

    def __init__(self, credentials: Credentials, *, patience: float = 1.0) -> None:
        self.client = Connections(credentials, seconds=_ANSWER_SECONDS)
        self._patience = patience
        self._pool = ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="poll")
        self._queries: dict[_Place, Future[NodeSeen]] = {}
        self._late: set[_Place] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        self.client.__exit__(*error)  # wakes threads that wait for a reply
        self._pool.shutdown()
        self.client.__exit__(*error)  # and closes connections opened since

    def snapshot(self, shape: Shape, targets: Iterable[Target]) -> Observed:
        """Take one snapshot of all targets, in their order; never raises for a faulty node."""
        inspected = [(target, process_state(target)) for target in targets]
        for target, seen in inspected:
            place = _place(target)
            if seen.error:
                self._drop(place)
            elif place not in self._queries:
                self._queries[place] = self._pool.submit(self._query, shape, target, seen)
        prompt = [one for place, one in self._queries.items() if place not in self._late]
        wait(prompt, timeout=self._patience)
        nodes = tuple(
            seen if seen.error else self._result(_place(t), seen) for t, seen in inspected
        )
        return Observed(shape=shape, nodes=without_other_primaries(nodes))

    def _drop(self, place: _Place) -> None:
        """Forget a query to a server that is no longer there."""
        known = self._queries.get(place)
        if known is None or known.done():
            self._queries.pop(place, None)
            self._late.discard(place)
            self.client.close(Endpoint(*place[1:]))

    def _query(self, shape: Shape, target: Target, seen: NodeSeen) -> NodeSeen:
        query = NodeQuery(shape, self.client, Detail.HEALTH)
        found = query.ask(target, seen)
        if found.error and "timed out" not in found.error and "refused" not in found.error:
            # the connection of an earlier snapshot was closed, but the server may reply
            found = query.ask(target, seen)
        return found

    def _result(self, place: _Place, seen: NodeSeen) -> NodeSeen:
        future = self._queries[place]
        if not future.done():
            self._late.add(place)
            return replace(seen, error=f"{seen.address} doesn't reply: timed out")
        del self._queries[place]
        found = future.result()
        if "timed out" not in found.error:
            self._late.discard(place)
        return replace(found, process=seen.process, pid=seen.pid)


def _place(target: Target) -> _Place:
    return (target.name, target.host, target.port)
