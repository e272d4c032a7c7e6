"""What servers' logs say about their data files: lines as Redis 6.2 to 8 and Valkey print them."""

import pytest

from redistopo.model.protocol.logged_data import LoggedData, logged_data, part_later_than

READY = "* Ready to accept connections tcp\n"
LINES = [
    ("", LoggedData()),
    (READY, LoggedData(ready=True)),
    (
        "* Valkey version=8.1.8, bits=64, commit=0, just started\n" + READY,
        LoggedData(ready=True, engine="valkey 8.1.8"),
    ),
    ("# Redis version=7.0.15, bits=64, commit=0, just started\n", LoggedData()),  # it ended at once
    ("* DB saved on disk\n", LoggedData(snapshot=True)),
    ("* DB loaded from disk: 0.000 seconds\n", LoggedData(snapshot=True)),
    ("* Background saving terminated with success\n", LoggedData(snapshot=True)),
    ("* Background RDB transfer terminated with success\n", LoggedData()),  # to a replica
    (
        "* DB loaded from incr file a.aof.9.incr.aof: 0.000 seconds\n",
        LoggedData(part="a.aof.9.incr.aof"),
    ),
    (
        "* Creating AOF incr file a.aof.2.incr.aof on server start\n",
        LoggedData(part="a.aof.2.incr.aof"),
    ),
    (
        "* Opening AOF incr file a.aof.2.incr.aof on server start\n",
        LoggedData(part="a.aof.2.incr.aof"),
    ),
    (
        "* Creating AOF incr file temp-a.aof.incr on background rewrite\n"
        "* Successfully renamed the temporary AOF base file temp-rewriteaof-bg-7.aof into "
        "a.aof.10.base.rdb\n"
        "* Removing the history file a.aof.9.incr.aof in the background\n"
        "* Opening AOF incr file a.aof.9.incr.aof on server start\n",
        LoggedData(part="a.aof.10.base.rdb"),
    ),
    ("# Can't open the append-only file a.aof.4.incr.aof: No space left on device\n", LoggedData()),
    (
        "# Error trying to rename the temporary AOF incr file temp-a.aof.incr into "
        "a.aof.4.incr.aof: No space left on device\n",
        LoggedData(),
    ),
]


@pytest.mark.parametrize(("log", "said"), LINES)
def test_what_a_log_says(log: str, said: LoggedData) -> None:
    assert logged_data(log) == said


def test_only_a_later_part_is_one_that_is_lacking() -> None:
    log = LoggedData(part="a.aof.10.incr.aof")
    assert part_later_than(log, ["a.aof.9.incr.aof", "a.aof.manifest"]) == "a.aof.10.incr.aof"
    assert part_later_than(log, ["a.aof.9.base.rdb", "a.aof.11.incr.aof"]) == ""
    assert part_later_than(LoggedData(), []) == ""
