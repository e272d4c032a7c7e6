"""The data of a server as it sends it to a new replica: a snapshot file through the network.

A server that gets SYNC saves its data like BGSAVE, and sends that file (replication.c,
syncCommand). A client that doesn't announce that it can read a file without a known size gets it
from the disk, saved at once: for others the save would wait for more replicas
(repl-diskless-sync-delay).
"""

from collections.abc import Iterator

from redistopo.client.reply_limits import Limits
from redistopo.client.server_connection import Connection
from redistopo.errors import BadReply, Unreachable
from redistopo.model.protocol.credentials import Login
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.resp import ErrorReply


class RdbStream:
    """A connection to a server that sends its data once."""

    def __init__(self, endpoint: Endpoint, login: Login, seconds: float) -> None:
        self._endpoint = endpoint
        self._connection = Connection(endpoint, login, limits=Limits(answer=seconds))

    def begin(self) -> None:
        """Ask for the data, which is saved then."""
        try:
            self._connection.connect()
            # otherwise a server keeps what is written in the meantime, for this replica too;
            # an older one refuses that
            self._connection.ask("REPLCONF", "rdb-only", 1)
            self._connection.send([("SYNC",)])
        except (OSError, ErrorReply) as error:
            self.close()
            raise self._lost(error) from error

    @property
    def sends(self) -> bool:
        """Whether the server sends something already."""
        try:
            return self._connection.has_reply(0)
        except OSError as error:
            raise self._lost(error) from error

    def parts(self, seconds: float) -> Iterator[bytes]:
        """Yield the file's bytes, once it is saved within that time."""
        try:
            yield from self._connection.file(self._connection.file_size(seconds))
        except ErrorReply as error:
            raise BadReply(f"{self._endpoint}: SYNC failed", detail=str(error)) from error
        except OSError as error:
            raise self._lost(error) from error
        finally:
            self.close()

    def close(self) -> None:
        """Close the connection; a save in progress is ended, if no replica waits for it."""
        self._connection.close()

    def _lost(self, error: Exception) -> Unreachable:
        return Unreachable(
            f"{self._endpoint} does not send its data",
            detail=str(error) or type(error).__name__,
            hint="see its log: redistopo logs",
        )
