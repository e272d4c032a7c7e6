"""Snapshots of one replication history: which node's has everything that the others have."""

import pytest

from redistopo.model.planning.snapshot_history import latest_snapshot
from redistopo.model.protocol.rdb import RdbFacts
from redistopo.model.state.data_copy import DataCopy


def _copy(offset: int | None, history: str = "a", damage: str = "") -> DataCopy:
    facts = RdbFacts(keys=1, replication_id=history, offset=offset)
    return DataCopy(file="dump.rdb", empty=False, damage=damage, snapshot=facts)


LOG = DataCopy(file="appendonlydir", empty=False)

# the primary's copy, those of node2 and node3, which is primary
CHOSEN = [
    (_copy(5), (_copy(9), _copy(7)), "node2"),
    (_copy(5), (_copy(9), _copy(12)), "node3"),
    (_copy(5), (_copy(5), _copy(4)), ""),  # the primary has everything
    (_copy(5), (_copy(9), DataCopy()), "node2"),
    (_copy(5), (_copy(9, damage="is cut off"), _copy(7)), "node3"),
    (_copy(5), (_copy(9), _copy(1, "b")), ""),  # node3 may have what node2 lacks
    (_copy(5, "b"), (_copy(9), _copy(7)), ""),
    (_copy(5, ""), (_copy(9, ""), _copy(7, "")), ""),
    (_copy(None), (_copy(9), _copy(7)), ""),
    (LOG, (_copy(9), LOG), ""),
]


@pytest.mark.parametrize(("lead", "others", "chosen"), CHOSEN)
def test_the_node_with_everything_is_primary(
    lead: DataCopy, others: tuple[DataCopy, DataCopy], chosen: str
) -> None:
    assert latest_snapshot(lead, dict(zip(("node2", "node3"), others, strict=True))) == chosen
