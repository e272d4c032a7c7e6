"""Which words of a command are keys, by the table that a server replies to COMMAND."""

import pytest

from redistopo.model.protocol.command_keys import (
    CommandFacts,
    facts_of,
    keys_of,
    other_database,
    parse_commands,
)

REPLY = [
    [b"set", -3, ["write", "denyoom"], 1, 1, 1, []],
    [b"mset", -3, ["write"], 1, -1, 2],
    [b"del", -2, ["write"], 1, -1, 1],
    [b"bitop", -4, ["write"], 2, -1, 1],
    [b"brpop", -3, ["write"], 1, -2, 1],
    [b"sort", -2, ["write", "movablekeys"], 1, 1, 1],
    [b"ping", -1, ["fast"], 0, 0, 0],
    # a container since Redis 7.0
    [b"xgroup", -2, [], 0, 0, 0, [], [], [], [
        [b"xgroup|create", -5, ["write"], 2, 2, 1, [], [], [], []],
    ]],
    "nonsense",
    [b"short", 1],
]  # fmt: skip
TABLE = parse_commands(REPLY)


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        ([b"SET", b"k", b"v"], [b"k"]),
        ([b"mset", b"a", b"1", b"b", b"2"], [b"a", b"b"]),
        ([b"DEL", b"a", b"b"], [b"a", b"b"]),
        ([b"BITOP", b"AND", b"to", b"a", b"b"], [b"to", b"a", b"b"]),
        ([b"BRPOP", b"a", b"b", b"0"], [b"a", b"b"]),
        ([b"XGROUP", b"CREATE", b"s", b"g", b"$"], [b"s"]),
        ([b"PING"], []),
    ],
)
def test_the_keys_of_a_command(words: list[bytes], keys: list[bytes]) -> None:
    facts = facts_of(TABLE, words)
    assert facts is not None
    assert list(keys_of(facts, words)) == keys


def test_what_a_reply_tells() -> None:
    assert TABLE["sort"].movable
    assert TABLE["set"].writes
    assert TABLE["ping"] == CommandFacts(first=0, last=0, step=1)
    assert facts_of(TABLE, [b"unknown", b"k"]) is None
    assert "short" not in TABLE
    assert parse_commands("NOPERM") == {}


@pytest.mark.parametrize(
    ("words", "other"),
    [
        ([b"MOVE", b"k", b"3"], (3, b"k")),
        ([b"COPY", b"a", b"b", b"DB", b"2", b"REPLACE"], (2, b"b")),
        ([b"copy", b"a", b"b", b"replace"], None),
        ([b"COPY", b"db", b"db"], None),
        ([b"SET", b"k", b"v"], None),
    ],
)
def test_a_key_in_another_database(words: list[bytes], other: tuple[int, bytes] | None) -> None:
    assert other_database(words) == other
