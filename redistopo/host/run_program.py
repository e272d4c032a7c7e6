"""Runs other programs: for their output, line by line, or in place of this process."""

import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from typing import Any, NoReturn

from redistopo.errors import MissingPrerequisite, RedistopoError, TimedOut
from redistopo.host.interrupts import interrupts_deferred
from redistopo.host.polling import Deadline

_SECONDS = 3.0
_SYSTEM = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Folders of system programs, which not every user has on PATH."""

VAULT_VARIABLE = "REDISTOPO_VAULT_PASSWORD"

# Not inherited by programs, whose environment other processes can read.
_SECRET_VARIABLES = ("REDISTOPO_PASSWORD", "REDISCLI_AUTH", "VALKEYCLI_AUTH", VAULT_VARIABLE)

_LAST_LINES = 8
_LAST_OUTPUT_SECONDS = 2.0
_EXIT_SECONDS = 10.0
"""The time for an installer to exit by itself: if killed, it leaves a partial installation."""

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)  # the first as by Ctrl-C

_OURS = ("SIGPIPE", "SIGXFSZ", "SIGTERM", "SIGHUP", "SIGINT")


def search_path() -> str:
    """Return PATH followed by the folders of system programs."""
    return os.pathsep.join((*os.get_exec_path(), *_SYSTEM))


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return our environment without passwords, plus `extra`."""
    kept = {name: value for name, value in os.environ.items() if name not in _SECRET_VARIABLES}
    return kept | dict(extra or {})


def run_command(argv: list[str]) -> str | None:
    """Return a program's stdout, in English; None if it is missing, fails or takes too long."""
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False,
            stdin=subprocess.DEVNULL, start_new_session=True,
            env={"LC_ALL": "C", "PATH": search_path()},
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None


def run_to_end(argv: Sequence[str], on_line: Callable[[str], None], deadline: Deadline) -> None:
    """Run a program to completion, without input; call `on_line` with each line as it arrives.

    On any exception (Ctrl-C too) and at the deadline it is asked to exit, then killed. Raises
    MissingPrerequisite if it can't be run, RedistopoError with its last lines if it fails, and
    TimedOut.
    """
    last: deque[str] = deque(maxlen=_LAST_LINES)
    begun: list[subprocess.Popen[str]] = []
    late = False
    try:
        with interrupts_deferred(later=True):  # otherwise it could run unrecorded
            child = _begin(argv)
            begun.append(child)

        def listen() -> None:
            with child.stdout or nullcontext(()) as lines:
                for line in lines:
                    last.append(line.rstrip())
                    on_line(line.rstrip())

        # in a thread: a service that it starts may keep its output open for ever
        reader = threading.Thread(target=listen, daemon=True)
        reader.start()
        child.wait(deadline.left)
    except subprocess.TimeoutExpired:
        late = True
    finally:
        for one in begun:
            end_child(one, _ENDING, _EXIT_SECONDS)
    reader.join(_LAST_OUTPUT_SECONDS)
    output = "\n".join(last)
    if late:
        raise TimedOut(
            f"{argv[0]} did not end within {deadline.seconds:g} s",
            detail=output,
            hint="use a longer --timeout",
        )
    if child.returncode:
        raise RedistopoError(f"{argv[0]} failed (exit code {child.returncode})", detail=output)


def _begin(argv: Sequence[str]) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=clean_environment({"DEBIAN_FRONTEND": "noninteractive"}),
            start_new_session=True,  # we pass on Ctrl-C, once
        )
    except OSError as error:
        raise MissingPrerequisite(f"can't run {argv[0]}", detail=error.strerror or "") from error


def end_child(
    child: subprocess.Popen[Any], signals: Sequence[signal.Signals], seconds: float
) -> None:
    """Send one signal after the other, each if the child didn't exit within that time."""
    for number in signals:
        if child.poll() is not None:
            break
        child.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            child.wait(seconds)


def exec_program(argv: Sequence[str], extra: Mapping[str, str]) -> NoReturn:
    """Replace this process by a program, with our environment without passwords plus `extra`.

    Its signal handlers are the system's defaults: Python ignores SIGPIPE, which the program would
    inherit. Raises MissingPrerequisite if it can't be run.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    kept = {number: signal.getsignal(number) for name in _OURS if (number := _number(name))}
    try:
        for number in kept:
            signal.signal(number, signal.SIG_DFL)
        os.execve(argv[0], list(argv), clean_environment(extra))  # noqa: S606  never a shell
    except OSError as error:
        for number, handler in kept.items():
            signal.signal(number, handler)
        raise MissingPrerequisite(
            f"can't run {argv[0]}",
            detail=error.strerror or str(error),
            hint="`redistopo engines` lists the servers and CLIs on this machine",
        ) from error


def _number(name: str) -> signal.Signals | None:
    return getattr(signal, name, None)
