"""What is recorded of a node when redistopo stops it: which data it had, and in which files."""

from collections.abc import Mapping
from dataclasses import field

from redistopo.model.protocol.aof import part_number
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRecord:
    """A node's data at its orderly end.

    `role`, `replication_id` and `offset` are its last INFO replication, and `keys` counted all
    its databases: of a primary, writes may have followed. `previous_id` is the id that it had
    before it was promoted at `promoted_at` (master_replid2, second_repl_offset; -1 for never).
    `files` maps its data files to their bytes after it ended. `saved` is False if it was killed
    before it had saved.
    """

    role: str
    keys: int
    offset: int
    replication_id: str = ""
    previous_id: str = ""
    promoted_at: int = -1
    saved: bool = True
    files: Mapping[str, int] = field(default_factory=dict)


def is_outdated(record: StopRecord, sizes: Mapping[str, int]) -> bool:
    """Return whether a server that was started by hand has written to the node's files since, whose
    bytes those are now: a file grew, or its log has a later part, as after a rewrite.

    An older copy of a log has earlier parts, or shorter ones.
    """
    if any(sizes.get(name, 0) > size for name, size in record.files.items()):
        return True
    before = max(map(part_number, record.files), default=0)
    return any(size and part_number(name) > before for name, size in sizes.items())


def follows_later(mine: StopRecord | None, primary: StopRecord | None) -> bool | None:
    """Return whether the first node's data may be later than that of the planned primary; None
    if their records don't tell.

    A replica has at most what its primary had; a promoted node has its former primary's id as
    its second one, up to the offset at which it was promoted (replication.c).
    """
    if mine is None:
        return None
    if mine.role == "slave":
        if primary is None or primary.role == "master":
            return False
        return mine.replication_id == primary.replication_id and mine.offset > primary.offset
    if primary is None:
        return None
    if primary.role == "slave":
        return True
    descends = primary.previous_id == mine.replication_id
    return not (descends and mine.offset < primary.promoted_at)
