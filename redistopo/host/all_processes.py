"""Lists the processes of this machine as they are now."""

from collections.abc import Iterator
from contextlib import suppress

import psutil


def all_processes() -> Iterator[psutil.Process]:
    """Yield every visible process.

    psutil.process_iter keeps a process object for each pid while a process has it: of a pid that is
    used again, this would still have the program of the former process (psutil 6 and later).
    """
    for pid in psutil.pids():
        with suppress(psutil.NoSuchProcess):  # it has just ended
            yield psutil.Process(pid)
