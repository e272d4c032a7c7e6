"""Deadlines."""

from redistopo.host.polling import Deadline


def test_a_deadline_can_be_postponed_but_not_brought_forward() -> None:
    deadline = Deadline(0.0)
    assert deadline.over
    deadline.leave(100.0)
    assert 99.0 < deadline.left <= 100.0
    deadline.leave(1.0)
    assert deadline.left > 99.0
