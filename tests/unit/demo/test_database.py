"""The demo's database: an SQLite file, as it is and as it shouldn't be."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from support.caches import at_once

from redistopo.demo.database import DatabaseAway, Items


@pytest.fixture
def items(tmp_path: Path) -> Items:
    return Items.seeded(tmp_path / "items.db")


def test_it_is_seeded_once_and_kept(items: Items, tmp_path: Path) -> None:
    assert items.ids() == [str(n) for n in range(1, 101)]
    row = items.load("7")
    assert row is not None
    assert (row["id"], row["name"]) == ("7", "Item 7")
    changed = items.change("7", name="<b>é</b>")
    assert changed is not None
    assert changed["name"] == "<b>é</b>"
    assert changed["description"] == row["description"]
    assert changed["timestamp"] > row["timestamp"]
    assert Items.seeded(tmp_path / "items.db").load("7") == changed


def test_at_the_same_moment_it_is_seeded_once(tmp_path: Path) -> None:
    made = at_once(4, lambda _: Items.seeded(tmp_path / "items.db").ids())
    assert [len(ids) for ids in made] == [100] * 4


@pytest.mark.parametrize("id", ["101", "", "'; --", "\ud800", "\0", "1\n", "é" * 100_000])
def test_there_is_no_such_row(items: Items, id: str) -> None:
    assert items.load(id) is None
    if id != "\ud800":
        assert items.change(id, name="x") is None


def test_text_that_is_none_is_refused(items: Items) -> None:
    with pytest.raises(ValueError, match="can't be stored"):
        items.change("1", name="\ud800")


def test_a_read_takes_as_long_as_was_asked_for(items: Items) -> None:
    items.delay = 0.05
    began = time.monotonic()
    items.load("1")
    assert time.monotonic() - began >= 0.05


def test_a_missing_file_and_one_that_is_no_database(items: Items, tmp_path: Path) -> None:
    with pytest.raises(DatabaseAway, match=r"gone\.db"):
        Items(tmp_path / "gone.db").load("1")
    assert not (tmp_path / "gone.db").exists()
    (tmp_path / "text.db").write_text("I am no database, and never was one. " * 9)
    for broken in (Items(tmp_path / "text.db").load, lambda _: Items.seeded(tmp_path / "text.db")):
        with pytest.raises(DatabaseAway, match="not a database"):
            broken("1")
    with pytest.raises(DatabaseAway, match="unable to open"):
        Items.seeded(tmp_path / "no" / "such" / "folder.db")


def test_a_file_of_somebody_else(tmp_path: Path) -> None:
    path = tmp_path / "theirs.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE orders (id INTEGER)")
        database.commit()
    with pytest.raises(DatabaseAway, match="not the demo's"):
        Items.seeded(path)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("orders",)]


def test_a_locked_file(items: Items, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "items.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        with pytest.raises(DatabaseAway, match="locked"):
            items.load("1")
        assert time.monotonic() - began < 4
        other.execute("ROLLBACK")
    assert items.load("1") is not None
