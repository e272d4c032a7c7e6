"""Saves the data of each shard, and collects the files."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

from redistopo.client.connection import Command, Connections, raise_on_error
from redistopo.errors import MissingPrerequisite, RedistopoError, TimedOut
from redistopo.host.in_threads import in_threads
from redistopo.host.interrupts import interrupts_deferred
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.replies import parse_pairs
from redistopo.model.state.observed import NodeSeen, Role
from redistopo.progress import Progress, note, step
from redistopo.quick_dataclass import dataclass
from redistopo.snapshot.choose_sources import Source
from redistopo.snapshot.manifest import ShardFile
from redistopo.snapshot.shard_save import (
    ShardSave,
    ShardSaves,
    info_of,
    offset_of,
    require_own_save,
)

PAUSE_SECONDS = 3.0
"""How long writes are paused at most: the servers themselves end the pause after that."""

_WORKERS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """What saves need: connections, a deadline, where the files are collected, and how."""

    client: Connections
    deadline: Deadline
    progress: Progress
    folder: Path
    saves: ShardSaves


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """A save in progress, and when it began."""

    source: Source
    taken: float
    save: ShardSave


def take(
    saving: Saving, sources: tuple[Source, ...], *, pause: bool
) -> tuple[tuple[ShardFile, ...], float | None]:
    """Save all shards, and return their files with the milliseconds for which writes were paused.

    Without `pause`, each shard is saved at its own moment. Raises RedistopoError; then no file
    of it is left, and writes are no longer paused.
    """
    saving.saves.require_room(saving.folder, sources)
    must = saving.saves.must_pause(sources)
    names = ", ".join(one.node.name for one in sources)
    with step(saving.progress, f"save the data of {names}"):
        for one in sources:
            _await_idle(saving, one)
        begun: list[_Begun] = []
        try:
            paused = _begin_all(saving, sources, begun, pause=pause or must)
            # checksums of one shard while another one is still being saved
            return in_threads(partial(_collect, saving), begun, most=_WORKERS), paused
        finally:
            with interrupts_deferred():
                for save in begun:
                    save.save.clear()


def _begin_all(
    saving: Saving, sources: Sequence[Source], begun: list[_Begun], *, pause: bool
) -> float | None:
    """Begin all saves, and add each to `begun` at once."""
    if pause:
        return _at_one_moment(saving, sources, begun)
    for one in sources:
        _await_offset(saving, one, saving.deadline)
    for one in sources:
        _begin(saving, one, begun, paused=False)
    return None


def _begin(saving: Saving, source: Source, begun: list[_Begun], *, paused: bool) -> None:
    taken, save = time.time(), saving.saves.begin(source, paused=paused)
    begun.append(_Begun(source=source, taken=taken, save=save))


def _await_idle(saving: Saving, source: Source) -> None:
    """Wait until no other save or rewrite is in progress, which would refuse or delay ours."""
    busy = ("rdb_bgsave_in_progress", "aof_rewrite_in_progress", "aof_rewrite_scheduled")

    def look() -> bool | None:
        info = info_of(saving.client, source.node)
        return None if any(info.get(name, "0") != "0" for name in busy) else True

    wait_for(look, saving.deadline, lambda: f"{source.node.name} is saving already", pause=0.01)


def _await_offset(saving: Saving, source: Source, deadline: Deadline) -> None:
    """Wait until the replica has what its primary has now."""
    if source.node.name == source.primary.name:
        return
    wanted = offset_of(info_of(saving.client, source.primary, "replication"))

    def look() -> bool | None:
        found = offset_of(info_of(saving.client, source.node, "replication"))
        return True if found >= wanted else None

    wait_for(look, deadline, lambda: f"{source.node.name} lags behind its primary", pause=0.002)


def _at_one_moment(saving: Saving, sources: Sequence[Source], begun: list[_Begun]) -> float:
    """Pause writes on all primaries, wait for equal offsets, begin all saves, and let writes
    continue, on errors and Ctrl-C too. A save has all data of the moment when it begins."""
    with interrupts_deferred(later=True):
        began = time.monotonic()
        limit = Deadline(min(PAUSE_SECONDS, saving.deadline.left))
        try:
            with _paused(saving.client, [one.primary for one in sources]):
                for one in sources:
                    _await_offset(saving, one, limit)
                for one in sources:
                    _begin(saving, one, begun, paused=True)
                late = time.monotonic() - began >= PAUSE_SECONDS
        except TimedOut as error:
            raise _not_one_moment(error.detail or error.message) from error
        if late:
            raise _not_one_moment("the saves took longer to begin than writes were paused")
        paused = (time.monotonic() - began) * 1000
    note(saving.progress, f"writes were paused for {paused:.0f} ms")
    return paused


def _not_one_moment(why: str) -> RedistopoError:
    return RedistopoError(
        "the shards could not be saved at one moment",
        detail=f"{why}; writes were paused for {PAUSE_SECONDS:g} s at most",
        hint="try again when there is less load; or without --pause: redistopo snapshot",
    )


@contextmanager
def _paused(client: Connections, primaries: Sequence[NodeSeen]) -> Iterator[None]:
    """Pause writes until the block ends; the servers end the pause by themselves after a time."""
    with ExitStack() as stack:
        for node in primaries:
            stack.callback(_unpause, client, node.endpoint)
            pause: Command = ("CLIENT", "PAUSE", int(PAUSE_SECONDS * 1000), "WRITE")
            (reply,) = client.execute(node.endpoint, [pause])
            raise_on_error(reply, f"{node.name}: CLIENT PAUSE")
        yield


def _unpause(client: Connections, endpoint: Endpoint) -> None:
    with suppress(RedistopoError):  # the pause ends by itself
        client.execute(endpoint, [("CLIENT", "UNPAUSE")])


def _collect(saving: Saving, begun: _Begun) -> ShardFile:
    """Await the save, and give its file a name in the snapshot."""
    source, file = begun.source, saving.folder / f"shard{begun.source.number}.rdb"
    saved = begun.save.keep(file)
    info = saved.info
    try:
        require_own_save(source.node.name, info, begun.taken, file)
    except OSError as error:
        raise MissingPrerequisite(
            f"can't read what {source.node.name} saved: {file}", detail=str(error)
        ) from error
    databases = {
        name[2:]: parse_pairs(value)
        for name, value in info.items()
        if name.startswith("db") and name[2:].isdigit()
    }
    return ShardFile(
        number=source.number,
        file=file.name,
        bytes=saved.bytes,
        sha256=saved.sha256,
        slots=tuple((one.first, one.last) for one in source.slots),
        node=source.node.name,
        role=str(source.node.role or Role.PRIMARY),
        engine=source.node.engine.lower(),
        replication_id=info.get("master_replid", ""),
        offset=offset_of(info),
        taken=begun.taken,
        keys={name: int(pairs.get("keys", 0)) for name, pairs in databases.items()},
        expiring=sum(int(pairs.get("expires", 0)) for pairs in databases.values()),
    )
