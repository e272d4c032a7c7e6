"""Which file holds a stopped node's data."""

import pytest

from redistopo.model.protocol.conf import Directives
from redistopo.model.protocol.data_files import Switch, Written, switch

LOG = {"appendonly": ("yes",)}
NONE = {"appendonly": ("no",)}


@pytest.mark.parametrize(
    ("before", "wanted", "snapshot", "log", "expected"),
    [
        (NONE, LOG, 2, 0, Switch.TO_LOG),
        (NONE, LOG, 2, 1, Switch.TO_LOG),
        (NONE, LOG, 1, 2, Switch.NONE),  # a live switch was cut off: the log is newer
        (NONE, LOG, 0, 0, Switch.NONE),
        (None, LOG, 2, 0, Switch.TO_LOG),
        (None, LOG, 2, 1, Switch.NONE),
        (LOG, LOG, 2, 1, Switch.NONE),
        (LOG, LOG, 2, 0, Switch.NONE),
        (LOG, NONE, 2, 1, Switch.TO_SNAPSHOT),
        (LOG, NONE, 2, 0, Switch.NONE),
        (NONE, NONE, 1, 2, Switch.TO_SNAPSHOT),
        (NONE, NONE, 2, 1, Switch.NONE),
        (None, NONE, 2, 1, Switch.NONE),
    ],
)
def test_the_start_reads_what_holds_the_data(
    before: Directives | None, wanted: Directives, snapshot: int, log: int, expected: Switch
) -> None:
    written = Written(snapshot=snapshot, log=log)
    assert switch(before, wanted, written) is expected
