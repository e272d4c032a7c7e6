"""Files that grow, are cut short, replaced, or come late, followed without a line lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from redistopo.host.follow_logs import Log, follow


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "redis.log"


@pytest.fixture
def log(path: Path) -> Iterator[Log]:
    made = Log(name="node1", path=path)
    yield made
    made.close()


def _add(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def _old(line: str) -> bool:
    return line < "0500000"


def test_history_ends_at_the_last_whole_line_and_the_rest_is_added(path: Path, log: Log) -> None:
    _add(path, "one\ntwo\nhal")
    history = log.history()
    _add(path, "f\nthree\n")
    assert list(history) == ["one", "two"]
    assert log.added() == ["half", "three"]
    assert log.added() == []


@pytest.mark.parametrize("lines", [0, 1, 600000])
def test_of_a_long_log_only_the_end_is_read(path: Path, lines: int) -> None:
    path.write_text("".join(f"{number:07d}\n" for number in range(lines)))
    found = list(Log(name="node1", path=path).history(_old))
    wanted = [f"{number:07d}" for number in range(500000, lines)]
    assert found[-len(wanted) :] == wanted if wanted else len(found) == lines
    if lines == 600000:
        assert len(found) < 350000  # a step back of 4 MB at most


def test_cut_short_and_written_anew(path: Path, log: Log) -> None:
    _add(path, "one\ntwo\n")
    list(log.history())
    assert log.added() == []
    path.write_text("1\n")
    assert log.added() == ["1"]


def test_rotated_while_it_is_written(path: Path, log: Log) -> None:
    _add(path, "one\n")
    list(log.history())
    assert log.added() == []
    _add(path, "two\n")
    path.rename(path.with_name("redis.log.1"))
    _add(path, "three, and longer than all before\n")
    assert log.added() == ["two"]
    assert log.added() == ["three, and longer than all before"]


def test_a_log_that_comes_late_or_goes(path: Path, log: Log) -> None:
    assert list(log.history()) == []
    assert log.added() == []
    _add(path, "one\n")
    assert log.added() == ["one"]
    path.unlink()
    assert log.added() == []
    _add(path, "again\n")
    assert log.added() == ["again"]


def test_following_takes_up_logs_of_nodes_that_start_later(tmp_path: Path) -> None:
    first, late = tmp_path / "1.log", tmp_path / "2.log"
    _add(first, "before\n")
    known = Log(name="node1", path=first)
    list(known.history())
    files = {"node1": first}
    lines: Iterator[tuple[str, str]] = follow([known], lambda: files)
    _add(first, "one\n")
    assert next(lines) == ("node1", "one")
    files["node2"] = late
    _add(late, "two\n")
    assert next(lines) == ("node2", "two")
    assert known.file is not None
    lines.close()  # type: ignore[attr-defined]
    assert known.file is None
