"""The save of one shard's data: what all kinds have in common."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from redistopo.client.connection import Command, Connections, raise_on_error
from redistopo.errors import MissingPrerequisite, RedistopoError
from redistopo.host.files import FREE
from redistopo.host.large_files import plain_file
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.protocol.rdb import HEAD, rdb_facts
from redistopo.model.protocol.replies import parse_info
from redistopo.model.state.observed import NodeSeen
from redistopo.quick_dataclass import dataclass
from redistopo.snapshot.choose_sources import Source

_CLOCK_SECONDS = 2.0

_CLEAR_SECONDS = 10.0
"""How long a save that was interrupted is awaited, before its file is removed."""

FACTS: tuple[Command, ...] = (("INFO", "replication"), ("INFO", "keyspace"))
"""What is asked right before a save, so that it is of the same moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedFile:
    """A file that was saved: its size, its SHA-256, and the node's INFO of the moment of the
    save."""

    bytes: int
    sha256: str
    info: Mapping[str, str]


class ShardSave(Protocol):
    """A save that has begun."""

    def keep(self, file: Path) -> SavedFile:
        """Wait until it is saved, and put it there; raises RedistopoError."""

    def clear(self) -> None:
        """Remove the file that a node without one before would load at its start."""


class ShardSaves(Protocol):
    """How data gets from nodes into a folder here."""

    def require_room(self, folder: Path, sources: tuple[Source, ...]) -> None:
        """Raise MissingPrerequisite if a disk has less room than the data takes in memory."""

    def must_pause(self, sources: tuple[Source, ...]) -> bool:
        """Return whether what is recorded is exact only while writes are paused."""

    def begin(self, source: Source, *, paused: bool) -> ShardSave:
        """Begin the save of a shard, with `paused` while writes are paused; raises
        RedistopoError."""


def info_of(client: Connections, node: NodeSeen, *sections: str) -> dict[str, str]:
    """Return a node's INFO, of one section or all."""
    (reply,) = client.execute(node.endpoint, [("INFO", *sections[:1])])
    return dict(parse_info(str(raise_on_error(reply, f"{node.name}: INFO"))))


def offset_of(info: Mapping[str, str]) -> int:
    """Return the replication offset in a node's INFO."""
    name = "slave_repl_offset" if info.get("role") == "slave" else "master_repl_offset"
    return int(info.get(name, 0))


def size_of(node: NodeSeen) -> int:
    """Return how many bytes a node's data takes in memory; a file has fewer."""
    return int(node.info.get("used_memory_dataset", 0))


def saved(client: Connections, node: NodeSeen) -> dict[str, str] | None:
    """Return a node's INFO about persistence; None while a save is in progress."""
    info = info_of(client, node, "persistence")
    return None if info.get("rdb_bgsave_in_progress", "0") != "0" else info


def clear_save(client: Connections, node: NodeSeen, remove: Callable[[], object]) -> None:
    """Remove a save's file once the save has ended: what failed before is reported, not this."""
    with suppress(RedistopoError):
        wait_for(lambda: saved(client, node), Deadline(_CLEAR_SECONDS), pause=0.01)
    with suppress(RedistopoError):
        remove()


def require_own_save(name: str, info: Mapping[str, str], taken: float, file: Path) -> None:
    """Raise RedistopoError if the file is of another save, as of a save point: it has the
    replication offset of its save, or only the time, by a clock that the server reads rarely."""
    with plain_file(file) as source:
        facts = rdb_facts(source.read(HEAD))
    offset = offset_of(info)
    late = facts.saved_at < taken - _CLOCK_SECONDS
    if facts.offset != offset if facts.offset is not None else late:
        raise RedistopoError(
            f"{name} saved at another moment at the same time",
            detail=f"{file} has offset {facts.offset}, not {offset}",
            hint="run the same command again",
        )


def refuse_full(where: str, size: int, free: int, unit: str = "bytes in memory") -> None:
    """Raise MissingPrerequisite if there are fewer free bytes than that."""
    if free < size:
        raise MissingPrerequisite(
            f"there is too little room in {where}: the data takes {size:,} {unit}",
            detail=f"{free:,} bytes are free; nothing was written",
            hint=FREE,
        )
