"""The load itself: threads that start, run, and end at a word."""

import time
from collections.abc import Iterator
from itertools import count
from threading import Event, Thread
from types import TracebackType
from typing import Self

from redistopo.client.entry_point import PREFIX, LoadRequest
from redistopo.drill.load_jobs import jobs
from redistopo.drill.load_worker import Entry, LoadKeys, Worker
from redistopo.drill.lost_writes import Aftermath
from redistopo.drill.operations import LoadResult, Operation, OperationKind, TimeSpan
from redistopo.errors import RedistopoError, TimedOut
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.protocol.slots import key_in

MOST_KEYS = 200_000
"""Of one load on all shards: some 25 MB of a server's memory, 400 s of 500 writes a second."""

_BEAT_SECONDS = 0.02
_HICCUP_SECONDS = 0.1
_FAREWELL_SECONDS = 0.3


class Load:
    """Clients that write and read, each in a thread of its own; a context that stops them.

    with Load(request) as load:
        load.warm(5)                      # every client was answered
        ...fault, at time.monotonic()...
        load.served(since)                # clients are served again (ask it until it is true)
        load.stop()
        ...mend...
        seen = load.check(10)             # reads every acknowledged write back
        load.clean(10)                    # its keys are gone
    """

    def __init__(self, request: LoadRequest) -> None:
        self.request = request
        self._stopping = Event()
        plan = jobs(request)
        writing = [job for job in plan if any(kind is OperationKind.WRITE for kind, _ in job.tasks)]
        keys = LoadKeys(
            bases={shard: _base(request, shard) for shard in request.shards},
            writers={
                shard: next(
                    job.number for job in writing if (OperationKind.WRITE, shard) in job.tasks
                )
                for shard in request.shards
            },
            most=max(1, MOST_KEYS // len(writing)),
        )
        self._workers = tuple(
            Worker(job, request.way, keys, request.wait_replicas, self._stopping) for job in plan
        )
        self._aftermath = Aftermath(request, keys, self._workers)
        self._hiccups: list[TimeSpan] = []
        self._beat = Thread(target=self._listen, name="load-beat", daemon=True)
        self._span = TimeSpan(0.0, 0.0)

    def __enter__(self) -> Self:
        """The clients run."""
        self._span = TimeSpan(time.monotonic(), 0.0)
        try:
            for worker in self._workers:
                worker.thread.start()
            self._beat.start()
        except BaseException:  # Ctrl-C too: the context was never entered, so nobody else stops
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """The clients have stopped, and their connections are closed."""
        self.stop()

    def warm(self, seconds: float, *, answers: int = 20) -> str:
        """ "" once each client was answered so many times; else which wasn't in time, and why.

        What was done until then is no part of what is seen, but for its acknowledged writes:
        clients that all come in at once make each other slow.
        """
        try:
            wait_for(
                lambda: None if self._cold(answers) else True,
                Deadline(seconds),
                lambda: "; ".join(self._cold(answers)),
            )
        except TimedOut as error:
            return error.detail
        self._span = TimeSpan(time.monotonic(), 0.0)
        return ""

    def served(self, since: float, *, writes: int = 20) -> bool:
        """Whether each hurt shard acknowledged that many writes after that moment, in a row."""
        for shard in self.request.hurt:
            runs = [
                _run_of_good(worker.log, since)
                for worker in self._workers
                if (OperationKind.WRITE, shard) in worker.job.tasks
            ]
            if min(runs) < 1 or sum(runs) < writes:
                return False
        return True

    def stop(self) -> None:
        """No operation is begun any more, none is on its way, and connections are closed."""
        self._stopping.set()
        threads = [(worker, worker.thread) for worker in self._workers if worker.thread.ident]
        farewell = Deadline(_FAREWELL_SECONDS)
        for _, thread in threads:
            thread.join(farewell.left)
        for worker, thread in threads:
            if thread.is_alive():
                worker.interrupt()
                thread.join(5)
        if self._beat.ident:
            self._beat.join(5)
        if not self._span.end:
            self._span = TimeSpan(self._span.begin, time.monotonic())

    def check(self, seconds: float) -> LoadResult:
        """Everything seen; each acknowledged write was read back, or counts as unchecked.

        The load is stopped. Call it when the topology serves again: reading is tried for
        that many seconds. Raises RedistopoError where a client broke down: what it would
        have seen is missing.
        """
        self.stop()
        self._refuse_broken()
        entries = [entry for worker in self._workers for entry in worker.log]
        acknowledged = sum(entry[0] is OperationKind.WRITE and not entry[4] for entry in entries)
        seen = [Operation(*entry[:5]) for entry in entries if entry[2] >= self._span.begin]
        ops = tuple(sorted(seen, key=lambda op: op.started))
        found = self._aftermath.look(seconds)
        return LoadResult(
            span=self._span,
            ops=ops,
            hurt=self.request.hurt,
            acknowledged=acknowledged,
            wait_replicas=self.request.wait_replicas,
            lost=found.lost,
            unchecked=found.unchecked,
            examples=found.examples,
            hiccups=tuple(self._hiccups),
        )

    def clean(self, seconds: float) -> int:
        """How many keys were removed: all that this load wrote.

        The load is stopped. Raises Unreachable where some couldn't be in that time; they
        expire within an hour.
        """
        self.stop()
        return self._aftermath.clean(seconds)

    def _refuse_broken(self) -> None:
        for worker in self._workers:
            ended = worker.thread.ident and not worker.thread.is_alive()
            if ended and not worker.done:
                raise RedistopoError(
                    f"client {worker.job.number} of the load broke down",
                    detail=worker.last_error,
                    hint="what it would have measured is missing: run the drill again",
                )

    def _cold(self, answers: int) -> list[str]:
        return [
            f"client {worker.job.number} was answered {good} times of {answers}"
            + (f", last error {worker.last_error}" if worker.last_error else "")
            for worker in self._workers
            if (good := sum(not entry[4] for entry in worker.log[:1000])) < answers
        ]

    def _listen(self) -> None:
        """Our own heartbeat: where it is late, this process didn't run, and servers can't be
        blamed for that time."""
        for _ in count():
            began = time.monotonic()
            if self._stopping.wait(_BEAT_SECONDS):
                return
            now = time.monotonic()
            if now - began > _BEAT_SECONDS + _HICCUP_SECONDS:
                self._hiccups.append(TimeSpan(began + _BEAT_SECONDS, now))


def _base(request: LoadRequest, shard: int) -> str:
    """The beginning of a shard's keys; its hash tag lies in the shard's slots."""
    prefix = f"{PREFIX}{request.id}:"
    slots = request.shards[shard]
    return key_in(slots, prefix) if slots else f"{prefix}{{{shard}}}"


def _run_of_good(log: list[Entry], since: float) -> int:
    """How many operations at the end of the log were answered in a row, and due after then."""
    run = 0
    for _kind, _shard, due, _took, error, _sequence in _backwards(log):
        if error or due <= since:
            break
        run += 1
    return run


def _backwards(log: list[Entry]) -> Iterator[Entry]:
    for place in range(len(log) - 1, -1, -1):
        yield log[place]
