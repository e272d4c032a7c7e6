"""What a start would load from a folder, and what is known against it."""

from dataclasses import replace

import pytest

from redistopo.model.protocol.conf import read_conf
from redistopo.model.protocol.logged_data import LoggedData
from redistopo.model.protocol.rdb import RdbFacts
from redistopo.model.state.data_copy import data_copy
from redistopo.model.state.disk import LOG as LOG_NAME
from redistopo.model.state.disk import DiskSeen, FileSeen
from redistopo.model.state.stop_record import StopRecord

FULL, NONE = FileSeen(written=5, size=9), FileSeen(written=5, size=0, empty=True)
SNAPSHOT = replace(FULL, snapshot=RdbFacts(keys=2))
BARE = replace(FULL, snapshot=RdbFacts(keys=0, empty=True), empty=True)
FOLDER = FileSeen(written=1, size=0, empty=True)
D = "appendonlydir/appendonly.aof"
WHOLE = {"appendonlydir/": FOLDER, f"{D}.1.base.rdb": BARE, f"{D}.1.incr.aof": FULL}
MANIFEST = (
    "file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n"
)
LOG, RDB = "appendonly yes", "appendonly no"


def _without(name: str) -> dict[str, FileSeen]:
    return {one: file for one, file in WHOLE.items() if one != name}


# configuration, files, the manifest, the fault, whether a key would be found
COPIES = [
    (LOG, {}, None, "has no data", False),
    (LOG, WHOLE, MANIFEST, "", True),
    (LOG, {**WHOLE, f"{D}.1.incr.aof": NONE}, MANIFEST, "appendonlydir has no key", False),
    (
        LOG,
        WHOLE,
        None,
        f"{D}.manifest is missing, so a start ignores {D}.1.incr.aof",
        False,
    ),
    (LOG, WHOLE, "", f"{D}.manifest is empty", False),
    (LOG, WHOLE, "file x", f"{D}.manifest is damaged", False),
    (LOG, _without(f"{D}.1.incr.aof"), MANIFEST, f"{D}.1.incr.aof is missing", False),
    (LOG, {**WHOLE, f"{D}.1.base.rdb": NONE}, MANIFEST, f"{D}.1.base.rdb is empty", True),
    (
        LOG,
        {**WHOLE, f"{D}.1.base.rdb": replace(SNAPSHOT, torn=True)},
        MANIFEST,
        f"{D}.1.base.rdb is cut off",
        True,
    ),
    (
        LOG,
        {**WHOLE, f"{D}.1.incr.aof": replace(FULL, torn=True)},
        MANIFEST,
        f"{D}.1.incr.aof ends in the middle of a command",
        True,
    ),
    (
        LOG,
        {**WHOLE, f"{D}.1.incr.aof": replace(FULL, foreign=True)},
        MANIFEST,
        f"{D}.1.incr.aof is neither a snapshot nor a log",
        True,
    ),
    (LOG, {"appendonly.aof": FULL}, None, "", True),  # Redis 6.2
    (LOG, {"dump.rdb": SNAPSHOT}, None, "has no data", False),
    (RDB, {"dump.rdb": SNAPSHOT}, None, "", True),
    (RDB, {"dump.rdb": replace(SNAPSHOT, torn=True)}, None, "dump.rdb is cut off", True),
    (RDB, {"dump.rdb": BARE}, None, "dump.rdb has no key", False),
    (f"{RDB}\ndbfilename b.rdb", {"dump.rdb": SNAPSHOT}, None, "has no data", False),
    (f"{RDB}\ndbfilename b.rdb", {"b.rdb": SNAPSHOT}, None, "", True),
]


@pytest.mark.parametrize(("conf", "files", "manifest", "fault", "keys"), COPIES)
def test_what_a_start_would_load(
    conf: str, files: dict[str, FileSeen], manifest: str | None, fault: str, keys: bool
) -> None:
    manifests = {} if manifest is None else {f"{D}.manifest": manifest}
    found = data_copy(DiskSeen(files=files, manifests=manifests), read_conf(conf))
    assert (found.fault, not found.empty) == (fault, keys)


def test_files_that_a_start_does_not_read_are_named() -> None:
    disk = DiskSeen(files={**WHOLE, "dump.rdb": SNAPSHOT}, manifests={f"{D}.manifest": MANIFEST})
    assert data_copy(disk, read_conf(LOG)).unread == ("dump.rdb",)
    assert data_copy(disk, read_conf(RDB)).unread == (f"{D}.1.incr.aof",)


@pytest.mark.parametrize(
    ("sizes", "lost"),
    [
        ({f"{D}.1.incr.aof": 9}, ""),
        ({f"{D}.1.incr.aof": 5}, ""),
        ({f"{D}.1.incr.aof": 1200}, f"{D}.1.incr.aof has 9 bytes, 1,200 when the node was stopped"),
        ({"gone.rdb": 5}, "gone.rdb is missing: it had 5 bytes when the node was stopped"),
    ],
)
def test_less_than_at_the_stop_is_told(sizes: dict[str, int], lost: str) -> None:
    record = StopRecord(role="master", keys=1, offset=1, files=sizes)
    disk = DiskSeen(files=WHOLE, manifests={f"{D}.manifest": MANIFEST}, stopped=record)
    assert data_copy(disk, read_conf(LOG)).fault == lost
    killed = replace(disk, stopped=replace(record, saved=False))
    assert data_copy(killed, read_conf(LOG)).fault == ""


RAN = LoggedData(ready=True, part="appendonly.aof.1.incr.aof", snapshot=True)
END = FileSeen(written=100, size=9, changed=100)
OWN, PUT = replace(FULL, changed=5.5), replace(FULL, changed=101)
BESIDE = {LOG_NAME: END}
LATE = "after the last entry of the server's log"
REPLACED = f"was replaced, or its attributes were changed, {LATE}"

# configuration, what the log of a server that was killed says, its files, what they lack
KILLED = [
    (LOG, RAN, {**WHOLE, f"{D}.1.incr.aof": OWN, **BESIDE}, ""),
    (LOG, LoggedData(), {}, "has no data"),  # it never ran
    (LOG, RAN, {}, "appendonlydir is missing, which the server had according to its log"),
    (RDB, RAN, {}, "dump.rdb is missing, which the server had according to its log"),
    (RDB, replace(RAN, snapshot=False), {}, "has no data"),  # it has saved none yet
    (
        LOG,
        replace(RAN, part="appendonly.aof.3.base.rdb"),
        WHOLE,
        "appendonlydir is older than the server's log, which names appendonly.aof.3.base.rdb",
    ),
    (
        LOG,
        RAN,
        {**WHOLE, f"{D}.1.incr.aof": PUT, **BESIDE},
        f"{D}.1.incr.aof {REPLACED}",
    ),
    (
        RDB,
        RAN,
        {"dump.rdb": replace(SNAPSHOT, changed=101), **BESIDE},
        f"dump.rdb {REPLACED}",
    ),
    (
        LOG,
        RAN,
        {
            **WHOLE,
            f"{D}.1.base.rdb": SNAPSHOT,
            f"{D}.1.incr.aof": replace(NONE, written=101, changed=101),
            **BESIDE,
        },
        f"{D}.1.incr.aof was emptied {LATE}",
    ),
    # a link to it was made, as for a backup, and commands were written since
    (LOG, RAN, {**WHOLE, f"{D}.1.base.rdb": replace(SNAPSHOT, changed=101), **BESIDE}, ""),
    # no write since a rewrite or the first start
    (
        LOG,
        RAN,
        {**WHOLE, f"{D}.1.base.rdb": SNAPSHOT, f"{D}.1.incr.aof": NONE, **BESIDE},
        "",
    ),
    # renamed long after its last write, but before the last entry: as by a rewrite on a slow disk
    (LOG, RAN, {**WHOLE, f"{D}.1.incr.aof": replace(FULL, changed=99), **BESIDE}, ""),
    # the log is a copy, too, as in a project that was copied, or prints no entries of that kind
    (
        LOG,
        RAN,
        {**WHOLE, f"{D}.1.incr.aof": PUT, LOG_NAME: replace(END, changed=102)},
        "",
    ),
    (LOG, LoggedData(), {**WHOLE, f"{D}.1.incr.aof": PUT, **BESIDE}, ""),
    (LOG, RAN, {**WHOLE, f"{D}.1.incr.aof": PUT}, ""),
]


@pytest.mark.parametrize(("conf", "logged", "files", "fault"), KILLED)
def test_less_than_the_log_of_a_killed_server_shows_is_told(
    conf: str, logged: LoggedData, files: dict[str, FileSeen], fault: str
) -> None:
    manifests = {f"{D}.manifest": MANIFEST} if f"{D}.1.incr.aof" in files else {}
    disk = DiskSeen(files=files, manifests=manifests, logged=logged)
    seen = data_copy(disk, read_conf(conf))
    assert (seen.lost or seen.fault) == fault
    by_hand = replace(disk, by_hand=True)  # its server may have had another log
    assert data_copy(by_hand, read_conf(conf)).fault == ("" if files else "has no data")
