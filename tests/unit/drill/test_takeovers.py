"""What a drill may say of the takeovers that it waited for."""

import pytest

from redistopo.drill.drill_report import TimelineKind, TimelineMoment
from redistopo.drill.server_log_events import LogEvent
from redistopo.drill.takeovers import last_flagged, missing_takeovers
from redistopo.model.planning.promotability import Candidate, Promotability


def _takeover(primary: str, *names: str) -> Promotability:
    candidates = tuple(Candidate(name=name, behind=0) for name in names)
    return Promotability(primary=primary, shard=1, votes=2, voters=3, candidates=candidates)


def _promoted(at: float, node: str) -> TimelineMoment:
    return TimelineMoment(at=at, source=node, text="", kind=TimelineKind.PROMOTED)


_ONE = (_takeover("node1", "node4", "node7"),)
_TWO = (*_ONE, _takeover("node2", "node5"))


@pytest.mark.parametrize(
    ("takeovers", "promoted", "text"),
    [
        ((), [], ""),
        (_ONE, [(14.9, "node7")], ""),  # its log says so, whatever the drill saw
        (_ONE, [(14.9, "node5")], "no replica took over within 15 s"),
        (
            _ONE,
            [(17.04, "node4"), (30.0, "node4")],
            "no replica took over within 15 s; "
            "node4 did after 17.0 s, while the drill repaired the topology",
        ),
        (_TWO, [(7.0, "node4")], "no replica took over from node2 within 15 s"),
        (
            _TWO,
            [(16.0, "node4")],
            "no replica took over from node1, node2 within 15 s; "
            "node4 did after 16.0 s, while the drill repaired the topology",
        ),
    ],
)
def test_a_takeover_is_missing_only_if_no_server_reports_it(
    takeovers: tuple[Promotability, ...], promoted: list[tuple[float, str]], text: str
) -> None:
    moments = [_promoted(at, node) for at, node in promoted]
    others = [TimelineMoment(at=1.0, source="node4", text="votes", kind=TimelineKind.ELECTION)]
    assert missing_takeovers(takeovers, [*others, *moments], 15.3) == text


def test_all_victims_have_to_be_flagged() -> None:
    def flag(at: float, about: str, kind: TimelineKind = TimelineKind.SUSPECTED) -> LogEvent:
        return LogEvent(at=at, kind=kind, text="", about=about)

    assert last_flagged(["node1"], []) is None
    assert last_flagged([], [flag(1.0, "node1")]) is None
    events = [flag(5.0, "node1"), flag(6.0, "node1", TimelineKind.FAILED), flag(7.0, "node3")]
    assert last_flagged(["node1"], events) == 5.0
    assert last_flagged(["node1", "node2"], events) is None
    events += [flag(8.0, "node2", TimelineKind.REPAIRED), flag(9.0, "node2", TimelineKind.FAILED)]
    assert last_flagged(["node1", "node2"], events) == 9.0
