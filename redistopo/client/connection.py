"""Asking servers: one connection a node, kept between rounds, never retried behind our back."""

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any, Self

from redis import Connection
from redis._parsers import BaseParser
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    NoPermissionError,
    RedisError,
    ResponseError,
)

from redistopo.client.tls import wrapped
from redistopo.errors import AccessDenied, BadReply, Unreachable
from redistopo.model.protocol.credentials import Credentials, Login, TlsFiles
from redistopo.model.protocol.endpoint import Endpoint

Command = Sequence[str | int]
Reply = Any
"""What a server answered: str, int, a list of these, None, or a ResponseError as a value."""

CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 2.0


class NodeClient:
    """Connections to many servers by address; safe to use from several threads, one a node."""

    def __init__(
        self, credentials: Credentials, *, seconds: float = ANSWER_SECONDS, protocol: int = 2
    ) -> None:
        self.credentials = credentials
        self._seconds = seconds
        self._protocol = protocol
        self._open: dict[Endpoint, Connection] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for connection in self._open.values():
            connection.disconnect()
        self._open.clear()

    def ask(self, endpoint: Endpoint, commands: Iterable[Command]) -> list[Reply]:
        """One reply for each command, in order; an error reply stands as a ResponseError.

        Raises Unreachable where nobody answers in time, AccessDenied where our password
        isn't accepted.
        """
        wanted = list(commands)
        try:
            connection = self._connection(endpoint)
            connection.send_packed_command(connection.pack_commands(wanted))
            return [_reply(connection) for _ in wanted]
        except (AuthenticationError, AuthorizationError) as error:
            self.forget(endpoint)
            raise AccessDenied(f"{endpoint} refused our password", detail=str(error)) from error
        except (RedisError, OSError, UnicodeError) as error:
            self.forget(endpoint)
            raise Unreachable(f"{endpoint} doesn't answer", detail=_why(error)) from error

    def forget(self, endpoint: Endpoint) -> None:
        """The next question to that server opens a connection of its own."""
        if stale := self._open.pop(endpoint, None):
            stale.disconnect()

    def _connection(self, endpoint: Endpoint) -> Connection:
        known = self._open.get(endpoint)
        if known is None:
            known = new_connection(
                endpoint,
                self.credentials.at(endpoint),
                seconds=self._seconds,
                protocol=self._protocol,
            )
            known.connect()
            self._open[endpoint] = known
        return known


class _Encrypted(Connection):
    """A connection by TLS that trusts the topology's own CA and no other.

    redis-py's own SSLConnection makes a context for each connection, reads the system's CAs
    into it (35 ms each), and trusts those too.
    """

    def __init__(self, *, access: Login, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]  # redis-py has no types here
        self._access = access

    def _connect(self) -> Any:
        plain = super()._connect()  # type: ignore[no-untyped-call]  # nor here
        try:
            return wrapped(plain, self.host, self._access.tls)
        except OSError:
            plain.close()
            raise


def new_connection(
    endpoint: Endpoint,
    access: Login,
    *,
    seconds: float = ANSWER_SECONDS,
    protocol: int = 2,
) -> Connection:
    """A connection not yet made; every supported server speaks RESP2, and RESP3, by which
    replies bear more of their meaning (a map is one)."""
    kind: Any = partial(_Encrypted, access=access) if access.tls else Connection
    made: Connection = kind(
        host=endpoint.host,
        port=endpoint.port,
        username=access.user or None,
        password=access.password or None,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=seconds,
        protocol=protocol,
        decode_responses=True,
        encoding_errors="replace",
        driver_info=None,  # no CLIENT SETINFO: 6.2 doesn't know it
    )
    return made


def ping_without_auth(endpoint: Endpoint, tls: TlsFiles | None = None) -> str:
    """What a client without password gets for PING: "PONG", or the server's refusal."""
    return try_ping(endpoint, Login(tls=tls))


def try_ping(endpoint: Endpoint, access: Login) -> str:
    """What a client that comes in so gets for PING: "PONG", or the server's refusal."""
    probe = new_connection(endpoint, access)
    try:
        probe.connect()
        probe.send_command("PING")
        return str(probe.read_response())
    except AuthenticationError as error:  # a ConnectionError to redis-py, but an answer
        return error_text(error)
    except ResponseError as error:
        return _text(error)
    except (RedisError, OSError, UnicodeError) as error:  # the latter for what can be no host
        return f"no answer: {_why(error)}"
    finally:
        with suppress(RedisError, OSError):
            probe.disconnect()


def _reply(connection: Connection) -> Reply:
    try:
        return connection.read_response()
    except (NoPermissionError, ResponseError) as error:
        # an error reply is an answer, and the connection is still good; but after one about
        # authentication redis-py has hung up, so that goes to the caller
        return error


def raise_on_error(reply: Reply, what: str) -> Reply:
    """The reply, unless it is an error: then BadReply."""
    if isinstance(reply, Exception):
        raise BadReply(f"{what} was refused", detail=_text(reply))
    return reply


def error_text(error: Exception) -> str:
    """A server's error as it said it: redis-py takes the code of those that it knows away."""
    text, code = str(error), getattr(error, "status_code", None)
    known: dict[object, str] = {
        one: name for name, one in BaseParser.EXCEPTION_CLASSES.items() if callable(one)
    }
    if not code and isinstance(error, RedisError):
        code = known.get(type(error)) or ("" if re.match(r"[A-Z]+ ", text) else "ERR")
    return f"{code} {text}".strip()


def _text(error: Exception) -> str:
    return str(error)


def _why(error: Exception) -> str:
    text = str(error)
    for shorter in ("Connection refused", "Timeout", "timed out", "reset by peer"):
        if shorter.lower() in text.lower():
            return shorter.lower().replace("timeout", "timed out")
    return text or type(error).__name__
