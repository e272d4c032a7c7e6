"""One client of the load, in its own thread, on a fixed schedule."""

import time
from collections.abc import Mapping
from dataclasses import field
from threading import Event, Thread

from redistopo.client.app_clients import CLIENT_ERRORS, AppClient, connect_app_client, error_kind
from redistopo.client.app_entry_point import EntryPoint
from redistopo.drill.load_jobs import Job
from redistopo.drill.load_result import Operation, OperationKind
from redistopo.quick_dataclass import dataclass

PAUSE_SECONDS = 0.05
"""How long a client sends nothing after an error, like the back-off of a client library.

Operations that were due until then fail with the same error, unsent. Without the pause, redis-py
would read the slot table again after each failure, hundreds of times a second, and the load would
be busy with itself.
"""

PAUSE_SHARE = 3
"""The pause is at least this multiple of the processor time that the failure took: with TLS that is
much more, and failing clients must not slow down clients that are served."""

PATIENCE_SECONDS = 1.0
"""An operation not started this long after it was due is dropped: its caller has given up."""

OVERDUE = "Overdue"
"""The error of an operation that was dropped unsent."""

CLOSED_UNDER_IT = (ValueError, AttributeError)
"""What redis-py raises when another thread closes the connection that it reads from."""

Entry = tuple[Operation, int]
"""An operation, and a write's sequence number (0 for a read)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadKeys:
    """The keys of one load: `bases` maps a shard to prefixes whose hash tags belong to it, and
    which are used in turn.

    A writer uses a new key for each write, up to `most`; then it starts again with the first one,
    so that neither the server nor this process needs unlimited memory. A value is a sequence
    number and never decreases. `writers` maps a shard to its first writer; `acknowledged` has the
    last acknowledged write of each shard and writer of a proving load.
    """

    bases: Mapping[int, tuple[str, ...]]
    writers: Mapping[int, int]
    most: int
    acknowledged: dict[tuple[int, int], int] = field(default_factory=dict)

    def first(self, shard: int) -> str:
        """Return the key that readers read: the first one written in a shard."""
        return self.key(shard, self.writers[shard], 1)

    def probe(self, shard: int) -> str:
        """Return the key that the probe writes, again and again."""
        return f"{self.bases[shard][0]}:probe"

    def key(self, shard: int, writer: int, sequence: int) -> str:
        """Return the key of a writer's nth write."""
        number = sequence % self.most
        bases = self.bases[shard]
        return f"{bases[number % len(bases)]}:{writer}:{number}"


@dataclass(slots=True)
class Worker:
    """A client, its log and its thread; `done` is set once the thread ended normally."""

    job: Job
    way: EntryPoint
    keys: LoadKeys
    replicas: int
    stopping: Event
    log: list[Entry] = field(default_factory=list)
    sequence: int = 0
    client: AppClient | None = None
    last_error: str = ""
    retried: dict[str, int] = field(default_factory=dict)
    done: bool = False
    thread: Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = Thread(target=self._run, name=f"load-{self.job.number}", daemon=True)

    def interrupt(self) -> None:
        """Abort a command that waits for its reply; called by another thread."""
        if client := self.client:
            client.close()

    def close(self) -> None:
        """Close the connections."""
        client, self.client = self.client, None
        if client:
            client.close()

    def _run(self) -> None:
        try:
            # connecting isn't an operation: the schedule starts after it
            try:
                self.client = connect_app_client(self.way)
            except CLIENT_ERRORS as error:
                self.last_error = f"{error_kind(error)}: {error}"
            self._work()
            self.done = True
        finally:
            self.close()

    def _work(self) -> None:
        """Run operations on an absolute schedule: each is due at its own time, however long the
        one before it took. Only when this idle thread itself woke up late does an operation count
        from then: that delay is the client's, not a server's."""
        interval = self.job.interval
        due = time.monotonic() + interval * self.job.phase
        woke = 0.0
        turn = 0
        pause = _Pause()
        while not self.stopping.is_set():
            if (left := due - time.monotonic()) > 0:
                if self.stopping.wait(left):
                    return
                woke = time.monotonic()
                if woke - due > PATIENCE_SECONDS:
                    due = woke  # the machine was suspended; do not try to catch up
            turn = self._turn(turn, max(due, woke), pause) + 1
            due += interval

    def _turn(self, turn: int, due: float, pause: "_Pause") -> int:
        """Run or drop the operation of a turn, and log it; return the turn that was taken.

        The first one after a pause is the one that follows the failed one, however many were due
        in the pause: otherwise a pause of an even number of turns would try only writes, or only
        one shard, throughout an outage, and know nothing of the others.
        """
        now = time.monotonic()
        if pause.turn is not None and due >= pause.until:
            turn, pause.turn = pause.turn + 1, None
        task = self.job.tasks[turn % len(self.job.tasks)]
        if due < pause.until:
            self.note(Operation(*task, due, 0.0, pause.error, None))
        elif now - due > PATIENCE_SECONDS:
            self.note(Operation(*task, due, PATIENCE_SECONDS, OVERDUE, None))
        else:
            before = time.thread_time()
            if error := self.do(task, due):
                spent = time.thread_time() - before
                pause.until = time.monotonic() + max(PAUSE_SECONDS, PAUSE_SHARE * spent)
                pause.error, pause.turn = error, turn
        return turn

    def do(self, task: tuple[OperationKind, int], due: float) -> str:
        """Try one operation and log it; return its error, or ""."""
        error = ""
        if task[0] is OperationKind.WRITE:
            self.sequence += 1
        sent = time.monotonic()
        try:
            if self.client is None:
                self.client = connect_app_client(self.way)
            self._send(self.client, *task)
        except (*CLIENT_ERRORS, *CLOSED_UNDER_IT) as failure:
            if self.stopping.is_set():
                return ""  # stop() may have closed the connection
            if isinstance(failure, CLOSED_UNDER_IT):
                raise
            error = error_kind(failure)
            self.last_error = f"{error}: {failure}"
            if self.way.where is not None:
                self.close()  # to connect again, to the address reported by then
        self.note(Operation(*task, due, time.monotonic() - due, error, sent - due))
        return error

    def _send(self, client: AppClient, kind: OperationKind, shard: int) -> None:
        if kind is OperationKind.WRITE:
            key = self.keys.key(shard, self.job.number, self.sequence)
            client.write(key, str(self.sequence), self.replicas)
        else:
            client.read(self.keys.first(shard))

    def note(self, operation: Operation) -> None:
        sequence = self.sequence if operation.kind is OperationKind.WRITE else 0
        self.log.append((operation, sequence))


@dataclass(slots=True)
class _Pause:
    """Until when a client sends nothing, because of which error, and in which turn it was."""

    until: float = 0.0
    error: str = ""
    turn: int | None = None
