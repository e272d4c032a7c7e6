"""The database behind the demo's cache: items in an SQLite file, with an artificial delay."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

_SEEDED = 100
_BUSY_SECONDS = 1.0
_NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"


class DatabaseAway(Exception):
    """The file is missing, locked, or not a database of the demo; the text is the reason."""


class Items:
    """Rows of id, name, description and timestamp (UTC, of the last change); thread-safe.

    Each call opens a connection of its own: SQLite's are cheap, and belong to one thread. `delay`
    is the minimum duration of a read in seconds, and can be changed at any time. Each method
    raises DatabaseAway.
    """

    def __init__(self, path: Path, delay: float = 0.0) -> None:
        self._path = path
        self.delay = delay

    @classmethod
    def seeded(cls, path: Path, delay: float = 0.0) -> "Items":
        """Open the file; create a missing file with the items "1" to "100"."""
        items = cls(path, delay)
        with items._connected("rwc") as database:
            database.execute("BEGIN IMMEDIATE")  # of two concurrent calls the second finds it done
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
            if tables and "items" not in tables:
                raise DatabaseAway("it holds other tables, so it is not the demo's")
            database.execute(
                "CREATE TABLE IF NOT EXISTS items (id TEXT PRIMARY KEY, name TEXT NOT NULL,"
                " description TEXT NOT NULL, timestamp TEXT NOT NULL)"
            )
            if not database.execute("SELECT 1 FROM items LIMIT 1").fetchone():
                database.executemany(
                    f"INSERT INTO items VALUES (?, ?, ?, {_NOW})",  # noqa: S608  a constant
                    [
                        (str(n), f"Item {n}", f"Description of item {n}")
                        for n in range(1, _SEEDED + 1)
                    ],
                )
        return items

    def load(self, id: str) -> dict[str, Any] | None:
        """Return the row, or None; this is the call that the cache saves."""
        time.sleep(self.delay)  # a slow query, however little there is to read
        with self._connected() as database:
            return _row(database, id)

    def change(
        self, id: str, *, name: str | None = None, description: str | None = None
    ) -> dict[str, Any] | None:
        """Change and commit the row; return it, or None if there is none; None changes nothing.

        It is committed when this returns: only then may the cache be invalidated.
        """
        with self._connected() as database:
            try:
                database.execute(
                    "UPDATE items SET name = coalesce(?, name),"  # noqa: S608  a constant
                    f" description = coalesce(?, description), timestamp = {_NOW} WHERE id = ?",
                    (name, description, id),
                )
            except UnicodeEncodeError as error:
                raise ValueError(f"this text can't be stored: {error.reason}") from error
            return _row(database, id)

    def ids(self) -> list[str]:
        """Return all ids."""
        with self._connected() as database:
            found = database.execute("SELECT id FROM items ORDER BY length(id), id")
            return [id for (id,) in found]

    @contextmanager
    def _connected(self, mode: str = "rw") -> Iterator[sqlite3.Connection]:
        """Yield a transaction; with `rw` a missing file is an error, not a new empty database."""
        where = f"{self._path.absolute().as_uri()}?mode={mode}"
        try:
            with (
                closing(sqlite3.connect(where, uri=True, timeout=_BUSY_SECONDS)) as database,
                database,  # commits
            ):
                yield database
        except sqlite3.Error as error:
            raise DatabaseAway(f"{self._path.name}: {error}") from error


def _row(database: sqlite3.Connection, id: str) -> dict[str, Any] | None:
    try:
        found = database.execute(
            "SELECT id, name, description, timestamp FROM items WHERE id = ?", (id,)
        )
    except UnicodeEncodeError:  # a lone surrogate: no row has such an id
        return None
    row = found.fetchone()
    return dict(zip(("id", "name", "description", "timestamp"), row, strict=True)) if row else None
