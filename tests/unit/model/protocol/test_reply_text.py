"""Replies as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redistopo.model.protocol.reply_text import readable, reply_as_json

HASH = "ab" * 32


@pytest.mark.parametrize(
    ("reply", "lines"),
    [
        ("PONG", ["PONG"]),
        (17, ["17"]),
        (True, ["true"]),
        (1.5, ["1.5"]),
        (None, ["(nil)"]),
        ("", [""]),
        ([], ["(empty)"]),
        ({}, ["(empty)"]),
        (["a", None, 3], ["1) a", "2) (nil)", "3) 3"]),
        ([["a", 1], "b"], ["1) 1) a", "   2) 1", "2) b"]),
        ({"maxmemory": "0", "save": ""}, ["maxmemory: 0", "save:"]),
        ([{"id": 1, "ip": "x"}], ["1)", "  id: 1", "  ip: x"]),
        ("# Memory\r\nused:1\r\npeak:2\r\n", ["# Memory", "used:1", "peak:2"]),
        ("a\x1b[31mred\x07", ["a\\x1b[31mred\\x07"]),
        ({"sub": {"a": 1, "b": 2}}, ["sub:", "  a: 1", "  b: 2"]),
        (list("abcdefghij"), [f"{n:>2}) {c}" for n, c in enumerate("abcdefghij", start=1)]),
    ],
)
def test_each_kind_of_reply(reply: object, lines: list[str]) -> None:
    assert list(readable(reply)) == lines


REPLIES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(REPLIES)
def test_whatever_data_holds_moves_no_cursor(reply: object) -> None:
    lines = readable(reply)
    assert lines
    assert all(line.replace("\t", "").isprintable() for line in lines)


@pytest.mark.parametrize("words", [("ACL", "LIST"), ("acl", "getuser", "default")])
def test_hashes_of_passwords_are_left_out(words: tuple[str, ...]) -> None:
    reply = [f"user default on #{HASH} ~*", {"passwords": [HASH], "flags": ["on"]}]
    shown = str(reply_as_json(words, reply))
    assert HASH not in shown
    assert "~*" in shown


def test_other_hashes_are_told() -> None:
    assert reply_as_json(("ACL", "GENPASS"), HASH) == HASH
    assert reply_as_json(("GET", "list"), HASH) == HASH


def test_json_knows_no_infinity() -> None:
    reply = reply_as_json(("ZRANGE", "z"), [["a", float("inf")], {"b": float("nan")}, 1.5, {"x"}])
    assert reply == [["a", "inf"], {"b": "nan"}, 1.5, ["x"]]
