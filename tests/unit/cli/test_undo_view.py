"""What `undo` prints."""

import pytest

from redistopo.cli.views.undo import show_undone
from redistopo.ops.undo import UndoResult


@pytest.mark.parametrize(
    ("slots", "line"),
    [
        (0, "  in 2.50 s; all nodes agree"),  # a move of addresses, or of a shape without slots
        (1, "  1 slot moved back in 2.50 s; all nodes agree"),
    ],
)
def test_slots_are_named_if_any_moved(
    capsys: pytest.CaptureFixture[str], slots: int, line: str
) -> None:
    done = UndoResult(command="redistopo move --port 7000", slots=slots, file=False, seconds=2.5)
    show_undone(done)
    assert capsys.readouterr().out.splitlines() == ["Taken back: redistopo move --port 7000", line]
