"""Steps as text."""

import pytest

from redistopo.model.planning.step import join_moves
from redistopo.model.protocol.slots import SlotRange
from redistopo.model.state.job import SlotMove


@pytest.mark.parametrize(
    ("last", "said"), [(0, "move 1 slot from a to b"), (9, "move 10 slots from a to b")]
)
def test_moves_are_counted(last: int, said: str) -> None:
    assert join_moves([SlotMove(source="a", target="b", slots=(SlotRange(0, last),))]) == said
