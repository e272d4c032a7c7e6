"""After the load: which acknowledged writes are there, and the removal of its keys."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TypeVar

from redistopo.client.app_clients import CLIENT_ERRORS, AppClient, connect_app_client, error_kind
from redistopo.client.entry_point import LoadRequest
from redistopo.drill.load_worker import LoadKeys, Worker
from redistopo.drill.operations import LostWrite, OperationKind
from redistopo.errors import TimedOut, Unreachable
from redistopo.host.polling import Deadline, wait_for

EXAMPLES = 5
_BATCH = 500

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the check found: counts of acknowledged writes, and the first that are lost."""

    lost: int = 0
    unchecked: int = 0
    examples: tuple[LostWrite, ...] = ()


class Aftermath:
    """What is done to the keys of a load that has stopped."""

    def __init__(self, request: LoadRequest, keys: LoadKeys, workers: tuple[Worker, ...]) -> None:
        self._request = request
        self._keys = keys
        self._workers = workers

    def look(self, seconds: float) -> Found:
        """Every acknowledged write was read back from where a client finds it.

        A key was written again where the load ran for long: its last acknowledged write
        counts, and a later one that nobody acknowledged may stand in its place.
        """
        deadline = Deadline(seconds)
        lost: list[LostWrite] = []
        unchecked = 0
        with closing(_Patient(self._request)) as client:
            for shard in self._keys.bases:
                for batch in _batches(self._acknowledged(shard)):
                    wanted = [one.key for one in batch]
                    values = client.within(deadline, partial(_read, keys=wanted))
                    if values is None:
                        unchecked += len(batch)
                    else:
                        lost += _missing(batch, values)
        lost.sort(key=lambda one: one.acknowledged)
        return Found(lost=len(lost), unchecked=unchecked, examples=tuple(lost[:EXAMPLES]))

    def clean(self, seconds: float) -> int:
        """No key that a client of ours wrote, or may have written, is there any more."""
        deadline = Deadline(seconds)
        removed = 0
        with closing(_Patient(self._request)) as client:
            for shard in self._keys.bases:
                for batch in _batches(self._written(shard)):
                    count = client.within(deadline, partial(_remove, keys=batch))
                    if count is None:
                        raise Unreachable(
                            f"the drill's keys on shard {shard} couldn't be removed",
                            detail=client.trouble,
                            hint="they expire by themselves within an hour",
                        )
                    removed += count
        return removed

    def _acknowledged(self, shard: int) -> Iterable[LostWrite]:
        """The last acknowledged write of each key, as it would be reported if it is lost."""
        last: dict[str, LostWrite] = {}
        for worker in self._workers:
            for kind, where, due, took, error, sequence in worker.log:
                if kind is OperationKind.WRITE and where == shard and not error:
                    key = self._keys.key(shard, worker.job.number, sequence)
                    last[key] = LostWrite(
                        key=key, sequence=sequence, shard=shard, acknowledged=due + took
                    )
        return last.values()

    def _written(self, shard: int) -> Iterator[str]:
        for worker in self._workers:
            if (OperationKind.WRITE, shard) in worker.job.tasks:
                for sequence in range(1, min(worker.sequence, self._keys.most) + 1):
                    yield self._keys.key(shard, worker.job.number, sequence)


class _Patient:
    """A client that comes in anew and tries again, until its time is over."""

    def __init__(self, request: LoadRequest) -> None:
        self._request = request
        self._client: AppClient | None = None
        self.trouble = ""

    def within(self, deadline: Deadline, work: Callable[[AppClient], Answer]) -> Answer | None:
        """What the work answered; None where it never did, and `trouble` says why."""
        try:
            return wait_for(lambda: self._try(work), deadline, lambda: self.trouble)
        except TimedOut:
            return None

    def _try(self, work: Callable[[AppClient], Answer]) -> Answer | None:
        try:
            if self._client is None:
                self._client = connect_app_client(self._request.way)
            return work(self._client)
        except CLIENT_ERRORS as error:
            self.trouble = f"{error_kind(error)}: {error}"
            self.close()
            return None

    def close(self) -> None:
        client, self._client = self._client, None
        if client:
            client.close()


def _read(client: AppClient, keys: list[str]) -> list[str | None]:
    return client.read_many(keys)


def _remove(client: AppClient, keys: list[str]) -> int:
    return client.remove(keys)


def _missing(wanted: list[LostWrite], values: list[str | None]) -> Iterator[LostWrite]:
    for one, value in zip(wanted, values, strict=True):
        if value is None or not value.isdecimal() or int(value) < one.sequence:
            yield LostWrite(
                key=one.key,
                sequence=one.sequence,
                shard=one.shard,
                acknowledged=one.acknowledged,
                found=value or "",
            )


def _batches(items: Iterable[Answer]) -> Iterator[list[Answer]]:
    rest = iter(items)
    while batch := list(islice(rest, _BATCH)):
        yield batch
