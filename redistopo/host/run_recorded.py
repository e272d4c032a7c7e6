"""Runs a recorded program: if redistopo is killed, its next run can end the program."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import psutil

from redistopo.errors import TimedOut
from redistopo.host.files import remove, write_errors
from redistopo.host.host import Program, Slow
from redistopo.host.polling import Deadline
from redistopo.host.process_marks import load_process_mark, save_process_mark
from redistopo.host.run_program import clean_environment
from redistopo.host.safe_open import open_to_write
from redistopo.host.server_process import (
    await_end,
    has_working_folder,
    make_mark,
    process_of_mark,
    signal_process,
)


def run_recorded(program: Program, deadline: Deadline, slow: Slow) -> int:
    """Run a program; see Processes.run. Our passwords are not in its environment."""
    with write_errors(program.log):
        log = open_to_write(program.log, os.O_WRONLY | os.O_TRUNC)
    try:
        child = psutil.Popen(
            program.argv,
            env=clean_environment(program.secrets),
            cwd=program.mark.parent,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    finally:
        os.close(log)
    try:
        with suppress(psutil.NoSuchProcess):  # it ended at once
            name = Path(program.argv[0]).name
            save_process_mark(program.mark, make_mark(child, name))
        return _awaited(child, deadline, slow)
    except (psutil.TimeoutExpired, subprocess.TimeoutExpired) as error:
        raise TimedOut(f"not done after {deadline.seconds:g} s") from error
    finally:
        with suppress(psutil.NoSuchProcess):  # it has ended
            if child.poll() is None:
                child.kill()
                child.wait()
        remove(program.mark, missing_ok=True)


def _awaited(child: psutil.Popen, deadline: Deadline, slow: Slow) -> int:
    """Its exit code; raises psutil.TimeoutExpired or subprocess.TimeoutExpired."""
    slow_after, notify = slow
    try:
        return int(child.wait(timeout=min(slow_after.left, deadline.left)))
    except (psutil.TimeoutExpired, subprocess.TimeoutExpired):
        notify()
    return int(child.wait(timeout=deadline.left))


def end_leftover(mark: Path) -> None:
    """End a program that a killed redistopo left running."""
    known = load_process_mark(mark)
    if known is not None:
        process = process_of_mark(known)
        # in a copy of the project the mark is that of the original's process
        if process is not None and has_working_folder(process, mark.parent):
            signal_process(process, signal.SIGKILL)
            await_end([process], Deadline(5))
        remove(mark, missing_ok=True)
