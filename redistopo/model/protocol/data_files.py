"""Which of a stopped node's files holds its data, and so how it must be started."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from redistopo.model.protocol.conf import Directives, with_values

NAMES: Mapping[str, str] = {
    "dbfilename": "dump.rdb",
    "appendfilename": "appendonly.aof",
    "appenddirname": "appendonlydir",
}
"""The directives that name a node's data, and what they are where nobody sets them."""


class Switch(StrEnum):
    """What a start must do so that the data is found."""

    NONE = "none"
    TO_LOG = "to log"  # load the snapshot, then begin the append-only file
    TO_SNAPSHOT = "to snapshot"  # load the append-only file, then save a snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """When the data files were last written, in seconds since the epoch; 0 for none."""

    snapshot: float
    log: float


def logs(conf: Directives) -> bool:
    """Whether a server with that configuration keeps an append-only file."""
    return conf.get("appendonly", ("no",))[-1].lower() == "yes"


def data_file_name(conf: Directives, name: str) -> str:
    """The file or folder that a directive of NAMES names."""
    return conf.get(name, (NAMES[name],))[-1]


def switch(before: Directives | None, wanted: Directives, written: Written) -> Switch:
    """What a start must do; `before` is how the node last ran, None where nobody knows.

    A server reads the append-only file alone where it keeps one, and else the snapshot
    alone. A node that kept none has its data in the snapshot, unless the log is newer: then
    a switch was cut off.
    """
    kept_log = logs(wanted if before is None else before)
    if written.log and (kept_log or written.log > written.snapshot):
        return Switch.NONE if logs(wanted) else Switch.TO_SNAPSHOT
    from_snapshot = before is None or not kept_log
    return Switch.TO_LOG if logs(wanted) and written.snapshot and from_snapshot else Switch.NONE


def renamed(before: Directives, wanted: Directives) -> dict[str, tuple[str, str]]:
    """Directive -> (name before, name wanted) of the data that a start would not find."""
    names = ("appenddirname", "appendfilename") if logs(before) else ("dbfilename",)
    pairs = {name: (data_file_name(before, name), data_file_name(wanted, name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def with_log(text: str, *, on: bool) -> str:
    """The same redis.conf, with or without an append-only file."""
    value = "yes" if on else "no"
    changed = with_values(text, {"appendonly": value})
    return changed if "appendonly " in changed else f"{changed}\nappendonly {value}\n"
