"""Runs a program that can write no file, for its output."""

import resource
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from redistopo.host.polling import Deadline
from redistopo.host.tied_program import Streams, tied_program


def run_unable_to_write(argv: list[str], text: bytes, folder: Path, deadline: Deadline) -> str:
    """Return a program's output for an input, stderr first, or why there is none: it can't be
    run, crashed, or didn't end by the deadline. It can write no file, not even a core dump."""
    pipe = subprocess.PIPE
    try:
        # a Sentinel whose input ended early, with ours, would run on
        with tied_program(argv, folder, Streams(stdin=pipe, stdout=pipe, stderr=pipe)) as child:
            _forbid_writes(child.pid)
            out, err = child.communicate(text, deadline.left)
    except subprocess.TimeoutExpired:
        return f"it didn't end within {deadline.seconds:g} s"
    except OSError as error:
        return error.strerror or str(error)
    if child.returncode < 0:
        # the crash report that it prints is long
        return f"it crashed ({signal.Signals(-child.returncode).name})"
    return (err + b"\n" + out).decode(errors="replace")


def _forbid_writes(pid: int) -> None:
    """Limit its file size to 0 before it has its input; only Linux writes core dumps to the
    working folder."""
    if sys.platform == "linux":
        with suppress(ProcessLookupError, PermissionError):
            for limit in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
                resource.prlimit(pid, limit, (0, 0))
