"""One client at its pace, in a thread of its own."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event, Thread

from redistopo.client.app_clients import CLIENT_ERRORS, AppClient, connect_app_client, error_kind
from redistopo.client.entry_point import EntryPoint
from redistopo.drill.load_jobs import Job
from redistopo.drill.operations import OperationKind

PAUSE_SECONDS = 0.05
"""So long a client leaves servers alone after an error, as a library's back-off would.

What was due until then, behind the operation that failed or in the pause, fails with the
same error, unsent. Without it, each failure would have redis-py read the slot table anew,
hundreds of times a second, and the load would be busy with itself.
"""

PAUSE_SHARE = 3
"""And at least so many times the processor time that the failure took: by TLS it is much
more, and clients that fail must not slow those down that are served."""

PATIENCE_SECONDS = 1.0
"""What couldn't be begun so long after it was due is given up: its caller is gone."""

OVERDUE = "Overdue"
"""The error of an operation that was given up unsent."""

_CLOSED_UNDER_IT = (ValueError, AttributeError)
"""What redis-py stumbles over where another thread closes the connection it reads from."""

Entry = tuple[OperationKind, int, float, float, str, int]
"""Kind, shard, started, took, error, and a write's sequence number (0 for a read)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadKeys:
    """The keys of one load: `bases` maps a shard to a prefix whose hash tag lies in it.

    A writer takes a new key for each write, up to `most`; then it begins from the first one
    again, so that neither the server nor we need memory without end. A value is a sequence
    number and never goes down. `writers` maps a shard to its first writer.
    """

    bases: Mapping[int, str]
    writers: Mapping[int, int]
    most: int

    def first(self, shard: int) -> str:
        """What readers read: the first key that is written in a shard."""
        return self.key(shard, self.writers[shard], 1)

    def key(self, shard: int, writer: int, sequence: int) -> str:
        return f"{self.bases[shard]}:{writer}:{sequence % self.most}"


@dataclass(slots=True)
class Worker:
    """A client, what it did, and the thread that does it; `done` once that ended as it should."""

    job: Job
    way: EntryPoint
    keys: LoadKeys
    replicas: int
    stopping: Event
    log: list[Entry] = field(default_factory=list)
    sequence: int = 0
    client: AppClient | None = None
    last_error: str = ""
    done: bool = False
    thread: Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = Thread(target=self._run, name=f"load-{self.job.number}", daemon=True)

    def interrupt(self) -> None:
        """A command that waits for its answer waits no longer; for another thread to call."""
        if client := self.client:
            client.close()

    def close(self) -> None:
        """Its connections are closed."""
        client, self.client = self.client, None
        if client:
            client.close()

    def _run(self) -> None:
        try:
            # coming in isn't an operation: the schedule begins behind it
            try:
                self.client = connect_app_client(self.way)
            except CLIENT_ERRORS as error:
                self.last_error = f"{error_kind(error)}: {error}"
            self._work()
            self.done = True
        finally:
            self.close()

    def _work(self) -> None:
        """By an absolute schedule: the nth operation is due at its own moment, whatever the
        one before it took. Only where this thread itself woke up late, having nothing to do,
        what was due counts from then: that is our own delay and no server's."""
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
                    due = woke  # the machine slept; there is no use in making up for it
            self._turn(self.job.tasks[turn % len(self.job.tasks)], max(due, woke), pause)
            turn += 1
            due += interval

    def _turn(self, task: tuple[OperationKind, int], due: float, pause: "_Pause") -> None:
        """One operation was done, or given up, and noted."""
        now = time.monotonic()
        if due < pause.until:
            self._note(task, due, 0.0, pause.error)
        elif now - due > PATIENCE_SECONDS:
            self._note(task, due, PATIENCE_SECONDS, OVERDUE)
        else:
            before = time.thread_time()
            if error := self._do(task, due):
                spent = time.thread_time() - before
                pause.until = time.monotonic() + max(PAUSE_SECONDS, PAUSE_SHARE * spent)
                pause.error = error

    def _do(self, task: tuple[OperationKind, int], due: float) -> str:
        """One operation was tried and noted; its error, "" for none."""
        error = ""
        if task[0] is OperationKind.WRITE:
            self.sequence += 1
        try:
            if self.client is None:
                self.client = connect_app_client(self.way)
            self._send(self.client, *task)
        except (*CLIENT_ERRORS, *_CLOSED_UNDER_IT) as trouble:
            if self.stopping.is_set():
                return ""  # we may have ended it ourselves
            if isinstance(trouble, _CLOSED_UNDER_IT):
                raise
            error = error_kind(trouble)
            self.last_error = f"{error}: {trouble}"
            if self.way.where is not None:
                self.close()  # to come in anew, where it is told to
        self._note(task, due, time.monotonic() - due, error)
        return error

    def _send(self, client: AppClient, kind: OperationKind, shard: int) -> None:
        if kind is OperationKind.WRITE:
            key = self.keys.key(shard, self.job.number, self.sequence)
            client.write(key, str(self.sequence), self.replicas)
        else:
            client.read(self.keys.first(shard))

    def _note(self, task: tuple[OperationKind, int], due: float, took: float, error: str) -> None:
        sequence = self.sequence if task[0] is OperationKind.WRITE else 0
        self.log.append((*task, due, took, error, sequence))


@dataclass(slots=True)
class _Pause:
    """Until when a client sends nothing, and the error for which."""

    until: float = 0.0
    error: str = ""
