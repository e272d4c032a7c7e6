"""Runs a recorded program: what redistopo, killed with its children, leaves of it is known."""

import os
import signal
import subprocess
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil

from redistopo.errors import MissingPrerequisite, TimedOut
from redistopo.host.files import remove, write_errors
from redistopo.host.host import Program, Slow
from redistopo.host.polling import Deadline
from redistopo.host.process_marks import load_process_mark, save_process_mark
from redistopo.host.safe_open import open_to_write
from redistopo.host.server_process import (
    await_end,
    has_working_folder,
    make_mark,
    process_of_mark,
    signal_process,
)
from redistopo.host.tied_program import Streams, tied_program


def run_recorded(program: Program, deadline: Deadline, slow: Slow) -> int:
    """Run a program; see Processes.run. It ends with this process."""
    with write_errors(program.log):
        log = open_to_write(program.log, os.O_WRONLY | os.O_TRUNC)
    try:
        with ExitStack() as stack:
            child = _begin(program, log, stack)
            with suppress(psutil.NoSuchProcess):  # it ended at once
                name = Path(program.argv[0]).name
                save_process_mark(program.mark, make_mark(psutil.Process(child.pid), name))
            return _awaited(child, deadline, slow)
    except subprocess.TimeoutExpired as error:
        raise TimedOut(f"not done after {deadline.seconds:g} s") from error
    finally:
        os.close(log)
        remove(program.mark, missing_ok=True)


def _begin(program: Program, log: int, stack: ExitStack) -> "subprocess.Popen[bytes]":
    streams, folder = Streams(stdout=log, stderr=log), program.mark.parent
    try:
        return stack.enter_context(tied_program(program.argv, folder, streams, program.secrets))
    except OSError as error:
        raise MissingPrerequisite(
            f"can't run {program.argv[0]}",
            detail=error.strerror or str(error),
            hint="`redistopo engines` lists the servers and CLIs on this machine",
        ) from error


def _awaited(child: "subprocess.Popen[bytes]", deadline: Deadline, slow: Slow) -> int:
    """Its exit code; raises subprocess.TimeoutExpired."""
    slow_after, notify = slow
    with suppress(subprocess.TimeoutExpired):
        return child.wait(min(slow_after.left, deadline.left))
    notify()
    return child.wait(deadline.left)


def end_leftover(mark: Path) -> None:
    """End a program that a redistopo left running that was killed with what ends it."""
    known = load_process_mark(mark)
    if known is not None:
        process = process_of_mark(known)
        # in a copy of the project the mark is that of the original's process
        if process is not None and has_working_folder(process, mark.parent):
            signal_process(process, signal.SIGKILL)
            await_end([process], Deadline(5))
        remove(mark, missing_ok=True)
