"""The commands by which a server changes its data, as it sends them to a replica.

A replica that names the server's replication id and its present offset gets what follows, without
any data before (replication.c, masterTryPartialResync). The server keeps what that takes, its
backlog, once it has had a replica. For a server that never had one, a replica that asks for all
data makes it begin the backlog at once (syncCommand), and is gone before the data is sent.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from redistopo.client.connection import Reply
from redistopo.client.reply_limits import Limits
from redistopo.client.server_connection import Connection
from redistopo.errors import BadReply, Unreachable
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.protocol.credentials import Login
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.replies import parse_info
from redistopo.model.protocol.resp import ErrorReply

_LIMITS = Limits(answer=60.0, most_bytes=1 << 31, binary=True)
_BACKLOG_SECONDS = 5.0
_ACK_SECONDS = 1.0
_TURN_SECONDS = 0.1
"""How long what arrives is read at a time, so that a fast writer doesn't stop all else."""


class NoStream(BadReply):
    """The server doesn't send its commands to us; the detail says why."""


class WriteStream:
    """A connection that gets every command which changes data, from `begin` on; `offset` is how far
    it was read, as the server counts (master_repl_offset)."""

    def __init__(self, endpoint: Endpoint, login: Login) -> None:
        self._endpoint = endpoint
        self._login = login
        self._connection = Connection(endpoint, login, limits=_LIMITS)
        self._acknowledged = 0.0
        self.offset = 0

    def begin(self) -> None:
        """Ask for the commands from now on; raises NoStream if the server refuses, Unreachable."""
        try:
            self._connection.connect()
            with ExitStack() as stack:
                if not self._has_backlog():
                    first = Connection(self._endpoint, self._login, limits=_LIMITS)
                    stack.callback(first.close)
                    self._begin_backlog(first)
                self._follow()
        except BaseException as error:
            self.close()
            if isinstance(error, ErrorReply):
                raise self._refused(str(error)) from error
            if isinstance(error, OSError):
                raise self._lost(error) from error
            raise

    def commands(self) -> Iterator[Sequence[bytes]]:
        """Yield the commands that have arrived, without waiting for more."""
        until = time.monotonic() + _TURN_SECONDS
        try:
            while self._connection.has_reply(0):
                reply, raw = self._connection.read_with_bytes()
                self.offset += len(raw)
                if isinstance(reply, list) and reply:
                    yield reply
                if time.monotonic() > until:
                    break
            self._acknowledge()
        except OSError as error:
            raise self._lost(error) from error

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _info(self) -> dict[str, str]:
        reply = _required(self._connection.ask("INFO", "replication"))
        return dict(parse_info(reply.decode() if isinstance(reply, bytes) else str(reply)))

    def _has_backlog(self) -> bool:
        return self._info().get("repl_backlog_active") == "1"

    def _begin_backlog(self, first: Connection) -> None:
        """Make the server begin its backlog; no file is written, and nothing sent, for that."""
        first.connect()
        _required(first.ask("REPLCONF", "capa", "eof"))
        # without any data, since Redis 7.0; an older server may save its data to its disk
        filtered = first.ask("REPLCONF", "rdb-filter-only", "")
        if isinstance(filtered, ErrorReply) and not self._diskless():
            raise self._refused("it has no backlog, and would save its data for a replica")
        first.send([("PSYNC", "?", "-1")])

        def begun() -> bool | None:
            if self._has_backlog():
                return True
            if first.has_reply(0):
                _required(first.read())
            return None

        wait_for(begun, Deadline(_BACKLOG_SECONDS), lambda: self._refused("it began no backlog"))

    def _diskless(self) -> bool:
        reply = self._connection.ask("CONFIG", "GET", "repl-diskless-sync")
        return isinstance(reply, list) and reply[1:] == [b"yes"]

    def _follow(self) -> None:
        info = self._info()
        self.offset = int(info.get("master_repl_offset", 0))
        reply = self._connection.ask("PSYNC", info.get("master_replid", "?"), self.offset + 1)
        if not str(_required(reply)).startswith("CONTINUE"):
            raise self._refused(str(reply)[:200])

    def _acknowledge(self) -> None:
        """Keep the connection (repl-timeout). Nothing is acknowledged: a client's WAIT must not
        count what has no data."""
        now = time.monotonic()
        if now - self._acknowledged > _ACK_SECONDS:
            self._acknowledged = now
            self._connection.send([("REPLCONF", "ACK", 0)])

    def _refused(self, why: str) -> NoStream:
        return NoStream(f"{self._endpoint} doesn't send its writes to us", detail=why)

    def _lost(self, error: OSError) -> Unreachable:
        return Unreachable(
            f"{self._endpoint} no longer sends its writes",
            detail=str(error) or type(error).__name__,
            hint="once it is up: run the same command again with --replace",
        )


def _required(reply: Reply) -> Reply:
    if isinstance(reply, ErrorReply):
        raise reply
    return reply
