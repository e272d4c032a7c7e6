"""Finds processes by the folder that they work in."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import psutil

from redistopo.host.all_processes import all_processes

REMOVED = " (deleted)"
"""What proc(5) appends to the path of a folder that was removed."""

_MOMENT = 0.1
"""Seconds for which the processes' working folders are not read again."""


def working_in(folder: Path, *, anew: bool = False) -> Iterator[int]:
    """Yield the pids of all visible processes with that working folder, then of those in one that
    was removed from there, where the system shows that. With `anew` nothing read before is used."""
    if anew:
        _working_folders.cache_clear()
    if sys.platform == "linux":
        wanted, found = str(folder.resolve()), _working_folders(int(time.monotonic() / _MOMENT))
        yield from (*found.get(wanted, ()), *found.get(wanted + REMOVED, ()))
        return
    for process in all_processes():
        with suppress(psutil.Error, OSError):
            if Path(process.cwd()).samefile(folder):
                yield process.pid


def working_folder(pid: int) -> str:
    """Return the folder that a process works in, as the system shows it: with `REMOVED`, if it is
    no longer there."""
    if sys.platform == "linux":
        return os.readlink(f"/proc/{pid}/cwd")  # noqa: PTH115
    return str(psutil.Process(pid).cwd())


@lru_cache(maxsize=1)
def _working_folders(_moment: int) -> dict[str, list[int]]:
    """Working folder -> pids of all visible processes, read once for all nodes of a snapshot.

    psutil would read each process's start time, pathlib create a path for each link.
    """
    found: dict[str, list[int]] = {}
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdecimal():
                cwd = os.readlink(entry / "cwd")  # noqa: PTH115
                found.setdefault(cwd, []).append(int(entry.name))
    return found
