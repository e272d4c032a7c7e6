"""RESP: what is encoded, what is read from bytes in any pieces, and what is refused."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redistopo.model.protocol.resp import ErrorReply, ProtocolError, ReplyReader, encoded


def _pieces(data: bytes, size: int) -> Callable[[], bytes]:
    rest = iter([data[at : at + size] for at in range(0, len(data), size)])

    def receive() -> bytes:
        try:
            return next(rest)
        except StopIteration:
            raise ConnectionError("the server closed the connection") from None

    return receive


def _read(data: bytes, size: int = 7, **limits: int) -> Any:
    return ReplyReader(_pieces(data, size), **limits).read()


def test_commands_are_arrays_of_bulk_strings() -> None:
    assert encoded([("SET", "é", 1), ("PING",)]) == (
        b"*3\r\n$3\r\nSET\r\n$2\r\n\xc3\xa9\r\n$1\r\n1\r\n*1\r\n$4\r\nPING\r\n"
    )


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"+OK\r\n", "OK"),
        (b":-12\r\n", -12),
        (b"$-1\r\n", None),
        (b"$0\r\n\r\n", ""),
        (b"$4\r\na\r\nb\r\n", "a\r\nb"),
        (b"$2\r\n\xff\xfe\r\n", "��"),
        (b"*-1\r\n", None),
        (b"*2\r\n:1\r\n*1\r\n+a\r\n", [1, ["a"]]),
        (b"_\r\n", None),
        (b",1.5\r\n", 1.5),
        (b"#t\r\n", True),
        (b"(12345678901234567890123\r\n", 12345678901234567890123),
        (b"=8\r\ntxt:text\r\n", "text"),
        (b"%1\r\n+a\r\n:1\r\n", {"a": 1}),
        (b"~2\r\n:1\r\n:2\r\n", [1, 2]),
        (b"|1\r\n+ttl\r\n:9\r\n+OK\r\n", "OK"),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_each_type_in_any_pieces(data: bytes, value: object, size: int) -> None:
    assert _read(data, size) == value


_VALUES = st.recursive(
    st.none() | st.integers(-(2**63), 2**63 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=5),
    max_leaves=20,
)


def _served(value: object) -> bytes:
    match value:
        case None:
            return b"$-1\r\n"
        case int():
            return b":%d\r\n" % value
        case str():
            raw = value.encode(errors="replace")
            return b"$%d\r\n%b\r\n" % (len(raw), raw)
    assert isinstance(value, list)
    return b"*%d\r\n" % len(value) + b"".join(map(_served, value))


@given(values=st.lists(_VALUES, min_size=1, max_size=4), size=st.integers(1, 64))
def test_replies_that_follow_each_other_in_any_pieces(values: list[object], size: int) -> None:
    reader = ReplyReader(_pieces(b"".join(map(_served, values)), size))
    assert [_served(reader.read()) for _ in values] == [_served(one) for one in values]
    assert not reader.pending


@given(
    values=st.lists(_VALUES, min_size=1, max_size=3),
    others=st.lists(_VALUES, min_size=1, max_size=3),
    size=st.integers(1, 64),
)
def test_replies_are_skipped_only_if_they_are_those_expected(
    values: list[object], others: list[object], size: int
) -> None:
    sent, expected = (b"".join(map(_served, some)) for some in (values, others))
    reader = ReplyReader(_pieces(sent + b"+end\r\n", size))
    same = [*values, "end"][: len(others)] == others and len(others) <= len(values)
    assert reader.skip(expected) is same
    left = values[len(others) :] if same else values
    read = [reader.read_with_bytes() for _ in left]
    assert [raw for _, raw in read] == list(map(_served, left))
    assert reader.read() == "end"


@given(data=st.binary(max_size=60) | st.from_regex(rb"[*%~$=!|>:(,#_+-][0-9]{0,4}\r\n.*"))
def test_any_bytes_are_a_reply_or_no_connection(data: bytes) -> None:
    with suppress(ConnectionError):
        _read(data)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "not a reply of a server: b'HTTP/1.1 400 Bad Request'"),
        (b"\r\n", "not a reply of a server"),
        (b"$many\r\n", "not a reply of a server"),
        (b"%1\r\n*0\r\n:1\r\n", "not a reply of a server"),
        (b"$2147483648\r\n", "a reply of 2147483648 bytes"),
        (b"*1\r\n" * 100_000, "nested in more than 64 levels"),
        (b"+" + b"a" * (2 << 20), "a line of more than 1048576 bytes"),
        (b"*1000000\r\n" + b"+aaaaaaaa\r\n" * 200, "1000 are accepted"),
    ],
)
def test_what_no_server_replies_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(ProtocolError, match=told):
        _read(
            data,
            1 << 16 if len(data) > 5000 else 500,
            most_bytes=1000 if "1000 " in told else 2 << 20,
        )


@pytest.mark.parametrize(
    ("text", "code", "login", "unavailable"),
    [
        ("ERR unknown command 'X'", "ERR", False, False),
        ("NOPERM this user has no permissions", "NOPERM", False, False),
        ("MOVED 3999 127.0.0.1:6381", "MOVED", False, False),
        ("WRONGPASS invalid username-password pair", "WRONGPASS", True, False),
        ("NOAUTH Authentication required.", "NOAUTH", True, False),
        (
            "ERR AUTH <password> called without any password configured for the default user. "
            "Are you sure your configuration is correct?",
            "ERR",
            True,
            False,
        ),
        ("LOADING Redis is loading the dataset in memory", "LOADING", False, True),
        ("ERR max number of clients reached", "ERR", False, True),
    ],
)
def test_errors(text: str, code: str, login: bool, unavailable: bool) -> None:
    error = _read(f"-{text}\r\n".encode())
    assert isinstance(error, ErrorReply)
    assert str(error) == text
    assert (error.code, error.refuses_login, error.unavailable) == (code, login, unavailable)


@given(st.binary(max_size=60), st.integers(1, 20))
def test_a_file_in_any_pieces(content: bytes, size: int) -> None:
    """Behind empty lines that keep the connection alive; a reply may follow it."""
    sent = b"\n\n$%d\r\n%b+OK\r\n" % (len(content), content)
    reader = ReplyReader(_pieces(sent, size))
    assert b"".join(reader.file(reader.file_size())) == content
    assert reader.read() == "OK"


@pytest.mark.parametrize(
    ("sent", "error"),
    [(b"-NOMASTERLINK no\r\n", ErrorReply), (b"$EOF:abc\r\n", ProtocolError)],
)
def test_what_is_no_file(sent: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        ReplyReader(_pieces(sent, 7)).file_size()
