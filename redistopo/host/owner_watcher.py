"""Ends the servers of an ephemeral topology when its owner has ended, and removes its folder.

Also a program of its own, started by `watch_owner` as `python -I -S owner_watcher.py`: it imports
little, since it runs beside every ephemeral topology. It ends only servers that the folder's
process marks name by pid and start time, or that run the same program in the node's folder: one
that was started a moment before it could be recorded, and the children in which servers save. It
removes only a folder that has our marker, and opens nothing through a link.
"""

import os
import select
import signal
import stat
import sys
import time
from contextlib import suppress

MARKER = "EPHEMERAL"
"""The file that marks a folder as an ephemeral topology's; it is removed last."""

_STATE, _NODES, _PROCESS = ".redistopo", "nodes", "process.json"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_POLL_SECONDS = 0.5
QUIET_SECONDS = 0.3
"""After an owner was killed, a server could be between its start and its record."""

_MOST_SECONDS = 5.0
_MOST_BYTES = 64 * 1024


def start_of(pid: int) -> float | None:
    """Return a process's start time as process marks have it; None if it has ended."""
    if sys.platform == "linux":
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123  pathlib takes memory
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            return None
        return None if fields[0] in (b"Z", b"X") else float(fields[19])
    return _start_by_ps(pid)


def _start_by_ps(pid: int) -> float | None:
    """The same on a system without /proc, to the second."""
    with os.popen(f"LC_ALL=C ps -o stat=,lstart= -p {pid:d}") as told:  # noqa: S605  a number
        state, _, text = told.read().strip().partition(" ")
    if not state or state.startswith("Z"):
        return None
    return time.mktime(time.strptime(" ".join(text.split()), "%a %b %d %H:%M:%S %Y"))


def _is(started: float | None, recorded: object) -> bool:
    """Whether a start time is the recorded one, which elsewhere than on Linux has fractions."""
    if started is None or not isinstance(recorded, int | float):
        return False
    return started == recorded if sys.platform == "linux" else abs(started - recorded) <= 1


def open_ephemeral(path: str, device: int, inode: int) -> int | None:
    """Open an ephemeral folder of this user; None if that path isn't this folder any more."""
    try:
        folder = os.open(path, _FOLDER)
    except OSError:
        return None
    try:
        found = os.fstat(folder)
        marker = os.stat(MARKER, dir_fd=folder, follow_symlinks=False)
        same = (found.st_dev, found.st_ino) == (device, inode)
        if same and found.st_uid == os.geteuid() and stat.S_ISREG(marker.st_mode):
            return folder
    except OSError:
        pass
    os.close(folder)
    return None


def end_servers(folder: int, quiet: float) -> None:
    """Send SIGKILL to every server of an open ephemeral folder, until none has appeared for so
    many seconds."""
    now = last = time.monotonic()
    end = now + _MOST_SECONDS
    while now < end:
        found = _servers(folder)
        for pid, started in found:
            if start_of(pid) == started:
                _kill(pid)
        now = time.monotonic()
        if found:
            last = now
        elif now - last >= quiet:
            return
        select.select([], [], [], 0.01)


def _kill(pid: int) -> None:
    with suppress(OSError):  # it has just ended
        os.kill(pid, signal.SIGKILL)


def _servers(folder: int) -> list[tuple[int, float]]:
    """The pid and start time of each server."""
    opened = [folder]
    found = set()
    try:
        for name in (_STATE, _NODES):
            opened.append(os.open(name, _FOLDER, dir_fd=opened[-1]))
        for name in os.listdir(opened[-1]):  # noqa: PTH208  a descriptor
            try:
                opened.append(os.open(name, _FOLDER, dir_fd=opened[2]))
            except OSError:
                continue
            found |= _of_node(opened[-1])
    except OSError:
        pass  # nothing was started yet
    finally:
        for one in opened[1:]:
            os.close(one)
    return [(pid, started) for pid, started in found if started is not None]


def _of_node(node: int) -> set[tuple[int, float | None]]:
    mark = _mark(node)
    pid, program = mark.get("pid"), mark.get("executable")
    found: set[tuple[int, float | None]] = set()
    if isinstance(pid, int) and pid > 0 and _is(started := start_of(pid), mark.get("started")):
        found.add((pid, started))
    if sys.platform == "linux" and isinstance(program, str):
        found |= {(one, start_of(one)) for one in _running_in(node, program)}
    return found


def _mark(node: int) -> dict[str, object]:
    """The process mark in a node's folder; empty if there is none."""
    import json

    try:
        handle = os.open(_PROCESS, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=node)
    except OSError:
        return {}
    try:
        found = json.loads(os.read(handle, _MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    finally:
        os.close(handle)
    return found if isinstance(found, dict) else {}


def _running_in(node: int, program: str) -> list[int]:
    """Pids of the processes that run that program in that folder."""
    found = []
    try:
        here, wanted = os.fstat(node), os.stat(program)  # noqa: PTH116
    except OSError:
        return []
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdecimal():
            try:
                if os.path.samestat(os.stat(f"/proc/{name}/cwd"), here) and os.path.samestat(  # noqa: PTH116
                    os.stat(f"/proc/{name}/exe"),  # noqa: PTH116
                    wanted,
                ):
                    found.append(int(name))
            except OSError:
                continue  # another user's, or it has ended
    return found


def remove_folder(path: str, folder: int) -> None:
    """Remove an open ephemeral folder with its content; links are removed, not followed."""
    _empty(folder, keep=MARKER)
    try:
        os.unlink(MARKER, dir_fd=folder)
        os.rmdir(path)  # noqa: PTH106
    except OSError:
        pass


def _empty(folder: int, keep: str = "") -> None:
    for name in os.listdir(folder):
        if name == keep:
            continue
        try:
            inner = os.open(name, _FOLDER, dir_fd=folder)
        except OSError:
            with suppress(OSError):
                os.unlink(name, dir_fd=folder)
            continue
        _empty(inner)
        os.close(inner)
        with suppress(OSError):
            os.rmdir(name, dir_fd=folder)


def clean_up(path: str, device: int, inode: int, quiet: float = QUIET_SECONDS) -> None:
    """End the servers of an ephemeral topology and remove its folder, if it is still there."""
    folder = open_ephemeral(path, device, inode)
    if folder is None:
        return
    try:
        end_servers(folder, quiet)
        remove_folder(path, folder)
    finally:
        os.close(folder)


def _await_end(owner: int) -> None:
    """Return when the owner, our parent, has ended: its end of our input is closed. A process that
    it forked may still hold that; but we have another parent then."""
    poller = select.poll()
    poller.register(0, select.POLLIN | select.POLLHUP)
    while os.getppid() == owner:
        if poller.poll(_POLL_SECONDS * 1000) and not os.read(0, 1):
            return


def main() -> None:
    """Watch; the arguments are the folder, its device and inode, and the owner's pid."""
    path, device, inode, owner = sys.argv[1:5]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.chdir("/")
    _await_end(int(owner))
    clean_up(path, int(device), int(inode))


if __name__ == "__main__":
    main()
