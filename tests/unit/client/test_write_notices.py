"""What a stream of commands tells about keys."""

import pytest

from redistopo.client.write_notices import ANY, WriteNotices
from redistopo.model.protocol.command_keys import CommandFacts


def _facts(first: int = 0, last: int = 0, *, movable: bool = False, writes: bool = True) -> object:
    return CommandFacts(first=first, last=last, step=1, movable=movable, writes=writes)


TABLE = {
    "select": _facts(writes=False),
    "multi": _facts(writes=False),
    "publish": _facts(writes=False),
    "flushdb": _facts(),
    "swapdb": _facts(),
    "function|load": _facts(),
    "del": _facts(1, -1),
    "move": _facts(1, 1),
    "pfcount": _facts(1, -1, writes=False),
    "zunionstore": _facts(1, 1, movable=True),
}


def _noted(*lines: str) -> WriteNotices:
    made = WriteNotices(TABLE)
    for line in lines:
        made.add(line.encode().split())
    return made


def test_keys_have_the_database_that_was_selected_last() -> None:
    found = _noted("DEL a", "SELECT 2", "MULTI", "DEL a b", "SELECT 0", "DEL c", "PFCOUNT p")
    assert found
    names = {(ANY, b"a"), (2, b"a"), (2, b"b"), (0, b"c"), (0, b"p")}
    assert found.take_names() == names
    assert not found.everything
    assert not found


def test_a_key_that_moves_is_changed_in_both_databases() -> None:
    assert _noted("SELECT 1", "MOVE k 4").names == {(1, b"k"), (4, b"k")}


@pytest.mark.parametrize("line", ["FLUSHDB", "SWAPDB 0 1", "renamed"])
def test_any_key_may_have_changed(line: str) -> None:
    assert _noted(line).everything


def test_what_changes_no_key() -> None:
    assert not _noted("SELECT 0", "MULTI", "PUBLISH c m")


def test_functions_are_noted_and_commands_for_the_server_to_tell() -> None:
    found = _noted("SELECT 3", "FUNCTION LOAD x", "ZUNIONSTORE to 2 a b")
    assert found.functions
    assert found.unresolved == [(3, [b"ZUNIONSTORE", b"to", b"2", b"a", b"b"])]
    assert not found.names
