"""Lines of logs: their time and level, what belongs together, and how logs are merged."""

import heapq
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redistopo.model.protocol.server_log import Arrivals, entries, read_head


@pytest.fixture(autouse=True)
def _kathmandu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A zone that is no whole hour off, so that no mistake with zones goes unseen."""
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


AT = 1795405652.949  # 2026-11-23 09:32:32.949 in Kathmandu, 03:47:32 UTC


@pytest.mark.parametrize(
    ("line", "at", "level"),
    [
        ("4894:M 23 Nov 2026 09:32:32.949 * Server initialized", AT, "notice"),
        ("4894:S 23 Nov 2026 09:32:32.949 # Connection lost.", AT, "warning"),
        ("4894:C 23 Nov 2026 09:32:32.949 - DB 0: 1 keys", AT, "verbose"),
        ("4894:X 23 Nov 2026 09:32:32.949 . a debug line", AT, "debug"),
        ("4973:M 2026-11-23T09:32:32.949+05:45 * Server initialized", AT, "notice"),
        ("4973:M 2026-11-23T03:47:32.949+00:00 * Server initialized", AT, "notice"),
        ("4992:M 1795405652949 * Ready to accept connections tcp", AT, "notice"),
        (
            'pid=50 role=primary timestamp="23 Nov 2026 09:32:32.949" level=warning message="x"',
            AT,
            "warning",
        ),
        (
            'pid=50 role=RDB/AOF timestamp="2026-11-23T03:47:32.949Z" level=notice message="x"',
            AT,
            "notice",
        ),
        ('pid=50 role=replica timestamp="1795405652949" level=debug message="x"', AT, "debug"),
        ("4894:signal-handler (1795405652) Received SIGTERM scheduling", 1795405652.0, "warning"),
    ],
)
def test_each_format_of_each_version(line: str, at: float, level: str) -> None:
    head = read_head(line)
    assert head is not None
    assert head.at == pytest.approx(at, abs=0.0005)
    assert head.level == level


@pytest.mark.parametrize(
    "line",
    [
        "",
        "           _.-``__ ''-._",
        "# redistopo starts this server",
        "*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***",
        "4894:M 23 Foo 2026 09:32:32.949 * no such month",
        "4894:M 23 Nov 2026 09:32:32 * no milliseconds",
        " 4894:M 23 Nov 2026 09:32:32.949 * not at the beginning",
        "4894:M 2026-13-23T09:32:32.949+05:45 * no such month",
    ],
)
def test_a_line_without_a_time(line: str) -> None:
    assert read_head(line) is None


def _line(second: int, text: str) -> str:
    return f"1:M 23 Nov 2026 09:00:{second:02d}.000 * {text}"


def test_lines_without_a_time_stay_with_the_line_before() -> None:
    log = ["first of all", _line(1, "a"), "  picture", "  more of it", _line(2, "b")]
    assert [one.text.split("\n") for one in entries("node1", log)] == [
        ["first of all"],
        [_line(1, "a"), "  picture", "  more of it"],
        [_line(2, "b")],
    ]


def test_a_clock_that_goes_back_changes_no_order() -> None:
    log = [_line(30, "a"), _line(10, "b"), _line(31, "c")]
    other = [_line(20, "x"), _line(40, "y")]
    merged = heapq.merge(entries("node1", log), entries("node2", other), key=lambda one: one.at)
    assert [one.text[-1] for one in merged] == ["x", "a", "b", "c", "y"]


@given(st.lists(st.sampled_from([_line(5, "x"), _line(3, "y"), "more", ""]), max_size=12))
def test_nothing_is_lost_or_moved(log: list[str]) -> None:
    found = list(entries("node1", log))
    assert [line for one in found for line in one.text.split("\n")] == log
    assert [one.at for one in found] == sorted(one.at for one in found)


def test_what_arrives_has_the_time_of_the_line_it_goes_on_with() -> None:
    arrivals = Arrivals()
    first, more = arrivals.entry("node1", _line(1, "a"))
    assert not more
    arrivals.entry("node2", _line(2, "b"))
    second, more = arrivals.entry("node1", "  goes on")
    assert more
    assert (second.at, second.level) == (first.at, "notice")
