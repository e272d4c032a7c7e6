"""Unit tests of redistopo.model.state.stop_record: a record is outdated by later writes only."""

import pytest

from redistopo.model.state.stop_record import StopRecord, is_outdated

BASE, INCR = "appendonlydir/appendonly.aof.2.base.rdb", "appendonlydir/appendonly.aof.2.incr.aof"
RECORD = StopRecord(role="master", keys=9, offset=1, files={BASE: 100, INCR: 50, "dump.rdb": 100})
BEFORE, AFTER = (INCR.replace(".2.", f".{part}.") for part in (1, 3))


@pytest.mark.parametrize(
    ("sizes", "outdated"),
    [
        ({BASE: 100, INCR: 50, "dump.rdb": 100}, False),
        ({BASE: 100, INCR: 51, "dump.rdb": 100}, True),
        ({BASE: 100, INCR: 25, "dump.rdb": 100}, False),
        ({AFTER.replace("incr.aof", "base.rdb"): 120, AFTER: 0, "dump.rdb": 100}, True),
        ({BASE: 100, INCR: 50, AFTER: 0, "dump.rdb": 100}, False),
        ({BEFORE: 9000, "dump.rdb": 90}, False),
        ({"dump.rdb": 101}, True),
        ({"redis.log": 9000}, False),
        ({}, False),
    ],
)
def test_a_record_is_outdated_by_what_was_written_since(
    sizes: dict[str, int], outdated: bool
) -> None:
    assert is_outdated(RECORD, sizes) is outdated
