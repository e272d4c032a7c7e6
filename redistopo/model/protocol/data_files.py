"""Which files hold a stopped node's data, and how the node must therefore be started."""

from collections.abc import Mapping
from enum import StrEnum

from redistopo.model.protocol.conf import Directives, quote_argument, read_conf, with_values
from redistopo.quick_dataclass import dataclass

NAMES: Mapping[str, str] = {
    "dbfilename": "dump.rdb",
    "appendfilename": "appendonly.aof",
    "appenddirname": "appendonlydir",
}
"""The directives that name a node's data files, and their defaults."""


class Switch(StrEnum):
    """The persistence switch that a start needs so that the data is loaded."""

    NONE = "none"
    TO_LOG = "to log"  # load the snapshot, then create the append-only file
    TO_SNAPSHOT = "to snapshot"  # load the append-only file, then save a snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """When the data files were last written, in seconds since the epoch; 0 if missing."""

    snapshot: float
    log: float


def keeps_data(conf: Directives) -> bool:
    """Return whether a server with that configuration has persistence."""
    return logs(conf) or any(conf.get("save", ()))


def logs(conf: Directives) -> bool:
    """Return whether a server with that configuration uses an append-only file."""
    return conf.get("appendonly", ("no",))[-1].lower() == "yes"


def data_file_name(conf: Directives, name: str) -> str:
    """Return the file or folder that a directive of NAMES sets."""
    return conf.get(name, (NAMES[name],))[-1]


def switch(before: Directives | None, wanted: Directives, written: Written) -> Switch:
    """Choose the switch for a start; `before` is the node's last configuration, if known.

    A server loads only the append-only file if it uses one, otherwise only the snapshot.
    A node without one has its data in the snapshot, unless the log is newer: then an
    earlier switch was interrupted.
    """
    kept_log = logs(wanted if before is None else before)
    if written.log and (kept_log or written.log > written.snapshot):
        return Switch.NONE if logs(wanted) else Switch.TO_SNAPSHOT
    from_snapshot = before is None or not kept_log
    return Switch.TO_LOG if logs(wanted) and written.snapshot and from_snapshot else Switch.NONE


def renamed(before: Directives, wanted: Directives) -> dict[str, tuple[str, str]]:
    """Map directives to (old name, new name) of data files that a start would not find."""
    names = ("appenddirname", "appendfilename") if logs(before) else ("dbfilename",)
    pairs = {name: (data_file_name(before, name), data_file_name(wanted, name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def with_directives(text: str, values: Mapping[str, str]) -> str:
    """Set these directives in a redis.conf; those that it doesn't have yet only if they aren't
    the server's default."""
    known = read_conf(text)
    defaults = {**NAMES, "appendonly": "no"}
    fresh = {name: one for name, one in values.items() if name not in known}
    lines = [
        f"{name} {quote_argument(one)}" for name, one in fresh.items() if one != defaults[name]
    ]
    changed = {name: one for name, one in values.items() if known.get(name, (one,))[-1] != one}
    text = with_values(text, changed) if changed else text
    return "\n".join([text, *lines, ""]) if lines else text


def with_log(text: str, *, on: bool) -> str:
    """Set appendonly in a redis.conf."""
    value = "yes" if on else "no"
    changed = with_values(text, {"appendonly": value})
    return changed if "appendonly " in changed else f"{changed}\nappendonly {value}\n"
