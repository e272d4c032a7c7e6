"""What is recorded of a node when redistopo stops it: which data it had, and in which files."""

from collections.abc import Mapping
from dataclasses import dataclass, field


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
