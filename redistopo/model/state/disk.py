"""The content of a node's folder: everything that decisions need from disk, read once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from redistopo.model.protocol.conf import Directives, read_conf
from redistopo.model.protocol.data_files import Written, data_file_name
from redistopo.model.protocol.sentinel_replies import SentinelFileState, read_sentinel_file

DATA = ("appendonlydir", "appendonly.aof", "dump.rdb")
"""The default names of the files and folders with a node's keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSeen:
    """When a file was last written, in seconds since the epoch, and its size in bytes; `empty`
    is a snapshot without keys, or a file of size 0."""

    written: float
    size: int
    empty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskSeen:
    """A node's folder at one moment.

    `files` are its files and those one level below, by relative path; folders end with ``/``.
    Texts are None if there is no such file: `config` is the node's configuration (which contains
    a Sentinel's state), `started` that of its last start, `users` its ACL file, and `listed` the
    recorded reply of ACL LIST. `refusal` is the log line of a stopped node whose last start
    failed at its nodes.conf.
    """

    files: Mapping[str, FileSeen] = field(default_factory=dict)
    config: str | None = field(default=None, repr=False)
    started: str | None = field(default=None, repr=False)
    users: str | None = field(default=None, repr=False)
    listed: str | None = None
    nodes_conf: str | None = None
    refusal: str = ""

    def holds(self, name: str) -> bool:
        """Return whether that file or folder exists."""
        return name in self.files or f"{name}/" in self.files

    @property
    def has_data(self) -> bool:
        """Whether there are files that Redis would load at a start."""
        return any(map(self.holds, ("nodes.conf", *DATA)))

    @property
    def has_keys(self) -> bool:
        """Whether the data files contain more than an empty snapshot."""
        return any(
            not one.empty
            for name, one in self.files.items()
            if re.fullmatch(r"appendonly\.aof|dump\.rdb|appendonlydir/.+\.(aof|rdb)", name)
        )

    @property
    def written_at(self) -> float:
        """When data was last written, in seconds since the epoch; 0 for none."""
        logs = r"dump\.rdb|appendonly\.aof|appendonlydir/.+\.aof"
        found = (one.written for name, one in self.files.items() if re.fullmatch(logs, name))
        return max(found, default=0.0)

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
