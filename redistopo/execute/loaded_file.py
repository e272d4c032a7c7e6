"""Loads a data file into a temporary server, which replies once it has all keys."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redistopo.client.connection import Connections
from redistopo.errors import AccessDenied, RedistopoError, TimedOut, Unreachable
from redistopo.host.loading_server import LoadingServer, loading_server
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.protocol.credentials import Login, single_credential
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.replies import keys_by_database, parse_info
from redistopo.quick_dataclass import dataclass


class UnloadableFile(RedistopoError):
    """A server can't load a data file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedFile:
    """The server that has the file's keys: its address, our login, and the number of keys of each
    database."""

    endpoint: Endpoint
    login: Login
    keys: dict[int, int]

    @property
    def databases(self) -> tuple[int, ...]:
        """The databases that have keys."""
        return tuple(self.keys)


@contextmanager
def loaded_file(program: str, data: Path, deadline: Deadline) -> Iterator[LoadedFile]:
    """Load an RDB file, an append-only file or a folder with one into a temporary server until the
    block ends. The file is only read. Raises UnloadableFile with the server's own words."""
    with loading_server(program, data) as server:
        endpoint, login = Endpoint(server.host, server.port), Login(password=server.password)
        with Connections(single_credential(login)) as client:
            info = _await_loaded(server, client, endpoint, data, deadline)
        yield LoadedFile(endpoint=endpoint, login=login, keys=keys_by_database(info))


def _await_loaded(
    server: LoadingServer, client: Connections, endpoint: Endpoint, data: Path, deadline: Deadline
) -> dict[str, str]:
    def look() -> dict[str, str] | None:
        if server.ended:
            raise UnloadableFile(
                f"{data.name} can't be loaded",
                detail=server.last_log_lines.strip(),
                hint="it has to be a whole RDB or append-only file; one of a newer server needs a "
                "newer `engine`: redistopo engines lists them",
            )
        try:
            (reply,) = client.execute(endpoint, [("INFO",)])
        except (Unreachable, AccessDenied):
            return None
        info = dict(parse_info(str(reply)))
        mine = info.get("process_id") == str(server.process.pid)
        return info if mine and info.get("loading", "1") == "0" else None

    late = TimedOut(
        f"{data.name} was not loaded within {deadline.seconds:g} s",
        hint="wait longer with --timeout",
    )
    return wait_for(look, deadline, lambda: late, pause=0.01)
