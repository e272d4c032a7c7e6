"""Finds the servers that run on this machine, whether redistopo recorded them or not."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from redistopo.host.all_processes import pids_of
from redistopo.host.server_process import SERVERS, make_mark, serves
from redistopo.host.working_folders import REMOVED, working_folder
from redistopo.model.state.record import ProcessMark
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server: its pid, its working folder, and its process mark."""

    pid: int
    folder: Path
    mark: ProcessMark


def running_servers() -> Iterator[Server]:
    """Yield every Redis or Valkey server on this machine whose working folder we may read."""
    for pid in pids_of(SERVERS):
        if server := _server(pid):
            yield server


def servers_below(folder: Path) -> tuple[Server, ...]:
    """Return the servers whose working folder is below `folder`.

    Of all other servers only that folder is read: what else is asked of one takes ten times as
    long, which was most of the time of `status` beside forty other servers.
    """
    found = (_server(pid) for pid in pids_of(SERVERS) if _works_below(folder, pid))
    return tuple(server for server in found if server and server.folder.is_relative_to(folder))


def _works_below(folder: Path, pid: int) -> bool:
    with suppress(psutil.Error, OSError):
        return Path(working_folder(pid).removesuffix(REMOVED)).is_relative_to(folder)
    return False


def _server(pid: int) -> Server | None:
    """The server that a process is, if it is one, and still runs."""
    with suppress(psutil.Error, OSError):
        process = psutil.Process(pid)
        if serves(process):
            folder = Path(process.cwd().removesuffix(REMOVED))
            return Server(pid=pid, folder=folder, mark=make_mark(process, folder.name))
    return None
