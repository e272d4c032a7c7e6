"""A client whose operations are tried again, and whose reads prove that acknowledged writes are
there while slots and nodes come and go."""

import time

from redistopo.client.app_clients import CLIENT_ERRORS, connect_app_client, error_kind
from redistopo.drill.load_result import Operation, OperationKind
from redistopo.drill.load_worker import CLOSED_UNDER_IT, PAUSE_SECONDS, Worker

MISSING = "MISSING"
"""The error of a read that did not return an acknowledged write."""

_PATIENCE_SECONDS = 5.0
"""An operation that has failed for so long is given up."""


class ProvingWorker(Worker):
    """A client that tries a failed operation again until it succeeds, as applications do: how long
    that takes is the operation's latency. A read requires what the writer of its shard wrote last,
    or, in turn, one of its earlier keys."""

    __slots__ = ()

    def do(self, task: tuple[OperationKind, int], due: float) -> str:
        """Try one operation until it succeeds, and log it; return its error, or ""."""
        kind, shard = task
        sequence = self.sequence + 1 if kind is OperationKind.WRITE else self._chosen(shard)
        if kind is OperationKind.WRITE:
            self.sequence = sequence
        sent = time.monotonic()
        error = self._attempt(kind, shard, sequence)
        while error not in ("", MISSING) and time.monotonic() - due < _PATIENCE_SECONDS:
            self.retried[error] = self.retried.get(error, 0) + 1
            if self.stopping.wait(PAUSE_SECONDS):
                return ""
            error = self._attempt(kind, shard, sequence)
        if error and self.stopping.is_set():
            return ""
        if not error and kind is OperationKind.WRITE:
            self.keys.acknowledged[shard, self.job.number] = sequence
        self.note(Operation(kind, shard, due, time.monotonic() - due, error, sent - due))
        return error

    def _attempt(self, kind: OperationKind, shard: int, sequence: int) -> str:
        """Send the operation once; return its error, or ""."""
        try:
            if self.client is None:
                self.client = connect_app_client(self.way)
            if kind is OperationKind.WRITE:
                key = self.keys.key(shard, self.job.number, sequence)
                self.client.write(key, str(sequence), self.replicas)
                return ""
            value = self.client.read(self.keys.key(shard, self.keys.writers[shard], sequence))
        except (*CLIENT_ERRORS, *CLOSED_UNDER_IT) as failure:
            # redis-py raises AttributeError, too, at an ASK to a node that it has never seen
            self.last_error = f"{error_kind(failure)}: {failure}"
            if isinstance(failure, CLOSED_UNDER_IT):
                self.close()
            return error_kind(failure)
        if sequence and (value is None or int(value) < sequence):
            self.last_error = (
                f"{MISSING}: {self.keys.key(shard, self.keys.writers[shard], sequence)}"
            )
            return MISSING
        return ""

    def _chosen(self, shard: int) -> int:
        """Return the sequence of an acknowledged write: the last, or an earlier one; 0 for none."""
        last = self.keys.acknowledged.get((shard, self.keys.writers[shard]), 0)
        earlier = len(self.log) * 7919 % max(1, min(last, self.keys.most - 1))
        return last - (earlier if len(self.log) % 2 else 0)
