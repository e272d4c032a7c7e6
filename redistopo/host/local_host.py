"""LocalHost: the machine that redistopo itself runs on."""

import os
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from signal import Signals

import psutil

from redistopo.host import files, listening_sockets, ports
from redistopo.host import server_process as process
from redistopo.host.host import (
    FileKind,
    Files,
    FileStatus,
    Host,
    Ports,
    Process,
    Processes,
    Program,
    Slow,
    StartedProcess,
)
from redistopo.host.limits import process_limits
from redistopo.host.polling import Deadline
from redistopo.host.process_marks import remove_process_mark
from redistopo.host.run_recorded import run_recorded
from redistopo.model.planning.resource_limits import Limits
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.topology.project_paths import Layout


class _LocalProcesses:
    def start(self, layout: Layout, node: str, executable: str) -> StartedProcess:
        started: StartedProcess = process.launch(layout, node, executable)
        return started

    def find(self, layout: Layout, node: str) -> Process | None:
        return process.find_process(layout, node)

    def adopt(self, layout: Layout, node: str) -> None:
        process.adopt_process(layout, node)

    def is_paused(self, one: Process) -> bool:
        return process.is_paused(_own(one))

    def signal(self, one: Process, number: Signals) -> None:
        process.signal_process(_own(one), number)

    def await_end(self, processes: Sequence[Process], deadline: Deadline) -> Sequence[Process]:
        return process.await_end([_own(one) for one in processes], deadline)

    def forget(self, layout: Layout, node: str) -> None:
        remove_process_mark(layout, node)

    def run(self, program: Program, deadline: Deadline, slow: Slow) -> int:
        return run_recorded(program, deadline, slow)


def _own(one: Process) -> psutil.Process:
    """The psutil process, which only this machine's methods return."""
    if not isinstance(one, psutil.Process):
        raise TypeError(f"{one!r} is not a process of this machine")
    return one


class _LocalFiles:
    def read(self, path: Path) -> str | None:
        return files.read_text(path)

    def tail(self, path: Path, most: int) -> str:
        with suppress(OSError), path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - most))
            return file.read().decode(errors="replace")
        return ""

    def head(self, path: Path, most: int) -> bytes:
        with path.open("rb") as file:
            return file.read(most)

    def status(self, path: Path) -> FileStatus | None:
        with files.read_errors(path):
            try:
                found = path.lstat()
            except (FileNotFoundError, NotADirectoryError):
                return None
        kind = FileKind.FILE if stat.S_ISREG(found.st_mode) else FileKind.OTHER
        if stat.S_ISDIR(found.st_mode):
            kind = FileKind.FOLDER
        return FileStatus(kind=kind, size=found.st_size, modified=found.st_mtime)

    def names(self, folder: Path) -> tuple[str, ...]:
        with files.read_errors(folder):
            try:
                return tuple(sorted(path.name for path in folder.iterdir()))
            except (FileNotFoundError, NotADirectoryError):
                return ()

    def write(self, path: Path, text: str) -> None:
        files.write_private(path, text)

    def private_folder(self, path: Path) -> None:
        files.private_folder(path)

    def rename(self, path: Path, to: Path) -> None:
        with files.write_errors(to):
            path.replace(to)

    def remove(self, path: Path) -> None:
        files.remove(path)

    def disk_full(self, path: Path) -> bool:
        return files.disk_full(path)


class _LocalPorts:
    def is_free(self, endpoint: Endpoint) -> bool:
        return ports.is_free(*endpoint)

    def holder(self, port: int) -> str:
        return listening_sockets.port_holder(port)

    def listening(self, port_by_pid: Mapping[int, int]) -> Mapping[int, tuple[str, ...]]:
        return listening_sockets.listening(dict(port_by_pid))


class LocalHost:
    """This machine, accessed by psutil and the standard library."""

    processes: Processes = _LocalProcesses()
    files: Files = _LocalFiles()
    ports: Ports = _LocalPorts()

    def limits(self, needed: int) -> Limits:
        """Return the limits of this process and its children."""
        return process_limits(needed)


LOCAL: Host = LocalHost()
