"""A connection to one server, without hidden retries.

Our own, since redis-py takes longer to import than a snapshot of all nodes takes.
"""

import time
from collections.abc import Iterable, Iterator

from redistopo.client.reach import OTHER_HOST, may_reach
from redistopo.client.reply_limits import Limits
from redistopo.host.tcp import Socket, connect_tcp, end_tcp
from redistopo.model.protocol.credentials import Login
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.resp import (
    BinaryCommand,
    Command,
    ErrorReply,
    Reply,
    ReplyReader,
    UsualReply,
    encoded,
)

_CHUNK = 1 << 16


class NotServing(ConnectionError):
    """The server replied that it serves no client now."""


_LIMITS = Limits()


class Connection:
    """One connection to a server, used by one thread at a time, except for `close`.

    Methods raise OSError if the server doesn't reply in time, as an error that it refuses to serve
    (NotServing) or that it isn't a server (ProtocolError); ErrorReply if it rejects the login.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        access: Login,
        *,
        limits: Limits = _LIMITS,
        protocol: int = 2,
    ) -> None:
        self._endpoint = endpoint
        self._access = access
        self._limits = limits
        self._protocol = protocol
        self._socket: Socket | None = None
        self._reader = self._new_reader()
        self._until = 0.0

    def connect(self) -> None:
        """Connect and log in; every supported server speaks RESP2 and RESP3, whose replies have
        more types (maps, for example)."""
        self._require_own(self._endpoint.host)
        self._reader = self._new_reader()
        self._socket = connect_tcp(self._endpoint, self._limits.connect)
        try:
            self._require_own(self._socket.getpeername()[0])  # a name may have changed
            if self._access.tls:
                from redistopo.client.tls import wrapped

                self._socket = wrapped(self._socket, self._endpoint.host, self._access.tls)
            self._socket.settimeout(self._limits.answer)
            for words in self._greeting():
                if isinstance(reply := self.ask(*words), ErrorReply):
                    raise reply
        except BaseException:
            self.close()
            raise

    def _new_reader(self) -> ReplyReader:
        limits = self._limits
        return ReplyReader(self._receive, most_bytes=limits.most_bytes, binary=limits.binary)

    def limit(self, limits: Limits) -> None:
        """Apply other limits to the replies from now on."""
        self._limits = limits
        if self._socket is not None:
            self._socket.settimeout(limits.answer)

    def _require_own(self, host: str) -> None:
        if not may_reach(self._access, host):
            raise ConnectionError(f"{self._endpoint.host} {OTHER_HOST}")

    def _greeting(self) -> list[Command]:
        user, password = self._access.user, self._access.password
        if self._protocol == 3:
            login = ("AUTH", user or "default", password) if password else ()
            return [("HELLO", 3, *login)]
        return [("AUTH", *filter(None, (user, password)))] if password else []

    def send(self, commands: Iterable[BinaryCommand]) -> None:
        """Send commands together; a reply to each has to be read."""
        self.send_encoded(encoded(commands))

    def send_encoded(self, commands: bytes) -> None:
        """Send commands that were encoded before."""
        if self._socket is None:
            raise ConnectionError("the connection is closed")
        self._socket.sendall(commands)

    def skip(self, expected: bytes) -> bool:
        """Return whether the next replies are these bytes, and read past them if so."""
        self._until = time.monotonic() + self._limits.answer
        return self._reader.skip(expected)

    def read_with_bytes(self) -> tuple[Reply, bytes]:
        """Read the next reply, whatever it is, and return also its bytes."""
        self._until = time.monotonic() + self._limits.answer
        return self._reader.read_with_bytes()

    def read(self) -> Reply:
        """Read the next reply; an error is a value, unless it refuses the login or any service."""
        self._until = time.monotonic() + self._limits.answer
        return _served(self._reader.read())

    def read_known(self, known: UsualReply | None) -> UsualReply:
        """Read the next reply as `read` does, and return it with its bytes; `known` itself if its
        bytes are the same, which is faster."""
        if known is not None and self.skip(known.raw):
            return known
        reply, raw = self.read_with_bytes()
        return UsualReply(raw, _served(reply))

    def ask(self, *words: str | int | bytes) -> Reply:
        """Send one command and read its reply."""
        self.send([words])
        return self.read()

    def file_size(self, seconds: float) -> int:
        """Wait that long for a file that the server sends in place of a reply, and return its
        size; ErrorReply if it sends none."""
        self._until = time.monotonic() + seconds
        return self._reader.file_size()

    def file(self, size: int) -> Iterator[bytes]:
        """Yield that file's bytes; each part has to come in time."""
        for part in self._reader.file(size):
            self._until = time.monotonic() + self._limits.answer
            yield part

    def has_reply(self, seconds: float) -> bool:
        """Wait that long for a reply to begin."""
        if self._reader.pending:
            return True
        if self._socket is None:
            raise ConnectionError("the connection is closed")
        self._socket.settimeout(max(seconds, 0.001))  # 0 would be no time-out
        try:
            self._reader.feed(self._received(self._socket))
        except TimeoutError:
            return False
        finally:
            self._socket.settimeout(self._limits.answer)
        return True

    def fileno(self) -> int:
        """Return the file descriptor of its socket."""
        if self._socket is None:
            raise ConnectionError("the connection is closed")
        return self._socket.fileno()

    def close(self) -> None:
        """Close it, which wakes a thread that waits for a reply."""
        made, self._socket = self._socket, None
        if made is not None:
            end_tcp(made)

    def _receive(self) -> bytes:
        made = self._socket
        if made is None:
            raise ConnectionError("the connection is closed")
        if time.monotonic() > self._until:
            raise TimeoutError("timed out")
        return self._received(made)

    def _received(self, made: Socket) -> bytes:
        data = made.recv(_CHUNK)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data


def _served(reply: Reply) -> Reply:
    if isinstance(reply, ErrorReply):
        if reply.refuses_login:
            raise reply
        if reply.unavailable:
            raise NotServing(str(reply))
    return reply
