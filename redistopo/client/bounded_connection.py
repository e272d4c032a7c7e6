"""A connection that a hostile server can neither fill, nor keep waiting, nor lead elsewhere.

redis-py reads a reply of any size and depth, waits for each part of it anew, and has errors of
its parser pass as they are. Here a reply has limits of size, depth and time, and whatever a
server sends instead of one is a RedisError.
"""

import time
from contextlib import suppress
from typing import Any

from redis import Connection
from redis._parsers import _RESP2Parser, _RESP3Parser
from redis._parsers.socket import SocketBuffer
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import InvalidResponse, RedisError
from redis.exceptions import TimeoutError as TooSlow

from redistopo.client.reach import OTHER_HOST, may_reach
from redistopo.client.tls import wrapped
from redistopo.model.protocol.credentials import Login

MOST_BYTES = 64 * 1024 * 1024
"""The size limit of a reply; CLUSTER NODES of 1000 nodes has 200 kB."""

_MOST_LINE = 1024 * 1024
_DEEPEST = 32

NOT_A_REPLY = "it sent what no Redis server sends"


class _Buffer(SocketBuffer):
    """Reads at most `most` bytes of one reply, and not longer than the time limit of the socket."""

    def __init__(self, *args: Any, most: int) -> None:
        super().__init__(*args)
        self._most = most
        self._got = 0
        self._end: float | None = None

    def begin(self) -> None:
        """Begin a reply."""
        self._got = 0
        limit = self._sock.gettimeout()
        self._end = None if limit is None else time.monotonic() + limit

    def end(self) -> None:
        self._end = None

    def _read_from_socket(self, length: int | None = None, *args: Any, **options: Any) -> bool:
        missing = length or 1
        while missing > 0:
            before = self.unread_bytes()
            if self._end is None:
                return bool(super()._read_from_socket(length, *args, **options))
            left = self._end - time.monotonic()
            if left <= 0:
                raise TooSlow("Timeout reading from socket")
            super()._read_from_socket(timeout=left)
            added = self.unread_bytes() - before
            missing -= added
            self._got += added
            if self._got > self._most:
                raise _too_large(self._most)
        return True

    def read(self, length: int, *args: Any, **options: Any) -> bytes:
        if not 0 <= length <= self._most:
            raise _too_large(self._most)
        return bytes(super().read(length, *args, **options))

    def readline(self, *args: Any, **options: Any) -> bytes:
        data = self._buffer.readline(_MOST_LINE)
        while not data.endswith(b"\r\n"):
            if len(data) >= _MOST_LINE:
                raise InvalidResponse(f"{NOT_A_REPLY}: an endless line")
            self._read_from_socket(None, *args, **options)
            data += self._buffer.readline(_MOST_LINE)
        return bytes(data[:-2])


def _too_large(most: int) -> InvalidResponse:
    return InvalidResponse(f"{NOT_A_REPLY}: a reply of more than {most >> 20} MB")


class _Limits:
    """What both parsers share; `most` is the size limit."""

    most = MOST_BYTES
    _depth = 0

    def on_connect(self, connection: Any) -> None:
        super().on_connect(connection)  # type: ignore[misc]
        made: Any = self
        size, limit = made.socket_read_size, connection.socket_timeout
        made._buffer = _Buffer(made._sock, size, limit, most=connection.most)

    def read_response(self, *args: Any, **options: Any) -> Any:
        buffer = getattr(self, "_buffer", None)
        if buffer is not None:
            buffer.begin()
        try:
            return super().read_response(*args, **options)  # type: ignore[misc]
        except (RedisError, OSError):
            raise
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
            raise InvalidResponse(f"{NOT_A_REPLY}: {error}") from error
        except (RecursionError, MemoryError) as error:
            raise InvalidResponse(f"{NOT_A_REPLY}: {type(error).__name__}") from error
        finally:
            if buffer is not None:
                buffer.end()

    def _read_response(self, *args: Any, **options: Any) -> Any:
        self._depth += 1
        try:
            if self._depth > _DEEPEST:
                raise InvalidResponse(f"{NOT_A_REPLY}: arrays nested {_DEEPEST} deep")
            return super()._read_response(*args, **options)  # type: ignore[misc]
        finally:
            self._depth -= 1


class _Parser2(_Limits, _RESP2Parser):
    pass


class _Parser3(_Limits, _RESP3Parser):
    pass


class BoundedConnection(Connection):
    """A connection for `access`, which names the CA that a TLS server must be certified by, and
    the hosts that it may be used for.

    redis-py's SSLConnection creates a context for each connection, loads the system's CAs
    into it (35 ms each), and trusts those too.
    """

    def __init__(self, *, access: Login, most: int = MOST_BYTES, **options: Any) -> None:
        parser = _Parser3 if options.get("protocol") == 3 else _Parser2
        super().__init__(parser_class=parser, **options)  # type: ignore[no-untyped-call]
        self._access = access
        self.most = most

    def _connect(self) -> Any:
        if not may_reach(self._access, self.host):
            raise NoConnection(f"{self.host} {OTHER_HOST}")
        plain = super()._connect()  # type: ignore[no-untyped-call]  # redis-py has no types here
        try:
            if not may_reach(self._access, plain.getpeername()[0]):  # a name has changed
                raise NoConnection(f"{self.host} {OTHER_HOST}")
            return wrapped(plain, self.host, self._access.tls) if self._access.tls else plain
        except BaseException:
            with suppress(OSError):
                plain.close()
            raise


def bounded_class(access: Login) -> type[BoundedConnection]:
    """Return the class for a login, for redis-py's own pools and cluster clients."""

    class ForLogin(BoundedConnection):
        def __init__(self, **options: Any) -> None:
            super().__init__(access=access, **options)

    return ForLogin
