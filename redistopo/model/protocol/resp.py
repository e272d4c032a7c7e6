"""RESP, the protocol of the servers: commands as bytes, and replies as values, with limits.

Format: redis.io, Redis serialization protocol specification (RESP2 and RESP3).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

Command = Sequence[str | int]
BinaryCommand = Sequence[str | int | bytes]
"""A command whose keys and values may be any bytes."""

Reply = object
"""A server's reply: str, int, float, bool, None, a list or dict of these, or an ErrorReply; bytes
in place of a bulk string's str from a reader of bytes."""

MOST_BYTES = 64 << 20
"""The size limit of a reply; CLUSTER NODES of 1000 nodes has 200 kB."""

_LONGEST_NUMBER = 12
"""Of those that are read without a call, with what is before and after it."""

_LONGEST_LINE = 1 << 20
_DEEPEST = 64
_LISTS = frozenset("*~>")

_LOGIN_CODES = frozenset({"NOAUTH", "WRONGPASS"})
_LOGIN_TEXTS = ("ERR AUTH <password> called without any password", "ERR Client sent AUTH, but no")
_UNAVAILABLE = ("LOADING ", "ERR max number of clients reached")


class ProtocolError(ConnectionError):
    """What a server sent isn't RESP, or exceeds what any reply of a server needs."""


class ErrorReply(Exception):
    """An error that a server replied; its text is the server's, with the code."""

    @property
    def code(self) -> str:
        """``NOPERM``, ``MOVED`` or the like; ``ERR`` if it has no other."""
        return str(self).partition(" ")[0]

    @property
    def refuses_login(self) -> bool:
        """Whether it rejects the password, or the lack of one."""
        return self.code in _LOGIN_CODES or str(self).startswith(_LOGIN_TEXTS)

    @property
    def unavailable(self) -> bool:
        """Whether the server can't serve any client now."""
        return str(self).startswith(_UNAVAILABLE)


def encoded(commands: Iterable[BinaryCommand]) -> bytes:
    """Encode commands as arrays of bulk strings, to be sent together."""
    parts = []
    known: dict[str | int, bytes] = {}  # most words of a long pipeline are the same
    for words in commands:
        parts.append(b"*%d\r\n" % len(words))
        for word in words:
            if isinstance(word, bytes):
                parts.append(_bulk(word))
                continue
            if (bulk := known.get(word)) is None:
                bulk = known[word] = _bulk(str(word).encode(errors="replace"))
            parts.append(bulk)
    return b"".join(parts)


def _bulk(raw: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(raw), raw)


class UsualReply(NamedTuple):
    """A reply that a command has in most cases: its bytes, and what they are read as."""

    raw: bytes
    value: Reply


OK = UsualReply(b"+OK\r\n", "OK")
ZERO = UsualReply(b":0\r\n", 0)
EMPTY_LIST = UsualReply(b"*0\r\n", [])


class ReplyReader:
    """Reads replies from bytes as `receive` returns them; invalid UTF-8 is replaced, unless bulk
    strings are returned as bytes (`binary`), which keys and values may be.

    Raises ProtocolError; whatever `receive` raises passes through.
    """

    def __init__(
        self,
        receive: Callable[[], bytes],
        *,
        most_bytes: int = MOST_BYTES,
        binary: bool = False,
    ) -> None:
        self._receive = receive
        self._most = most_bytes
        self._binary = binary
        self._data = bytearray()
        self._at = 0

    @property
    def pending(self) -> bool:
        """Whether bytes were received that belong to no reply read so far."""
        return self._at < len(self._data)

    def feed(self, data: bytes) -> None:
        """Add bytes that were received elsewhere."""
        self._data += data

    def read(self) -> Reply:
        """Read one reply; an error is a value."""
        del self._data[: self._at]
        self._at = 0
        return self._value(0)

    def read_with_bytes(self) -> tuple[Reply, bytes]:
        """Read one reply, and return also its bytes, for `skip`."""
        reply = self.read()
        return reply, bytes(self._data[: self._at])

    def skip(self, expected: bytes) -> bool:
        """Return whether the next replies are these bytes, and read past them if so.

        Comparing is a hundred times as fast as parsing; replies that differ remain to be read.
        """
        start, size = self._at, len(expected)
        while True:
            found = self._data[start : start + size]
            if not expected.startswith(found):
                return False
            if len(found) == size:
                self._at = start + size
                return True
            self._more()

    def file_size(self) -> int:
        """Read the size of a file that follows, as after SYNC, perhaps behind empty lines that
        keep the connection alive; raises the ErrorReply that came in its place."""
        line = self._line().lstrip(b"\n")
        if line[:1] == b"-":
            raise ErrorReply(line[1:].decode(errors="replace"))
        if line[:1] != b"$" or not line[1:].isdigit():
            raise ProtocolError(f"not a file of a server: {bytes(line[:80])!r}")
        return int(line[1:])

    def file(self, size: int) -> Iterator[bytes]:
        """Yield the bytes of that file, as they are received; no end mark follows them."""
        found = bytes(self._data[self._at : self._at + size])
        self._at += len(found)
        while True:
            if found:
                size -= len(found)
                yield found
            if not size:
                return
            received = self._receive()
            found = received[:size]
            self._data += received[size:]

    def _value(self, depth: int) -> Reply:
        line = self._line()
        kind, rest = chr(line[0]) if line else "", line[1:]
        try:
            if kind == "$":
                return self._bulk(int(rest))
            if kind in _LISTS or kind in ("%", "|"):
                return self._nested(kind, int(rest), depth)
            return self._simple(kind, rest)
        except (ValueError, TypeError) as error:
            raise ProtocolError(f"not a reply of a server: {bytes(line[:80])!r}") from error

    def _simple(self, kind: str, rest: bytearray) -> Reply:
        match kind:
            case "+":
                return rest.decode(errors="replace")
            case ":" | "(":
                return int(rest)
            case "-":
                return ErrorReply(rest.decode(errors="replace"))
            case "!":
                return ErrorReply(self._text(int(rest)))
            case "=":
                text = self._text(int(rest))
                return text and text[4:]  # behind "txt:"
            case "_":
                return None
            case ",":
                return float(rest)
            case "#":
                return rest == b"t"
        raise ValueError(kind)

    def _nested(self, kind: str, count: int, depth: int) -> Reply:
        if count == -1:
            return None
        if count < 0:
            raise ValueError(count)
        if depth == _DEEPEST:
            raise ProtocolError(f"a reply is nested in more than {_DEEPEST} levels")
        if kind in _LISTS:
            return self._list(count, depth)
        pairs = [(self._value(depth + 1), self._value(depth + 1)) for _ in range(count)]
        # an attribute precedes the reply itself
        return dict(pairs) if kind == "%" else self._value(depth + 1)

    def _list(self, count: int, depth: int) -> list[Reply]:
        """Read a list. Of its items, numbers, lists and bulk strings that were received whole are
        read here: large lists have nothing else, and calls would take three times as long."""
        items: list[Reply] = []
        for _ in range(count):
            data, at = self._data, self._at
            kind, end = data[at : at + 1], data.find(b"\r\n", at, at + _LONGEST_NUMBER)
            number = data[at + 1 : end] if end > 0 else b""
            stop = end + 2 + int(number) if number.isdigit() else 0
            if kind == b"$" and 0 < stop <= len(data) - 2:
                self._at = stop + 2
                found = data[end + 2 : stop]
                items.append(bytes(found) if self._binary else found.decode(errors="replace"))
            elif kind == b":" and stop:
                self._at = end + 2
                items.append(int(number))
            elif kind == b"*" and stop and depth + 1 < _DEEPEST:
                self._at = end + 2
                items.append(self._list(int(number), depth + 1))
            else:
                items.append(self._value(depth + 1))
        return items

    def _text(self, size: int) -> str | None:
        found = self._bulk(size)
        return found.decode(errors="replace") if isinstance(found, bytes) else found

    def _bulk(self, size: int) -> str | bytes | None:
        if size == -1:
            return None
        if size < 0:
            raise ValueError(size)
        if size > self._most:
            raise self._too_large(size)
        end = self._at + size
        while len(self._data) < end + 2:
            self._more()
        found = self._data[self._at : end]
        self._at = end + 2
        return bytes(found) if self._binary else found.decode(errors="replace")

    def _line(self) -> bytearray:
        start = self._at
        while (end := self._data.find(b"\r\n", start)) < 0:
            if len(self._data) - self._at > _LONGEST_LINE:
                raise ProtocolError(f"a reply has a line of more than {_LONGEST_LINE} bytes")
            start = max(self._at, len(self._data) - 1)
            self._more()
        line = self._data[self._at : end]
        self._at = end + 2
        return line

    def _more(self) -> None:
        self._data += self._receive()
        if len(self._data) > self._most:
            raise self._too_large(len(self._data))

    def _too_large(self, size: int) -> ProtocolError:
        return ProtocolError(f"a reply of {size} bytes, {self._most} are accepted")
