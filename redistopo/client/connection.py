"""Connections to nodes: one for each, kept between snapshots, without hidden retries.

Our own, since redis-py takes longer to import than a snapshot of all nodes takes.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Self

from redistopo.client.reply_limits import ANSWER_SECONDS, Limits
from redistopo.client.server_connection import Connection
from redistopo.errors import AccessDenied, BadReply, RedistopoError, Unreachable
from redistopo.model.protocol import resp
from redistopo.model.protocol.credentials import Credentials, Login
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.replies import NO_REPLY
from redistopo.model.protocol.resp import (
    MOST_BYTES,
    ErrorReply,
    UsualReply,
)

Command = resp.Command
BinaryCommand = resp.BinaryCommand
Reply = resp.Reply


_FAILURES = (ErrorReply, OSError, ValueError, OverflowError)  # of an invalid address


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

    def collect_known(self, endpoint: Endpoint, known: UsualReply | None) -> UsualReply:
        """Return the reply to one posted command with its bytes, `known` if it is the same; raises
        as `execute` does."""
        try:
            return self._connection(endpoint).read_known(known)
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
        failed = Unreachable(f"{endpoint} doesn't reply", detail=_reason(error))
        failed.address = str(endpoint)
        return failed

    @property
    def seconds(self) -> float:
        """How long a reply may take."""
        return self._limits.answer

    def wait_longer(self, seconds: float) -> None:
        """Wait at least that long for each reply from now on."""
        self._limits = replace(self._limits, answer=max(seconds, self._limits.answer))
        for connection in tuple(self._open.values()):
            connection.limit(self._limits)

    def is_open(self, endpoint: Endpoint) -> bool:
        """Return whether there is a connection to that server."""
        return endpoint in self._open

    def connect(self, endpoint: Endpoint) -> None:
        """Connect to that server, unless that is done; raises as `execute` does."""
        try:
            self._connection(endpoint)
        except _FAILURES as error:
            raise self._failed(endpoint, error) from error

    def fileno(self, endpoint: Endpoint) -> int:
        """Return the file descriptor of an open connection, to wait for its next reply."""
        return self._open[endpoint].fileno()

    def give_up(self, endpoint: Endpoint) -> RedistopoError:
        """Close the connection to a server that didn't reply in time; return that as an error."""
        return self._failed(endpoint, TimeoutError("timed out"))

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
