"""Runs a program that has our terminal, and gets the signals that we get."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

_PASSED_ON = (
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
_FROM_TERMINAL = (signal.SIGINT, signal.SIGQUIT)
"""A terminal sends these to all processes in the foreground, so to the program, too."""

NOT_FOUND, NOT_RUNNABLE = 127, 126
"""The exit codes of a shell (POSIX, sh: exit status for commands)."""

SIGNAL_BASE = 128
"""Plus the number of the signal that ended a program, likewise."""


def missing_program(name: str, path: str) -> int:
    """Return the exit code of a shell for a program that can't be run; 0 if it can be."""
    if shutil.which(name, path=path):
        return 0
    there = os.sep in name and os.path.lexists(name)
    return NOT_RUNNABLE if there else NOT_FOUND


def run_in_foreground(argv: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a program to its end, and return its exit code, 128 plus the signal that ended it.

    It has our standard streams and our process group, and so the terminal. Signals that we get
    in the meantime are passed on to it.
    """
    children: list[subprocess.Popen[bytes]] = []
    early: list[int] = []

    def pass_on(number: int, _frame: object) -> None:
        if not children:
            early.append(number)
        elif not (number in _FROM_TERMINAL and _in_foreground()):
            with suppress(ProcessLookupError):
                children[0].send_signal(number)

    with _handled(pass_on):
        try:
            child = subprocess.Popen(list(argv), env=dict(environment))
        except PermissionError:
            return NOT_RUNNABLE
        except OSError:
            return NOT_FOUND
        children.append(child)
        for number in early:
            pass_on(number, None)
        code = child.wait()
    return SIGNAL_BASE - code if code < 0 else code


@contextmanager
def _handled(handler: "signal._HANDLER") -> Iterator[None]:
    """Handle the signals inside: ignored ones would be ignored by the program as well."""
    kept = {number: signal.getsignal(number) for number in _PASSED_ON}
    for number, before in kept.items():
        if before is not signal.SIG_IGN:  # as nohup wants it
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number, before in kept.items():
            signal.signal(number, before)


def _in_foreground() -> bool:
    """Whether our process group is in the foreground of a terminal."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
