"""Finds the servers that run on this machine, whether redistopo recorded them or not."""

from collections.abc import Iterator
from pathlib import Path

import psutil

from redistopo.host.all_processes import processes_of
from redistopo.host.server_process import SERVERS, make_mark, serves
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
    for process in processes_of(SERVERS):
        try:
            if serves(process):
                folder = process.cwd().removesuffix(" (deleted)")
                mark = make_mark(process, Path(folder).name)
                yield Server(pid=process.pid, folder=Path(folder), mark=mark)
        except (psutil.Error, OSError):
            continue


def servers_below(folder: Path) -> tuple[Server, ...]:
    """Return the servers whose working folder is below `folder`."""
    return tuple(server for server in running_servers() if server.folder.is_relative_to(folder))
