"""Lists the processes of this machine as they are now."""

import os
import sys
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

import psutil

_DELETED = " (deleted)"
"""What proc(5) appends to the path of a program that was removed."""


def all_processes() -> Iterator[psutil.Process]:
    """Yield every visible process.

    psutil.process_iter keeps a process object for each pid while a process has it: of a pid that is
    used again, this would still have the program of the former process (psutil 6 and later).
    """
    for pid in psutil.pids():
        with suppress(psutil.NoSuchProcess):  # it has just ended
            yield psutil.Process(pid)


def pids_of(programs: Collection[str]) -> Iterator[int]:
    """Yield the pid of every process that runs a program with one of these names.

    On Linux one link is read for each process; psutil would read the start time of all first.
    """
    for pid in psutil.pids():
        with suppress(psutil.Error, OSError):  # it has ended, or is another user's
            if Path(_program(pid)).name in programs:
                yield pid


def _program(pid: int) -> str:
    if sys.platform == "linux":
        return os.readlink(f"/proc/{pid}/exe").removesuffix(_DELETED)  # noqa: PTH115
    return str(psutil.Process(pid).exe())
