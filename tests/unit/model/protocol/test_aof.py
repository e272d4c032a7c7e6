"""The append-only file: its manifest, and where it ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redistopo.model.protocol.aof import (
    Manifest,
    ends_in_a_command,
    has_only_keys_of,
    log_is_absent,
    parse_manifest,
)

BASE = "file appendonly.aof.1.base.rdb seq 1 type b"
INCR = "file appendonly.aof.1.incr.aof seq 1 type i"


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("", None),
        ("\n", None),
        ("# a comment\n", None),
        (f"{BASE}\n{INCR}\n", ("appendonly.aof.1.base.rdb", "appendonly.aof.1.incr.aof")),
        (f"{INCR} startoffset 12\n", ("appendonly.aof.1.incr.aof",)),
        ('file "a b.1.base.rdb" seq 1 type b\n', ("a b.1.base.rdb",)),
        (f"{BASE}\nfile old seq 1 type h\n", ("appendonly.aof.1.base.rdb",)),
        (f"{BASE[:20]}", None),
        ("nonsense", None),
    ],
)
def test_manifests(text: str, files: tuple[str, ...] | None) -> None:
    found = parse_manifest(text)
    assert (found and found.files) == files


def test_a_manifest_without_a_base() -> None:
    assert parse_manifest(INCR) == Manifest("", ("appendonly.aof.1.incr.aof",))


@pytest.mark.parametrize(
    ("damage", "absent"),
    [
        ("appendonlydir is missing", True),
        ("appendonly.aof is missing", True),  # the only file of Redis 6.2
        ("appendonlydir/appendonly.aof.manifest is missing", False),
        ("appendonlydir/appendonly.aof.manifest is empty", False),
        ("", False),
    ],
)
def test_a_log_without_its_folder_isnt_there(damage: str, absent: bool) -> None:
    assert log_is_absent(damage) is absent


def _command(*words: bytes) -> bytes:
    parts = (b"$%d\r\n%s\r\n" % (len(one), one) for one in words)
    return b"*%d\r\n" % len(words) + b"".join(parts)


SET = _command(b"SET", b"k", b"v")
MULTI, EXEC = _command(b"MULTI"), _command(b"EXEC")


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        (b"", None),
        (b"no command", None),
        (SET, True),
        (b"cut\r\n" + SET, True),
        (SET[:-1], False),
        (SET + SET[: len(SET) // 2], False),
        (MULTI + SET + EXEC, True),
        (MULTI + SET, False),
        (SET + b"#TS:1700000000\r\n" + SET, True),
        (SET + b"#TS:17000", False),
        # a value that looks like a command is no command
        (_command(b"SET", b"k", b"\r\n*1\r\n$4\r\nPING\r\n")[:-3], False),
    ],
)
def test_where_a_log_ends(text: bytes, whole: bool | None) -> None:
    assert ends_in_a_command(text) is whole


words = st.lists(st.binary(max_size=30), min_size=1, max_size=4)


@given(st.lists(words, min_size=1, max_size=6), st.integers(0, 200), st.integers(1, 40))
def test_any_cut_is_seen_and_no_whole_log_is_taken_for_cut(
    commands: list[list[bytes]], skipped: int, cut: int
) -> None:
    parts = [_command(b"SET", *one) for one in commands]
    whole = b"".join(parts)
    assert ends_in_a_command(whole)
    assert ends_in_a_command(whole[min(skipped, len(whole) - len(parts[-1])) :])
    ends = {sum(map(len, parts[:n])) for n in range(len(parts) + 1)}
    if (end := len(whole) - min(cut, len(whole))) not in ends:
        assert not ends_in_a_command(whole[:end])


@pytest.mark.parametrize(
    ("commands", "only"),
    [
        ([], True),
        ([(b"SELECT", b"0"), (b"SET", b"p:1", b"v", b"PXAT", b"9"), (b"DEL", b"p:1")], True),
        ([(b"MULTI",), (b"set", b"p:1", b"v"), (b"EXEC",), (b"UNLINK", b"p:1")], True),
        ([(b"SET", b"k", b"p:1")], False),
        ([(b"DEL", b"p:1", b"k")], False),
        ([(b"INCR", b"p:1")], False),
        ([(b"SET",)], False),
        ([(b"FLUSHALL",)], False),
    ],
)
def test_a_log_with_only_keys_of_a_prefix(commands: list[tuple[bytes, ...]], only: bool) -> None:
    text = b"".join(_command(*words) for words in commands)
    assert has_only_keys_of(text, b"p:") is only
    assert not has_only_keys_of(text + SET[:-1], b"p:")
