"""Connections to nodes: one for each, kept between snapshots, without hidden retries.

Our own, since redis-py takes longer to import than a snapshot of all nodes takes.
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Self

from redistopo.client.reach import OTHER_HOST, may_reach
from redistopo.errors import AccessDenied, BadReply, RedistopoError, Unreachable
from redistopo.host.tcp import Socket, connect_tcp, end_tcp
from redistopo.model.protocol import resp
from redistopo.model.protocol.credentials import Credentials, Login
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.replies import NO_REPLY
from redistopo.model.protocol.resp import (
    MOST_BYTES,
    ErrorReply,
    ReplyReader,
    UsualReply,
    encoded,
)
from redistopo.quick_dataclass import dataclass

Command = resp.Command
BinaryCommand = resp.BinaryCommand
Reply = resp.Reply

CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 2.0
_CHUNK = 1 << 16

_FAILURES = (ErrorReply, OSError, ValueError, OverflowError)  # of an invalid address


class NotServing(ConnectionError):
    """The server replied that it serves no client now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds until a connection is made and until a reply is complete, and a reply's bytes; with
    `binary`, bulk strings are bytes."""

    connect: float = CONNECT_SECONDS
    answer: float = ANSWER_SECONDS
    most_bytes: int = MOST_BYTES
    binary: bool = False


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
        reply = self._reader.read()
        if isinstance(reply, ErrorReply):
            if reply.refuses_login:
                raise reply
            if reply.unavailable:
                raise NotServing(str(reply))
        return reply

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


class Connections:
    """Connections to many servers by address; thread-safe with one thread for each node.

    `sent` counts the commands sent to each server, which its statistics include.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        seconds: float = ANSWER_SECONDS,
        protocol: int = 2,
        most: int = MOST_BYTES,
        binary: bool = False,
    ) -> None:
        self.credentials = credentials
        self._limits = Limits(answer=seconds, most_bytes=most, binary=binary)
        self._protocol = protocol
        self._open: dict[Endpoint, Connection] = {}
        self.sent: Counter[Endpoint] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for connection in self._open.values():
            connection.close()
        self._open.clear()

    def execute(
        self,
        endpoint: Endpoint,
        commands: Iterable[BinaryCommand],
        usual: Sequence[UsualReply] = (),
    ) -> list[Reply]:
        """Send commands and return a reply for each, in order; errors as ErrorReply values. If all
        replies are the `usual` ones, they are compared and not read, which is faster.

        Raises Unreachable if the server doesn't reply in time, AccessDenied if it rejects our
        password.
        """
        wanted = list(commands)
        self.post(endpoint, wanted)
        return self.collect(endpoint, len(wanted), usual)

    def post(self, endpoint: Endpoint, commands: Sequence[BinaryCommand]) -> None:
        """Send commands, whose replies are to be collected; raises as `execute` does."""
        try:
            connection = self._connection(endpoint)
            self.sent[endpoint] += len(commands)
            connection.send(commands)
        except _FAILURES as error:
            raise self._failed(endpoint, error) from error

    def collect(
        self, endpoint: Endpoint, count: int, usual: Sequence[UsualReply] = ()
    ) -> list[Reply]:
        """Return the replies to so many posted commands; raises as `execute` does."""
        try:
            connection = self._connection(endpoint)
            if usual and connection.skip(b"".join(one.raw for one in usual)):
                return [one.value for one in usual]
            return [connection.read() for _ in range(count)]
        except _FAILURES as error:
            raise self._failed(endpoint, error) from error

    def has_reply(self, endpoint: Endpoint, seconds: float) -> bool:
        """Wait that long for a reply to a posted command to begin; raises as `execute` does."""
        try:
            return self._connection(endpoint).has_reply(seconds)
        except _FAILURES as error:
            raise self._failed(endpoint, error) from error

    def _failed(self, endpoint: Endpoint, error: Exception) -> RedistopoError:
        self.close(endpoint)
        if isinstance(error, ErrorReply) and error.refuses_login:
            return AccessDenied(f"{endpoint} rejected our password", detail=str(error))
        return Unreachable(f"{endpoint} doesn't reply", detail=_reason(error))

    @property
    def seconds(self) -> float:
        """How long a reply may take."""
        return self._limits.answer

    def wait_longer(self, seconds: float) -> None:
        """Wait at least that long for each reply from now on."""
        self._limits = replace(self._limits, answer=max(seconds, self._limits.answer))
        for connection in tuple(self._open.values()):
            connection.limit(self._limits)

    def close(self, endpoint: Endpoint) -> None:
        """Close the connection to that server; the next command reconnects."""
        if stale := self._open.pop(endpoint, None):
            stale.close()

    def _connection(self, endpoint: Endpoint) -> Connection:
        known = self._open.get(endpoint)
        if known is None:
            login = self.credentials.login_to(endpoint)
            self.sent[endpoint] += bool(login.password)  # AUTH
            known = Connection(endpoint, login, limits=self._limits, protocol=self._protocol)
            known.connect()
            self._open[endpoint] = known
        return known


def try_ping(endpoint: Endpoint, access: Login) -> str:
    """Log in and send PING; return "PONG" or the server's error."""
    probe = Connection(endpoint, access)
    try:
        probe.connect()
        return str(probe.ask("PING"))
    except ErrorReply as error:
        return str(error)
    except (OSError, ValueError, OverflowError) as error:  # of an invalid address
        return no_reply(error)
    finally:
        probe.close()


def no_reply(error: Exception) -> str:
    """Return the text that stands for a reply that never came; see `was_read`."""
    return f"{NO_REPLY}: {_reason(error)}"


def raise_on_error(reply: Reply, what: str) -> Reply:
    """Return the reply; raises BadReply if it is an error."""
    if isinstance(reply, Exception):
        raise BadReply(f"{what} failed", detail=str(reply).partition(", with args")[0])
    return reply


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    for shorter in ("Connection refused", "timed out", "reset by peer"):
        if shorter.lower() in text.lower():
            return shorter.lower()
    return text or type(error).__name__
