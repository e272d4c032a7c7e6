"""Checks after the load which acknowledged writes are lost, and deletes the load's keys."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import islice
from typing import TypeVar

from redistopo.client.app_clients import CLIENT_ERRORS, AppClient, connect_app_client, error_kind
from redistopo.client.app_entry_point import LoadRequest
from redistopo.drill.load_result import LostWrite, OperationKind
from redistopo.drill.load_worker import LoadKeys, Worker
from redistopo.errors import TimedOut, Unreachable
from redistopo.host.polling import Deadline, wait_for
from redistopo.quick_dataclass import dataclass

EXAMPLES = 5
_BATCH = 500

Reply = TypeVar("Reply")


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteCheckResult:
    """Counts of acknowledged writes that are lost or could not be read, and the first examples."""

    lost: int = 0
    unchecked: int = 0
    examples: tuple[LostWrite, ...] = ()


class WriteCheck:
    """Reads back, and deletes, the keys of a load that has stopped."""

    def __init__(self, request: LoadRequest, keys: LoadKeys, workers: tuple[Worker, ...]) -> None:
        self._request = request
        self._keys = keys
        self._workers = workers

    def find_lost(self, seconds: float) -> WriteCheckResult:
        """Read back every acknowledged write, the way a client would.

        A long load writes a key several times: its last acknowledged write counts, and the key
        may hold the value of a later one that was not acknowledged.
        """
        deadline = Deadline(seconds)
        lost: list[LostWrite] = []
        unchecked = 0
        with closing(_RetryingClient(self._request)) as client:
            for shard in self._keys.bases:
                for batch in _batches(self._acknowledged(shard), lambda one: one.key):
                    wanted = [one.key for one in batch]
                    values = client.within(deadline, wanted, lambda one, keys: one.read_many(keys))
                    if values is None:
                        unchecked += len(batch)
                    else:
                        lost += _missing(batch, values)
        lost.sort(key=lambda one: one.acknowledged)
        return WriteCheckResult(
            lost=len(lost), unchecked=unchecked, examples=tuple(lost[:EXAMPLES])
        )

    def delete_keys(self, seconds: float) -> int:
        """Delete every key that a client wrote or may have written; return how many."""
        deadline = Deadline(seconds)
        removed = 0
        with closing(_RetryingClient(self._request)) as client:
            for shard in self._keys.bases:
                for batch in _batches(self._written(shard), str):
                    count = client.within(deadline, batch, lambda one, keys: one.remove(keys))
                    if count is None:
                        raise Unreachable(
                            f"the drill's keys on shard {shard} can't be deleted",
                            detail=client.last_error,
                            hint="they expire within an hour",
                        )
                    removed += count
        return removed

    def _acknowledged(self, shard: int) -> Iterable[LostWrite]:
        """Return the last acknowledged write of each key, as reported if it is lost."""
        last: dict[str, LostWrite] = {}
        for worker in self._workers:
            for op, sequence in worker.log:
                if op.kind is OperationKind.WRITE and op.shard == shard and op.good:
                    key = self._keys.key(shard, worker.job.number, sequence)
                    last[key] = LostWrite(
                        key=key, sequence=sequence, shard=shard, acknowledged=op.ended
                    )
        return last.values()

    def _written(self, shard: int) -> Iterator[str]:
        if self._request.nodes and shard in self._request.hurt:
            yield self._keys.probe(shard)
        for worker in self._workers:
            if (OperationKind.WRITE, shard) in worker.job.tasks:
                for sequence in range(1, min(worker.sequence, self._keys.most) + 1):
                    yield self._keys.key(shard, worker.job.number, sequence)


class _RetryingClient:
    """A client that reconnects and retries until its time is over."""

    def __init__(self, request: LoadRequest) -> None:
        self._request = request
        self._client: AppClient | None = None
        self.last_error = ""

    def within(
        self, deadline: Deadline, keys: list[str], work: Callable[[AppClient, list[str]], Reply]
    ) -> Reply | None:
        """Return the result of `work`; None if it never succeeded (see `last_error`)."""
        try:
            return wait_for(lambda: self._try(keys, work), deadline, lambda: self.last_error)
        except TimedOut:
            return None

    def _try(self, keys: list[str], work: Callable[[AppClient, list[str]], Reply]) -> Reply | None:
        try:
            if self._client is None:
                self._client = connect_app_client(self._request.way)
            return work(self._client, keys)
        except CLIENT_ERRORS as error:
            self.last_error = f"{error_kind(error)}: {error}"
            self.close()
            return None

    def close(self) -> None:
        client, self._client = self._client, None
        if client:
            client.close()


def _missing(wanted: list[LostWrite], values: list[str | None]) -> Iterator[LostWrite]:
    for one, value in zip(wanted, values, strict=True):
        if value is None or not value.isdecimal() or int(value) < one.sequence:
            yield replace(one, found=value or "")


def _batches(items: Iterable[Reply], key: Callable[[Reply], str]) -> Iterator[list[Reply]]:
    """Divide items into lists whose keys are in one slot: they have the same hash tag."""
    by_tag: dict[str, list[Reply]] = {}
    for one in items:
        by_tag.setdefault(key(one).partition("}")[0], []).append(one)
    for some in by_tag.values():
        rest = iter(some)
        while batch := list(islice(rest, _BATCH)):
            yield batch
