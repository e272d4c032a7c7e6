"""The content of a node's folder: everything that decisions need from disk, read once."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import field

from redistopo.model.protocol.conf import Directives, read_conf
from redistopo.model.protocol.data_files import Written, data_file_name
from redistopo.model.protocol.logged_data import LoggedData
from redistopo.model.protocol.rdb import RdbFacts
from redistopo.model.protocol.sentinel_replies import SentinelFileState, read_sentinel_file
from redistopo.model.state.stop_record import StopRecord
from redistopo.quick_dataclass import dataclass

DATA = ("appendonlydir", "appendonly.aof", "dump.rdb")
"""The default names of the files and folders with a node's keys."""

LOG = "redis.log"
"""The name of a data node's log."""

_SPAN = 1.0
"""Seconds that may pass between a file's last write and the end of its creation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSeen:
    """When a file was last written, in seconds since the epoch, and its bytes; `changed` is when it
    was created, renamed or written, which no copy has from its source; `empty` is a
    snapshot without a key, or a file without a byte. `snapshot` has the facts of a snapshot,
    None for another file; `torn` is a snapshot or log that ends before its end,
    `foreign` a file in place of them that is neither."""

    written: float
    size: int
    empty: bool = False
    snapshot: RdbFacts | None = None
    torn: bool = False
    foreign: bool = False
    changed: float = 0.0

    @property
    def copied(self) -> bool:
        """Whether it is a copy that has the date of its source, or was renamed since."""
        return self.changed > self.written + _SPAN


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskSeen:
    """A node's folder at one moment.

    `files` has what is in it and one folder below, by relative path, folders with a ``/`` at
    their end. The texts are None where there is no such file: `config` is what the node starts
    on (a Sentinel's own memory), `started` what it was last started on, `users` and `listed`
    its ACL file and what ACL LIST replied. `manifests` are the texts of all append-only
    files' manifests. `refusal` is the line of the log with which a stopped node's last start
    ended at its nodes.conf, and `logged` what it says about the data since that start. `stopped`
    is what was recorded when the node was last stopped by redistopo, None if it has been started
    since: by hand, too, which is `by_hand` if it wrote.
    """

    files: Mapping[str, FileSeen] = field(default_factory=dict)
    config: str | None = field(default=None, repr=False)
    started: str | None = field(default=None, repr=False)
    users: str | None = field(default=None, repr=False)
    listed: str | None = None
    nodes_conf: str | None = None
    manifests: Mapping[str, str] = field(default_factory=dict)
    refusal: str = ""
    logged: LoggedData = field(default_factory=LoggedData)
    stopped: StopRecord | None = None
    by_hand: bool = False

    def holds(self, name: str) -> bool:
        """Return whether that file or folder exists."""
        return name in self.files or f"{name}/" in self.files

    @property
    def has_data(self) -> bool:
        """Whether Redis has left anything that a start would read."""
        named = (name for names in self._namings() for name in names)
        return any(map(self.holds, ("nodes.conf", *DATA, *named)))

    @property
    def has_keys(self) -> bool:
        """Whether the data files hold more than an empty snapshot."""
        return any(not one.empty for one in self._data())

    @property
    def written_at(self) -> float:
        """When data was last written, in seconds since the epoch; 0 for none. A log without a byte
        was created, or emptied, then: nothing was written to it."""
        bases = {name for name in self.files if re.search(r"/.+\.rdb$", name)}
        files = self._named().items()
        found = (one.written for name, one in files if one.size and name not in bases)
        return max(found, default=0.0)

    def _data(self) -> Iterator[FileSeen]:
        yield from self._named().values()

    def _named(self) -> dict[str, FileSeen]:
        """The data files by the names that the node has, had, or has by default."""
        found = {}
        for snapshot, folder, log in self._namings():
            for name, one in self.files.items():
                inside = name.startswith(f"{folder}/") and name.endswith((".aof", ".rdb"))
                # a link, which may lead to anything, in the place of the folder
                if name in (snapshot, log, folder) or inside:
                    found[name] = one
        return found

    def _namings(self) -> set[tuple[str, str, str]]:
        """The names of snapshot, log folder and log in each known configuration."""
        confs = [read_conf(text) for text in (self.config, self.started, "") if text is not None]
        directives = ("dbfilename", "appenddirname", "appendfilename")
        return {
            (names[0], names[1], names[2])
            for conf in confs
            for names in [[data_file_name(conf, one) for one in directives]]
        }

    @property
    def sentinel(self) -> SentinelFileState | None:
        """The state in a Sentinel's own file; None if it has none yet."""
        return read_sentinel_file(read_conf(self.config)) if self.config else None

    @property
    def damage(self) -> str:
        """Why the node would start as a new node, or no server accepts its nodes.conf; "" if the
        file is complete.

        Servers write the line `vars` last (cluster_legacy.c, clusterSaveConfig). They start
        without it, but may then lack nodes, and their record of votes.
        """
        text = self.nodes_conf
        if text is None:
            return "missing"
        if not text.strip("\0 \n"):
            return "empty"
        return "" if re.search(r"^vars ", text, re.MULTILINE) else "cut off"

    def written(self, conf: Directives) -> Written:
        """Return when the snapshot and the append-only log of that configuration were written.

        Since Redis 7.0 the log is a folder, and no log exists without its manifest; before, it
        is a file, which is empty while its first content is being written.
        """
        base, folder = (data_file_name(conf, f"append{one}name") for one in ("file", "dir"))
        logs = [base]
        if f"{folder}/{base}.manifest" in self.files:
            start = f"{folder}/{base}."
            logs = [one for one in self.files if one.startswith(start) and one.endswith(".aof")]
        elif f"{folder}/" in self.files:
            logs = []
        kept = [self.files[name] for name in logs if name in self.files]
        snapshot = self.files.get(data_file_name(conf, "dbfilename"))
        return Written(
            snapshot=snapshot.written if snapshot else 0.0,
            log=max((one.written for one in kept if one.size), default=0.0),
        )
