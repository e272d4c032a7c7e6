"""Connections to nodes: one for each, kept between snapshots, without hidden retries."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
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

from redistopo.client.bounded_connection import MOST_BYTES, BoundedConnection
from redistopo.errors import AccessDenied, BadReply, Unreachable
from redistopo.model.protocol.credentials import Credentials, Login
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.replies import NO_REPLY

Command = Sequence[str | int]
Reply = Any
"""A server's reply: str, int, a list of these, None, or a ResponseError as a value."""

CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 2.0


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
    ) -> None:
        self.credentials = credentials
        self._seconds = seconds
        self._protocol = protocol
        self._most = most
        self._open: dict[Endpoint, Connection] = {}
        self.sent: Counter[Endpoint] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for connection in self._open.values():
            connection.disconnect()
        self._open.clear()

    def execute(self, endpoint: Endpoint, commands: Iterable[Command]) -> list[Reply]:
        """Send commands and return a reply for each, in order; errors as ResponseError values.

        Raises Unreachable if the server doesn't reply in time, AccessDenied if it rejects our
        password.
        """
        wanted = list(commands)
        try:
            connection = self._connection(endpoint)
            self.sent[endpoint] += len(wanted)
            connection.send_packed_command(connection.pack_commands(wanted))
            return [_reply(connection) for _ in wanted]
        except (AuthenticationError, AuthorizationError) as error:
            self.close(endpoint)
            raise AccessDenied(f"{endpoint} rejected our password", detail=str(error)) from error
        except (RedisError, OSError, ValueError, OverflowError) as error:  # of an invalid address
            self.close(endpoint)
            raise Unreachable(f"{endpoint} doesn't reply", detail=_reason(error)) from error

    def close(self, endpoint: Endpoint) -> None:
        """Close the connection to that server; the next command reconnects."""
        if stale := self._open.pop(endpoint, None):
            stale.disconnect()

    def _connection(self, endpoint: Endpoint) -> Connection:
        known = self._open.get(endpoint)
        if known is None:
            login = self.credentials.login_to(endpoint)
            self.sent[endpoint] += bool(login.password)  # AUTH
            known = new_connection(
                endpoint,
                login,
                seconds=self._seconds,
                protocol=self._protocol,
                most=self._most,
            )
            known.connect()
            self._open[endpoint] = known
        return known


def new_connection(
    endpoint: Endpoint,
    access: Login,
    *,
    seconds: float = ANSWER_SECONDS,
    protocol: int = 2,
    most: int = MOST_BYTES,
) -> Connection:
    """Create a connection without connecting; a reply has at most `most` bytes. Every supported
    server speaks RESP2 and RESP3, whose replies have more types (maps, for example)."""
    return BoundedConnection(
        access=access,
        most=most,
        host=endpoint.host,
        port=endpoint.port,
        username=access.user or None,
        password=access.password or None,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=seconds,
        protocol=protocol,
        decode_responses=True,
        encoding_errors="replace",
        driver_info=None,  # no CLIENT SETINFO: 6.2 doesn't support it
    )


def try_ping(endpoint: Endpoint, access: Login) -> str:
    """Log in and send PING; return "PONG" or the server's error."""
    probe = new_connection(endpoint, access)
    try:
        probe.connect()
        probe.send_command("PING")
        return str(probe.read_response())
    except AuthenticationError as error:  # a ConnectionError in redis-py, but a reply
        return error_text(error)
    except ResponseError as error:
        return str(error)
    except (RedisError, OSError, ValueError) as error:  # ValueError: an invalid host name
        return no_reply(error)
    finally:
        with suppress(RedisError, OSError):
            probe.disconnect()


def no_reply(error: Exception) -> str:
    """Return the text that stands for a reply that never came; see `was_read`."""
    return f"{NO_REPLY}: {_reason(error)}"


def _reply(connection: Connection) -> Reply:
    try:
        return connection.read_response()
    except (NoPermissionError, ResponseError) as error:
        # after an error reply the connection is still good, except for authentication errors,
        # after which redis-py has closed it: those are raised
        return error


def raise_on_error(reply: Reply, what: str) -> Reply:
    """Return the reply; raises BadReply if it is an error."""
    if isinstance(reply, Exception):
        raise BadReply(f"{what} failed", detail=str(reply))
    return reply


def error_text(error: Exception) -> str:
    """Restore a server's full error text: redis-py strips the codes that it knows."""
    text, code = str(error), getattr(error, "status_code", None)
    known: dict[object, str] = {
        one: name for name, one in BaseParser.EXCEPTION_CLASSES.items() if callable(one)
    }
    if not code and isinstance(error, RedisError):
        code = known.get(type(error)) or ("" if re.match(r"[A-Z]+ ", text) else "ERR")
    return f"{code} {text}".strip()


def _reason(error: Exception) -> str:
    text = str(error)
    for shorter in ("Connection refused", "Timeout", "timed out", "reset by peer"):
        if shorter.lower() in text.lower():
            return shorter.lower().replace("timeout", "timed out")
    return text or type(error).__name__
