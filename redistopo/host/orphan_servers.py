"""Finds servers that run in one of our folders, whether recorded or not."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from redistopo.host.server_process import make_mark, serves
from redistopo.model.state.record import ProcessMark


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server program: its pid, its working folder, and what names it for good."""

    pid: int
    folder: Path
    mark: ProcessMark


def orphan_servers() -> tuple[Server, ...]:
    """Every Redis or Valkey server on this machine whose working folder we may see."""
    return tuple(_servers())


def _servers() -> Iterator[Server]:
    for process in psutil.process_iter():
        try:
            if serves(process):
                folder = process.cwd().removesuffix(" (deleted)")
                mark = make_mark(process, Path(folder).name)
                yield Server(pid=process.pid, folder=Path(folder), mark=mark)
        except (psutil.Error, OSError):
            continue


def servers_below(folder: Path) -> tuple[Server, ...]:
    """Those that work below a folder."""
    return tuple(server for server in orphan_servers() if server.folder.is_relative_to(folder))
