"""A node's copy of its shard's data: what a start of the node would load from its folder; pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from redistopo.model.protocol.aof import parse_manifest, part_number
from redistopo.model.protocol.conf import Directives
from redistopo.model.protocol.data_files import data_file_name, logs
from redistopo.model.protocol.logged_data import part_later_than
from redistopo.model.protocol.rdb import RdbFacts
from redistopo.model.state.disk import LOG, DiskSeen, FileSeen
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCopy:
    """What a start would load.

    `file` is the file or folder that it reads, relative to the node's folder, "" if there is
    none; `empty` if a start would find no key. `damage` says why it would load less than was
    there, or not start at all; "" for a sound copy. `torn` if the damage is that the log's end
    was cut, which servers accept; `unlisted` if it is that the manifest and its files don't match.
    `lost` is what the files lack according to the stop record, or else to the server's log;
    `unsaved` if the node ended before
    it had saved everything, so that a replica may have more; `unread` are files with keys that
    a start would not read. `written` is when a command was last written to it, 0 if no date shows
    that, and `latest` the latest date of its files, in seconds since the epoch. `snapshot` are the
    facts of the snapshot that is all of it, None for a log.
    """

    file: str = ""
    empty: bool = True
    damage: str = ""
    torn: bool = False
    unlisted: bool = False
    lost: str = ""
    unsaved: bool = False
    unread: tuple[str, ...] = ()
    written: float = 0.0
    latest: float = 0.0
    snapshot: RdbFacts | None = None

    @property
    def fault(self) -> str:
        """Why this isn't all of the data that the node had; "" if nothing is known against it."""
        if self.damage or not self.file:
            return self.damage or "has no data"
        return self.lost or (f"{self.file} has no key" if self.empty else "")

    @property
    def sound(self) -> bool:
        """Whether it has keys, and nothing is known against it."""
        return not self.fault

    @property
    def offset(self) -> int:
        """The replication offset at which its snapshot was saved; 0 if unknown."""
        return (self.snapshot.offset or 0) if self.snapshot else 0

    def precedes(self, other: "DataCopy") -> bool | None:
        """Return whether the other copy has everything that this one has, and was saved later in
        the same replication history; None if their snapshots don't show that."""
        mine, theirs = self.snapshot, other.snapshot
        if mine is None or theirs is None or mine.offset is None or theirs.offset is None:
            return None
        if not mine.replication_id or mine.replication_id != theirs.replication_id:
            return None
        return mine.offset < theirs.offset


def data_copy(disk: DiskSeen, conf: Directives) -> DataCopy:
    """Determine what a start on that configuration would load.

    A server with an append-only file loads only that, otherwise only the snapshot (server.c,
    loadDataFromDisk); since Redis 7.0 the log is what its manifest names.
    """
    found = _log(disk, conf) if logs(conf) else _snapshot(disk, conf)
    read = {found.file, f"{found.file}/"} - {"", "/"}
    others = (name for name in _with_keys(disk, conf) if not _below(name, read))
    unsaved = disk.stopped is not None and not disk.stopped.saved
    dates = {
        name: one.written
        for name, one in disk.files.items()
        if one.size and _below(name, read) and not name.endswith(".manifest")
    }
    # a rewrite gives a log new files without a write: the base, the manifest, and an empty one
    wrote = [date for name, date in dates.items() if name == found.file or name.endswith(".aof")]
    return replace(
        found,
        lost=_lost(disk) or _older(disk, conf, found),
        unsaved=unsaved,
        unread=tuple(others),
        written=max(wrote, default=0.0),
        latest=max(dates.values(), default=0.0),
    )


def _below(name: str, read: Iterable[str]) -> bool:
    return any(name == one or (one.endswith("/") and name.startswith(one)) for one in read)


def _with_keys(disk: DiskSeen, conf: Directives) -> Iterator[str]:
    """Data files with keys, by the names of that configuration and the default ones."""
    snapshots = {data_file_name(conf, "dbfilename"), "dump.rdb"}
    folder, log = data_file_name(conf, "appenddirname"), data_file_name(conf, "appendfilename")
    for name, one in disk.files.items():
        inside = name.startswith(f"{folder}/{log}.") and name.endswith((".aof", ".rdb"))
        if not one.empty and (name in snapshots or name == log or inside):
            yield name


def _snapshot(disk: DiskSeen, conf: Directives) -> DataCopy:
    name = data_file_name(conf, "dbfilename")
    file = disk.files.get(name)
    if file is None:
        return DataCopy()
    damage = f"{name} is empty" if not file.size else unloadable(name, file)
    return DataCopy(file=name, empty=file.empty, damage=damage, snapshot=file.snapshot)


def _log(disk: DiskSeen, conf: Directives) -> DataCopy:
    log, folder = (data_file_name(conf, f"append{one}name") for one in ("file", "dir"))
    name = f"{folder}/{log}.manifest"
    if name in disk.manifests:
        return _listed(disk, folder, name)
    parts = [one for one in disk.files if one.startswith(f"{folder}/{log}.")]
    if full := [one for one in parts if not disk.files[one].empty]:
        why = f"{name} is missing, so a start ignores {', '.join(full)}"
        return DataCopy(file=folder, damage=why, unlisted=True)
    single = disk.files.get(log)
    if single is None or f"{folder}/" in disk.files:
        return DataCopy(file=folder if f"{folder}/" in disk.files else "")
    damage = unloadable(log, single) or _torn(log, single)
    return DataCopy(file=log, empty=single.empty, damage=damage, torn=single.torn)


def _listed(disk: DiskSeen, folder: str, name: str) -> DataCopy:
    """The log that a manifest names."""
    manifest = parse_manifest(disk.manifests[name])
    if manifest is None:
        why = "is damaged" if disk.manifests[name].strip() else "is empty"
        parts = name.removesuffix("manifest")
        listed = any(one.startswith(parts) and one != name for one in disk.files)
        return DataCopy(file=folder, damage=f"{name} {why}", unlisted=listed)
    places = [f"{folder}/{one}" for one in manifest.files]
    there = {one: disk.files[one] for one in places if one in disk.files}
    if missing := [one for one in places if one not in there]:
        return DataCopy(
            file=folder,
            empty=all(file.empty for file in there.values()),
            damage=f"{missing[0]} is missing",
            unlisted=True,
        )
    if unnamed := _unnamed(disk, name.removesuffix(".manifest"), places):
        return DataCopy(
            file=folder, empty=False, damage=f"{name} does not name {unnamed}", unlisted=True
        )
    base = f"{folder}/{manifest.base}"
    spoilt = next((why for one, file in there.items() if (why := unloadable(one, file))), "")
    if spoilt or (manifest.base and not there[base].size):
        return DataCopy(file=folder, empty=False, damage=spoilt or f"{base} is empty")
    damage = next((why for one, file in there.items() if (why := _torn(one, file))), "")
    empty = all(file.empty for file in there.values())
    return DataCopy(file=folder, empty=empty, damage=damage, torn=bool(damage))


def _unnamed(disk: DiskSeen, log: str, named: Iterable[str]) -> str:
    """The incremental file with commands that is later than all that the manifest names: a server
    names each one before it writes to it (aof.c, openNewIncrAofForAppend). "" for none."""
    form = re.compile(rf"{re.escape(log)}\.(\d+)\.incr\.aof")
    found = {name: int(one[1]) for name in disk.files if (one := form.fullmatch(name))}
    last = max((found[name] for name in named if name in found), default=0)
    later = (name for name, seq in found.items() if seq > last and disk.files[name].size)
    return next(later, "")


def unloadable(name: str, file: FileSeen) -> str:
    """Return why no server loads that file; "" if one does."""
    if file.foreign:
        return f"{name} is neither a snapshot nor a log"
    return f"{name} is cut off" if file.torn and file.snapshot is not None else ""


def _torn(name: str, file: FileSeen) -> str:
    return f"{name} ends in the middle of a command" if file.torn else ""


def _lost(disk: DiskSeen) -> str:
    """Which file has fewer bytes than when the node was stopped."""
    stopped = disk.stopped
    if stopped is None or not stopped.saved:
        return ""
    for name, size in stopped.files.items():
        file = disk.files.get(name)
        if size and file is None:
            return f"{name} is missing: it had {size:,} bytes when the node was stopped"
        if file is not None and file.size < size:
            return f"{name} has {file.size:,} bytes, {size:,} when the node was stopped"
    return ""


def _older(disk: DiskSeen, conf: Directives, found: DataCopy) -> str:
    """Why the data of a node that was killed isn't what its server had; "" if the server's log
    doesn't show that.

    A server writes to its log after it has created a file, and a copy that is put in place of the
    file has the date of its source. Where the log is a copy itself, its date shows nothing.
    """
    if disk.stopped is not None or disk.by_hand:
        return ""
    if not found.file:
        name = data_file_name(conf, "appenddirname" if logs(conf) else "dbfilename")
        had = disk.logged.ready if logs(conf) else disk.logged.snapshot
        return f"{name} is missing, which the server had according to its log" if had else ""
    files = {
        name: one
        for name, one in disk.files.items()
        if _below(name, {found.file, f"{found.file}/"})
    }
    if logs(conf) and (part := part_later_than(disk.logged, files)):
        return f"{found.file} is older than the server's log, which names {part}"
    log = disk.files.get(LOG)
    if log is None or log.copied or not disk.logged.ready:
        return ""
    when = "after the last entry of the server's log"
    for name, one in files.items():
        if name.endswith(".aof") and not one.size and one.written > log.written:
            return f"{name} was emptied {when}"
    name = _last_written(files)
    if name and files[name].copied and files[name].changed > log.written:
        return f"{name} was replaced, or its attributes were changed, {when}"
    return ""


def _last_written(files: Mapping[str, FileSeen]) -> str:
    """The file that a server wrote last: the latest part with commands, otherwise the base or the
    snapshot; "" for none."""
    full = [name for name, one in files.items() if one.size and not name.endswith(".manifest")]
    parts = [name for name in full if name.endswith(".aof")]
    return max(parts or full, key=part_number, default="")
