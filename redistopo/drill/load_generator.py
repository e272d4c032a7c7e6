"""The load generator: clients that read and write during a drill, each in its own thread."""

import time
from itertools import count
from threading import Event, Thread
from typing import Self

from redistopo.client.app_entry_point import PREFIX, LoadRequest
from redistopo.drill.load_jobs import distribute_load
from redistopo.drill.load_result import LoadResult, OperationKind, ServedSpan, TimeSpan
from redistopo.drill.load_worker import Entry, LoadKeys, Worker
from redistopo.drill.lost_writes import WriteCheck
from redistopo.drill.proving_worker import ProvingWorker
from redistopo.drill.service_probe import ServiceProbe
from redistopo.errors import RedistopoError, TimedOut
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.protocol.slots import key_in, slot_of

MOST_KEYS = 200_000
"""Of one load over all shards: about 25 MB of a server's memory, 400 s at 500 writes a second."""

_TAGS = 128
"""Hash tags of a load whose keys are spread over slots: those that map to them are used."""

_HEARTBEAT_SECONDS = 0.02
_HICCUP_SECONDS = 0.05
_STOP_SECONDS = 0.3


class LoadGenerator:
    """Clients that write and read, each in its own thread; the context stops them at its end.

    with LoadGenerator(request) as load:
        load.warm(5)                      # every client gets replies
        ...fault, at time.monotonic()...
        load.served(since)                # whether clients are served again
        load.stop()
        ...repair...
        result = load.check(10)           # reads every acknowledged write back
        load.clean(10)                    # deletes its keys
    """

    def __init__(self, request: LoadRequest) -> None:
        self.request = request
        self._stopping = Event()
        plan = distribute_load(request)
        writing = [job for job in plan if any(kind is OperationKind.WRITE for kind, _ in job.tasks)]
        keys = LoadKeys(
            bases={shard: _bases(request, shard) for shard in request.shards},
            writers={
                shard: next(
                    job.number for job in writing if (OperationKind.WRITE, shard) in job.tasks
                )
                for shard in request.shards
            },
            most=max(1, MOST_KEYS // len(writing)),
        )
        kind = ProvingWorker if request.proving else Worker
        self._workers = tuple(
            kind(job, request.way, keys, request.wait_replicas, self._stopping) for job in plan
        )
        self._keys = keys
        self._probe: ServiceProbe | None = None
        self._served: tuple[ServedSpan, ...] = ()
        self._write_check = WriteCheck(request, keys, self._workers)
        self._hiccups: list[TimeSpan] = []
        self._heartbeat = Thread(target=self._measure_hiccups, name="load-heartbeat", daemon=True)
        self._span = TimeSpan(0.0, 0.0)

    def __enter__(self) -> Self:
        """Start the clients."""
        self._span = TimeSpan(time.monotonic(), 0.0)
        try:
            if self.request.nodes:
                keys = {shard: self._keys.probe(shard) for shard in self.request.hurt}
                self._probe = ServiceProbe(self.request, keys)
            for worker in self._workers:
                worker.thread.start()
            self._heartbeat.start()
        except BaseException:  # Ctrl-C too: the context was never entered, so nothing else stops
            self.stop()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop the clients and close their connections."""
        self.stop()

    def warm(self, seconds: float, *, answers: int = 20) -> str:
        """Wait until every client got that many replies; return "" or which did not, and why.

        What happened until then does not count, except for acknowledged writes: clients that all
        connect at once slow each other down.
        """
        deadline = Deadline(seconds)
        try:
            wait_for(
                lambda: None if self._cold_clients(answers) else True,
                deadline,
                lambda: "; ".join(self._cold_clients(answers)),
            )
        except TimedOut as error:
            return error.detail
        if self._probe:
            self._probe.ready(deadline)
        self._span = TimeSpan(time.monotonic(), 0.0)
        return ""

    def served(self, since: float, *, writes: int = 20) -> bool:
        """Return whether each affected shard acknowledged that many writes in a row since then."""
        for shard in self.request.hurt:
            runs = [
                _successes_since(worker.log, since)
                for worker in self._workers
                if (OperationKind.WRITE, shard) in worker.job.tasks
            ]
            if min(runs) < 1 or sum(runs) < writes:
                return False
        return True

    def stop(self) -> None:
        """Start no more operations, wait for those in progress, and close the connections."""
        self._stopping.set()
        threads = [(worker, worker.thread) for worker in self._workers if worker.thread.ident]
        deadline = Deadline(_STOP_SECONDS)
        for _, thread in threads:
            thread.join(deadline.left)
        for worker, thread in threads:
            if thread.is_alive():
                worker.interrupt()
                thread.join(5)
        if self._heartbeat.ident:
            self._heartbeat.join(5)
        # the probe outlasts the load, so that it knows all of the span
        if not self._span.end:
            self._span = TimeSpan(self._span.begin, time.monotonic())
        if probe := self._probe:
            self._probe = None
            self._served = probe.finish()

    def check(self, seconds: float) -> LoadResult:
        """Stop the load, read each acknowledged write back, and return everything measured.

        Call it when the topology serves again: reading is retried for that many seconds, and
        what could not be read is counted as unchecked. Raises RedistopoError if a client thread
        crashed: its measurements are missing.
        """
        self.stop()
        self._refuse_broken()
        every = [op for worker in self._workers for op, _sequence in worker.log]
        acknowledged = sum(op.kind is OperationKind.WRITE and op.good for op in every)
        seen = [op for op in every if op.started >= self._span.begin]
        ops = tuple(sorted(seen, key=lambda op: op.started))
        found = self._write_check.find_lost(seconds)
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
            served=self._served,
        )

    def clean(self, seconds: float) -> int:
        """Stop the load and delete all keys that it wrote; return how many.

        Raises Unreachable if some can't be deleted in that time; they expire within an hour.
        """
        self.stop()
        return self._write_check.delete_keys(seconds)

    @property
    def retried(self) -> dict[str, int]:
        """Return how often operations of a proving load were tried again, by kind of error."""
        found: dict[str, int] = {}
        for worker in self._workers:
            for kind, times in worker.retried.items():
                found[kind] = found.get(kind, 0) + times
        return found

    def _refuse_broken(self) -> None:
        for worker in self._workers:
            ended = worker.thread.ident and not worker.thread.is_alive()
            if ended and not worker.done:
                raise RedistopoError(
                    f"client {worker.job.number} of the load crashed",
                    detail=worker.last_error,
                    hint="its measurements are missing: run the drill again",
                )

    def _cold_clients(self, answers: int) -> list[str]:
        return [
            f"client {worker.job.number} got {good} of {answers} replies"
            + (f", last error {worker.last_error}" if worker.last_error else "")
            for worker in self._workers
            if (good := sum(op.good for op, _sequence in worker.log[:1000])) < answers
        ]

    def _measure_hiccups(self) -> None:
        """Measure when this process itself did not run: servers can't be blamed for that time."""
        for _ in count():
            began = time.monotonic()
            if self._stopping.wait(_HEARTBEAT_SECONDS):
                return
            now = time.monotonic()
            if now - began > _HEARTBEAT_SECONDS + _HICCUP_SECONDS:
                self._hiccups.append(TimeSpan(began + _HEARTBEAT_SECONDS, now))


def _bases(request: LoadRequest, shard: int) -> tuple[str, ...]:
    """Return the prefixes of a shard's keys, with hash tags that map to its slots: to one of them,
    or to many, evenly spread."""
    prefix = f"{PREFIX}{request.id}:"
    slots = request.shards[shard]
    if not slots:
        return (f"{prefix}{{{shard}}}",)
    if not request.proving:
        return (key_in(slots, prefix),)
    keys = {slot_of(key): key for key in (f"{prefix}{{{n}}}" for n in range(_TAGS))}
    mine = [key for slot, key in sorted(keys.items()) if any(slot in one for one in slots)]
    return tuple(mine) or (key_in(slots, prefix),)


def _successes_since(log: list[Entry], since: float) -> int:
    """Return how many operations at the end of the log, due after `since`, succeeded in a row."""
    run = 0
    for op, _sequence in reversed(log):
        if op.error or op.started <= since:
            break
        run += 1
    return run
