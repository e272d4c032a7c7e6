"""What logs and witnesses told, as one timeline."""

from redistopo.drill.drill_report import TimelineKind
from redistopo.drill.server_log_events import LogEvent
from redistopo.drill.timeline import ServerEvents, SourcedEvent, merge_events

_CLOCK = 1000.0


def _told(
    who: str, after: float, kind: TimelineKind, text: str = "", about: str = ""
) -> SourcedEvent:
    return who, LogEvent(at=_CLOCK + after, kind=kind, text=text or kind.value, about=about)


def _lines(logs: list[SourcedEvent], asked: list[SourcedEvent], *victims: str) -> list[str]:
    heard = ServerEvents(
        clock=_CLOCK, victims=frozenset(victims), logs=tuple(logs), observed=tuple(asked)
    )
    return [f"{one.at:.1f} {one.source} {one.text}" for one in merge_events(heard)]


def test_the_first_to_suspect_and_to_mark_is_kept_for_each_victim() -> None:
    suspected, failed = TimelineKind.SUSPECTED, TimelineKind.FAILED
    asked = [
        _told("node5", 1.1, suspected, about="node1"),
        _told("node2", 1.0, suspected, about="node1"),
        _told("node2", 1.3, suspected, about="node3"),
        _told("node2", 1.6, failed, "sees", about="node1"),
    ]
    logs = [_told("node6", 1.5, failed, "marks", about="node1")]
    assert _lines(logs, asked) == [
        "1.0 node2 suspected",
        "1.3 node2 suspected",
        "1.5 node6 marks",
    ]


def test_what_a_log_tells_of_a_promotion_goes_before_what_was_asked() -> None:
    promoted = TimelineKind.PROMOTED
    logs = [_told("node4", 2.0, promoted, "won")]
    asked = [_told("node4", 2.1, promoted, "says"), _told("node6", 2.2, promoted, "says")]
    assert _lines(logs, asked) == ["2.0 node4 won", "2.2 node6 says"]


def test_the_cluster_is_down_at_the_first_word_and_up_at_the_last() -> None:
    note = TimelineKind.NOTE
    asked = [
        _told("node2", 1.0, note, "reports cluster_state:fail"),
        _told("node3", 1.1, note, "reports cluster_state:fail"),
        _told("node1", 1.2, note, "reports cluster_state:fail"),  # the victim, cut off
        _told("node3", 2.0, note, "reports cluster_state:ok"),
        _told("node2", 2.1, note, "reports cluster_state:ok"),
    ]
    assert _lines([], asked, "node1") == [
        "1.0 node2 reports cluster_state:fail",
        "1.2 node1 reports cluster_state:fail",
        "2.1 node2 reports cluster_state:ok",
    ]


def test_what_was_before_the_fault_is_left_out_and_repeats_are_told_once() -> None:
    note = TimelineKind.NOTE
    logs = [_told("node4", number, note, "can't take over yet") for number in (-1, 1, 2, 3)]
    assert _lines(logs, []) == ["1.0 node4 can't take over yet"]


def test_of_one_moment_the_cause_comes_first() -> None:
    logs = [
        _told("node4", 1.0, TimelineKind.ELECTION),
        _told("node4", 1.0, TimelineKind.FAILED, about="node1"),
        _told("node4", 1.0, TimelineKind.PROMOTED),
    ]
    assert _lines(logs, []) == ["1.0 node4 failed", "1.0 node4 election", "1.0 node4 promoted"]
