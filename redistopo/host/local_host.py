"""LocalHost: the machine that redistopo itself runs on."""

import os
import stat
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from signal import Signals
from typing import TYPE_CHECKING

import psutil

from redistopo.host import files, large_files, listening_sockets, ports
from redistopo.host import server_process as process
from redistopo.host.host import (
    FileKind,
    Files,
    FileStatus,
    Host,
    LogFiles,
    Ports,
    Process,
    Processes,
    Trial,
    TrialOutput,
)
from redistopo.host.log_files import LocalLogs, Names
from redistopo.host.polling import Deadline
from redistopo.host.process_marks import remove_process_mark
from redistopo.host.run_recorded import run_recorded
from redistopo.host.run_unable_to_write import run_unable_to_write
from redistopo.host.safe_open import open_folder, open_to_read, parent_of
from redistopo.host.unix_sockets import inspect_unix_socket
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.topology.project_paths import Layout

if TYPE_CHECKING:
    from redistopo.model.planning.resource_limits import Limits
    from redistopo.model.planning.room import Room


_TRIALS_SECONDS = 5.0


class _LocalProcesses:
    start = staticmethod(process.launch)
    find = staticmethod(process.find_process)
    server_of_script = staticmethod(process.server_of_script)
    adopt = staticmethod(process.adopt_process)
    forget = staticmethod(remove_process_mark)
    run = staticmethod(run_recorded)

    def is_paused(self, one: Process) -> bool:
        return process.is_paused(_own(one))

    def lost_folder(self, one: Process) -> bool:
        return process.lost_folder(_own(one))

    def signal(self, one: Process, number: Signals) -> None:
        process.signal_process(_own(one), number)

    def await_end(self, processes: Sequence[Process], deadline: Deadline) -> Sequence[Process]:
        return process.await_end([_own(one) for one in processes], deadline)

    def tried(self, trials: Mapping[str, Trial]) -> Mapping[str, TrialOutput]:
        ends, folder = Deadline(_TRIALS_SECONDS), Path("/")
        return {
            name: TrialOutput(
                printed=run_unable_to_write(
                    [*one.argv],
                    one.text.encode(errors="surrogateescape"),
                    folder,
                    ends,
                    tied=not one.ends,
                ),
                missing=[path for path in one.needs if files.certainly_missing(Path(path))],
            )
            for name, one in trials.items()
        }


def _own(one: Process) -> psutil.Process:
    """The psutil process, which only this machine's methods return."""
    if not isinstance(one, psutil.Process):
        raise TypeError(f"{one!r} is not a process of this machine")
    return one


class _LocalFiles:
    read = staticmethod(files.read_text)
    write = staticmethod(files.write_private)
    private_folder = staticmethod(files.private_folder)
    remove = staticmethod(files.remove)
    disk_full = staticmethod(files.disk_full)
    room = staticmethod(large_files.free_bytes)
    sync_seconds = staticmethod(files.sync_seconds)

    def tail(self, path: Path, most: int) -> str:
        with suppress(OSError):
            return self.end(path, most).decode(errors="replace")
        return ""

    def head(self, path: Path, most: int) -> bytes:
        with open_to_read(path) as file:
            return file.read(most)

    def end(self, path: Path, most: int) -> bytes:
        with open_to_read(path) as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - most))
            return file.read()

    def status(self, path: Path) -> FileStatus | None:
        with files.read_errors(path):
            try:
                with parent_of(path) as (folder, name):
                    found = os.lstat(name, dir_fd=folder)
            except (FileNotFoundError, NotADirectoryError):
                return None
        kind = FileKind.FILE if stat.S_ISREG(found.st_mode) else FileKind.OTHER
        if stat.S_ISDIR(found.st_mode):
            kind = FileKind.FOLDER
        return FileStatus(
            kind=kind, size=found.st_size, modified=found.st_mtime, changed=found.st_ctime
        )

    def names(self, folder: Path) -> tuple[str, ...]:
        with files.read_errors(folder):
            try:
                handle = open_folder(folder)
            except (FileNotFoundError, NotADirectoryError):
                return ()
            try:
                return tuple(sorted(os.listdir(handle)))  # noqa: PTH208  of a descriptor
            finally:
                os.close(handle)

    def link(self, path: Path, to: Path) -> None:
        with parent_of(path) as (old, name), parent_of(to) as (new, last):
            os.link(name, last, src_dir_fd=old, dst_dir_fd=new, follow_symlinks=False)

    def rename(self, path: Path, to: Path) -> None:
        with files.write_errors(to), parent_of(path) as (old, name), parent_of(to) as (new, last):
            os.replace(name, last, src_dir_fd=old, dst_dir_fd=new)


class _LocalPorts:
    listening = staticmethod(listening_sockets.listening)
    unix_socket = staticmethod(inspect_unix_socket)

    def holder(self, endpoint: Endpoint) -> str:
        return listening_sockets.port_holder(endpoint.port)

    def is_free(self, endpoint: Endpoint) -> bool:
        return ports.is_free(*endpoint)


class LocalHost:
    """This machine, accessed by psutil and the standard library."""

    processes: Processes = _LocalProcesses()
    files: Files = _LocalFiles()
    ports: Ports = _LocalPorts()
    least_wait = 0.0

    def refresh(self, since: float) -> None:
        """Do nothing: files are read as they are."""

    def limits(self, needed: int) -> "Limits":
        """Return the limits of this process and its children."""
        from redistopo.host.limits import process_limits

        return process_limits(needed)

    def room(self, folder: Path) -> "Room":
        """Return what is left of this machine's memory, and of the folder's disk."""
        from redistopo.host.machine_facts import memory_and_disk
        from redistopo.model.planning.room import Room

        free = memory_and_disk(folder)
        return Room(memory=free.available, disk=free.disk_free)

    def there(self, path: Path) -> str:
        """Return the path: servers here see the same files."""
        return str(path)

    def claim(self, verb: str, *, partly: bool = False) -> None:
        """Nothing: the topology's lock is on this machine."""

    def reach(self) -> None:
        """Nothing, see `claim`."""

    def release(self) -> None:
        """Nothing, see `claim`."""

    def wipe(self) -> None:
        """Nothing: the topology's folder is the project's own."""

    def has_copies(self, nodes: Collection[str]) -> bool:  # noqa: ARG002
        """Return False: the nodes' files are no copies."""
        return False

    def set_aside(self) -> None:
        """Nothing: the nodes' folders are the project's own."""

    def put_back(self) -> None:
        """Nothing, see `set_aside`."""

    def drop_aside(self) -> None:
        """Nothing, see `set_aside`."""

    def send(self, node: str, paths: Sequence[Path]) -> None:
        """Nothing: servers here read the same files."""

    def facts(self) -> Mapping[str, object]:
        """Nothing: see machine_facts."""
        return {}

    def logs(self, layout: Layout, names: Names) -> LogFiles:
        """Return the logs themselves."""
        return LocalLogs(layout, names)

    def flush(self) -> None:
        """Nothing: all is done at once."""


LOCAL: Host = LocalHost()
