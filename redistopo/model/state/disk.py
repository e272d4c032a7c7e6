"""What lies in a node's folder: everything that a decision needs from disk, read once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from redistopo.model.protocol.conf import Directives, read_conf
from redistopo.model.protocol.data_files import Written, data_file_name
from redistopo.model.protocol.sentinel_replies import SentinelFileState, read_sentinel_file

DATA = ("appendonlydir", "appendonly.aof", "dump.rdb")
"""What holds a node's keys, by the names that it has unless a directive changes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSeen:
    """When a file was last written, in seconds since the epoch, and its bytes; `empty` is a
    snapshot without a key, or a file without a byte."""

    written: float
    size: int
    empty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskSeen:
    """A node's folder at one moment.

    `files` has what is in it and one folder below, by relative path, folders with a ``/`` at
    their end. The texts are None where there is no such file: `config` is what the node starts
    on (a Sentinel's own memory), `started` what it was last started on, `users` and `listed`
    its ACL file and what ACL LIST replied. `refusal` is the line of the log with which a
    stopped node's last start ended at its nodes.conf.
    """

    files: Mapping[str, FileSeen] = field(default_factory=dict)
    config: str | None = field(default=None, repr=False)
    started: str | None = field(default=None, repr=False)
    users: str | None = field(default=None, repr=False)
    listed: str | None = None
    nodes_conf: str | None = None
    refusal: str = ""

    def holds(self, name: str) -> bool:
        """Whether that file or folder is there."""
        return name in self.files or f"{name}/" in self.files

    @property
    def has_data(self) -> bool:
        """Whether Redis has left anything that a start would read."""
        return any(map(self.holds, ("nodes.conf", *DATA)))

    @property
    def has_keys(self) -> bool:
        """Whether the data files hold more than an empty snapshot."""
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
        """The state in a Sentinel's own file; None where it has none yet."""
        return read_sentinel_file(read_conf(self.config)) if self.config else None

    @property
    def damage(self) -> str:
        """Why the node would come back as a stranger to its cluster, or why no server takes its
        nodes.conf as it stands; "" where it is whole.

        Servers write the line `vars` last (cluster_legacy.c, clusterSaveConfig), and start
        without it: on fewer nodes, be it on the own line alone, and on no memory of what they
        voted for.
        """
        text = self.nodes_conf
        if text is None:
            return "missing"
        if not text.strip("\0 \n"):
            return "empty"
        return "" if re.search(r"^vars ", text, re.MULTILINE) else "cut off"

    def written(self, conf: Directives) -> Written:
        """When the snapshot and the append-only file of that configuration were last written.

        From Redis 7.0 on the log is a folder, and what its manifest doesn't name is no log yet;
        before, a file, which is empty while its first content is being written.
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
