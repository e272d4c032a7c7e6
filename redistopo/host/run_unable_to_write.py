"""Runs a program that can write no file, for its output."""

import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from redistopo.host.interrupts import interrupts_deferred
from redistopo.host.polling import Deadline
from redistopo.host.run_program import clean_environment
from redistopo.host.tied_program import Streams, tied_program


def run_unable_to_write(
    argv: list[str], text: bytes, folder: Path, deadline: Deadline, *, tied: bool = True
) -> str:
    """Return a program's output for an input, stderr first, or why there is none: it can't be
    run, crashed, or didn't end by the deadline. It can write no file, not even a core dump.

    Not `tied` is for a program that ends by itself however early its input ends, as it does if
    this process is killed; it starts in half the time.
    """
    try:
        with _begun(argv, folder, tied=tied) as child:
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


@contextmanager
def _begun(argv: list[str], folder: Path, *, tied: bool) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a program with pipes as its streams, in a session of its own, until it is killed at the
    end of the block."""
    pipe = subprocess.PIPE
    if tied:
        with tied_program(argv, folder, Streams(stdin=pipe, stdout=pipe, stderr=pipe)) as child:
            yield child
        return
    with interrupts_deferred(later=True):
        child = subprocess.Popen(
            argv,
            cwd=folder,
            env=clean_environment(),
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            start_new_session=True,
        )
    try:
        yield child
    finally:
        child.kill()
        with suppress(BrokenPipeError), child:  # closes its streams and waits
            pass


def _forbid_writes(pid: int) -> None:
    """Limit its file size to 0 before it has its input; only Linux writes core dumps to the
    working folder."""
    if sys.platform == "linux":
        with suppress(ProcessLookupError, PermissionError):
            for limit in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
                resource.prlimit(pid, limit, (0, 0))
