"""Saves the data of each shard with BGSAVE, and collects the files."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from redistopo.client.connection import Command, Connections, raise_on_error
from redistopo.errors import BadReply, MissingPrerequisite, RedistopoError, TimedOut
from redistopo.host.files import FREE, NO_SPACE, remove
from redistopo.host.interrupts import interrupts_deferred
from redistopo.host.large_files import checksum, free_bytes, link_or_copy, plain_file
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.rdb import HEAD, rdb_facts
from redistopo.model.protocol.replies import parse_info, parse_pairs
from redistopo.model.state.observed import NodeSeen, Role
from redistopo.progress import Progress, note, step
from redistopo.snapshot.choose_sources import Source
from redistopo.snapshot.manifest import ShardFile

PAUSE_SECONDS = 3.0
"""How long writes are paused at most: the servers themselves end the pause after that."""

_CLEAR_SECONDS = 10.0
_CLOCK_SECONDS = 2.0
_WORKERS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """What saves need: connections, a deadline, and where the files are collected."""

    client: Connections
    deadline: Deadline
    progress: Progress
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """A save in progress: its file, whether there was one before, and the INFO of its moment."""

    source: Source
    file: Path
    existed: bool
    taken: float
    info: dict[str, str]


def take(
    saving: Saving, sources: Sequence[Source], *, pause: bool
) -> tuple[tuple[ShardFile, ...], float | None]:
    """Save all shards, and return their files with the milliseconds for which writes were paused.

    Without `pause`, each shard is saved at its own moment. Raises RedistopoError; then no file
    of it is left, and writes are no longer paused.
    """
    files = {one.number: _data_file(saving.client, one.node) for one in sources}
    _require_room(saving.folder, sources, files)
    names = ", ".join(one.node.name for one in sources)
    with step(saving.progress, f"save the data of {names}"):
        for one in sources:
            _await_idle(saving, one)
        begun: list[_Begun] = []
        try:
            paused = _begin_all(saving, sources, files, begun, pause=pause)
            # checksums of one shard while another one is still being saved
            with ThreadPoolExecutor(_WORKERS, thread_name_prefix="snapshot") as pool:
                return tuple(pool.map(partial(_collect, saving), begun)), paused
        finally:
            with interrupts_deferred():
                _clear(saving.client, begun)


def _begin_all(
    saving: Saving,
    sources: Sequence[Source],
    files: dict[int, Path],
    begun: list[_Begun],
    *,
    pause: bool,
) -> float | None:
    """Begin all saves, and add each to `begun` at once."""
    if pause:
        return _at_one_moment(saving, sources, files, begun)
    for one in sources:
        _await_offset(saving, one, saving.deadline)
    for one in sources:
        begun.append(_begin(saving.client, one, files[one.number]))
    return None


def _clear(client: Connections, begun: Sequence[_Begun]) -> None:
    """Remove the files of nodes that had none before, which they would load at a start; a save
    that was interrupted is awaited first."""
    deadline = Deadline(_CLEAR_SECONDS)
    for one in (one for one in begun if not one.existed):
        with suppress(RedistopoError):
            wait_for(partial(_saved, client, one.source.node), deadline, pause=0.01)
        with suppress(RedistopoError):
            remove(one.file, missing_ok=True)


def _saved(client: Connections, node: NodeSeen) -> dict[str, str] | None:
    info = _info(client, node, "persistence")
    return None if info.get("rdb_bgsave_in_progress", "0") != "0" else info


def _data_file(client: Connections, node: NodeSeen) -> Path:
    """The file that BGSAVE writes."""
    found = []
    for name in ("dir", "dbfilename"):
        (reply,) = client.execute(node.endpoint, [("CONFIG", "GET", name)])
        raise_on_error(reply, f"{node.name}: CONFIG GET {name}")
        found.append(str(reply[1]) if isinstance(reply, list) and len(reply) == 2 else "")
    return Path(found[0]) / found[1]


def _require_room(folder: Path, sources: Sequence[Source], files: dict[int, Path]) -> None:
    """Raise MissingPrerequisite if a disk has less room than the data takes in memory."""
    need: dict[int, tuple[Path, int]] = {}
    for one in sources:
        at = files[one.number].parent
        size = int(one.node.info.get("used_memory_dataset", 0))
        device = at.stat().st_dev if at.exists() else 0
        need[device] = (at, need.get(device, (at, 0))[1] + size)
    total = sum(size for _, size in need.values())
    here = folder.stat().st_dev
    if here not in need:
        need[here] = (folder, total)
    for at, size in need.values():
        if (free := free_bytes(at)) < size:
            raise MissingPrerequisite(
                f"there is too little room in {at}: the data takes {size:,} bytes in memory",
                detail=f"{free:,} bytes are free; nothing was written",
                hint=FREE,
            )


def _await_idle(saving: Saving, source: Source) -> None:
    """Wait until no other save or rewrite is in progress, which would refuse or delay ours."""
    busy = ("rdb_bgsave_in_progress", "aof_rewrite_in_progress", "aof_rewrite_scheduled")

    def look() -> bool | None:
        info = _info(saving.client, source.node)
        return None if any(info.get(name, "0") != "0" for name in busy) else True

    wait_for(look, saving.deadline, lambda: f"{source.node.name} is saving already", pause=0.01)


def _info(client: Connections, node: NodeSeen, *sections: str) -> dict[str, str]:
    (reply,) = client.execute(node.endpoint, [("INFO", *sections[:1])])
    return dict(parse_info(str(raise_on_error(reply, f"{node.name}: INFO"))))


def _await_offset(saving: Saving, source: Source, deadline: Deadline) -> None:
    """Wait until the replica has what its primary has now."""
    if source.node.name == source.primary.name:
        return
    wanted = _offset(_info(saving.client, source.primary, "replication"))

    def look() -> bool | None:
        found = _offset(_info(saving.client, source.node, "replication"))
        return True if found >= wanted else None

    wait_for(look, deadline, lambda: f"{source.node.name} lags behind its primary", pause=0.002)


def _offset(info: dict[str, str]) -> int:
    name = "slave_repl_offset" if info.get("role") == "slave" else "master_repl_offset"
    return int(info.get(name, 0))


def _at_one_moment(
    saving: Saving, sources: Sequence[Source], files: dict[int, Path], begun: list[_Begun]
) -> float:
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
                    begun.append(_begin(saving.client, one, files[one.number]))
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


def _begin(client: Connections, source: Source, file: Path) -> _Begun:
    """Begin the save, and read the node's INFO of the same moment: a server executes commands that
    arrive together one after the other. In a transaction, BGSAVE would only be scheduled."""
    existed = file.exists()
    commands: list[Command] = [("INFO", "replication"), ("INFO", "keyspace"), ("BGSAVE",)]
    name, taken = source.node.name, time.time()
    parts = client.execute(source.node.endpoint, commands)
    for one in parts:
        raise_on_error(one, f"{name}: BGSAVE")
    if "started" not in str(parts[2]):
        raise BadReply(f"{name}: BGSAVE failed", detail=str(parts[2])[:200])
    info = dict(parse_info(f"{parts[0]}\n{parts[1]}"))
    return _Begun(source=source, file=file, existed=existed, taken=taken, info=info)


def _await_saved(saving: Saving, begun: _Begun) -> None:
    node = begun.source.node
    info = wait_for(
        partial(_saved, saving.client, node),
        saving.deadline,
        lambda: f"{node.name} is still saving",
        pause=0.01,
    )
    if info.get("rdb_last_bgsave_status") != "ok":
        log = _log_tail(begun.file.parent)
        full = NO_SPACE in log
        raise MissingPrerequisite(
            f"{node.name} could not save its data",
            detail=log,
            hint=FREE if full else "see its log: redistopo logs",
        )


def _log_tail(folder: Path) -> str:
    from redistopo.host.local_host import LOCAL
    from redistopo.host.server_log import log_tail
    from redistopo.model.topology.project_paths import NodeFolder

    return log_tail(LOCAL.files, NodeFolder(folder).log)


def _require_own_save(begun: _Begun, file: Path) -> None:
    """Raise RedistopoError if the file is of another save, as of a save point: it has the
    replication offset of its save, or only the time, by a clock that the server reads rarely."""
    with plain_file(file) as source:
        facts = rdb_facts(source.read(HEAD))
    offset = _offset(begun.info)
    late = facts.saved_at < begun.taken - _CLOCK_SECONDS
    if facts.offset != offset if facts.offset is not None else late:
        raise RedistopoError(
            f"{begun.source.node.name} saved at another moment at the same time",
            detail=f"{begun.file} has offset {facts.offset}, not {offset}",
            hint="run the same command again",
        )


def _collect(saving: Saving, begun: _Begun) -> ShardFile:
    """Await the save, and give its file a name in the snapshot; a server replaces its file at the
    next save, and never writes to it."""
    _await_saved(saving, begun)
    source, info = begun.source, begun.info
    file = saving.folder / f"shard{source.number}.rdb"
    try:
        link_or_copy(begun.file, file)
        _require_own_save(begun, file)
        size, digest = file.stat().st_size, checksum(file)
    except OSError as error:
        raise MissingPrerequisite(
            f"can't read what {source.node.name} saved: {begun.file}", detail=str(error)
        ) from error
    databases = {
        name[2:]: parse_pairs(value)
        for name, value in info.items()
        if name.startswith("db") and name[2:].isdigit()
    }
    return ShardFile(
        number=source.number,
        file=file.name,
        bytes=size,
        sha256=digest,
        slots=tuple((one.first, one.last) for one in source.slots),
        node=source.node.name,
        role=str(source.node.role or Role.PRIMARY),
        engine=source.node.engine.lower(),
        replication_id=info.get("master_replid", ""),
        offset=_offset(info),
        taken=begun.taken,
        keys={name: int(pairs.get("keys", 0)) for name, pairs in databases.items()},
        expiring=sum(int(pairs.get("expires", 0)) for pairs in databases.values()),
    )
