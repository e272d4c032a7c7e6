"""Running other programs: for their output, with their output as it comes, or in our place."""

import os
import resource
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import NoReturn

from redistopo.errors import MissingPrerequisite, RedistopoError, TimedOut
from redistopo.host.interrupts import interrupts_deferred
from redistopo.host.polling import Deadline

_SECONDS = 3.0
_SYSTEM = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where a system's own programs are; not everybody has these on PATH."""

# What a program must not inherit: it would show a password to whoever reads its environment.
_SECRET_VARIABLES = ("REDISTOPO_PASSWORD", "REDISCLI_AUTH", "VALKEYCLI_AUTH")

_LAST_LINES = 8
_LAST_WORDS = 2.0
_PATIENCE = 10.0
"""Seconds for an installer to end by itself: one that is killed leaves its work half-done."""

_OURS = ("SIGPIPE", "SIGXFSZ", "SIGTERM", "SIGHUP", "SIGINT")


def search_path() -> str:
    """PATH, and behind it the folders of the system's own programs."""
    return os.pathsep.join((*os.get_exec_path(), *_SYSTEM))


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Our environment without passwords, with `extra` on top."""
    kept = {name: value for name, value in os.environ.items() if name not in _SECRET_VARIABLES}
    return kept | dict(extra or {})


def run_command(argv: list[str]) -> str | None:
    """What it printed on stdout, in English; None where it isn't there, refused, or took long."""
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False,
            stdin=subprocess.DEVNULL, start_new_session=True,
            env={"LC_ALL": "C", "PATH": search_path()},
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None


def run_unable_to_write(argv: list[str], text: bytes, folder: Path, deadline: Deadline) -> str:
    """What it printed for that input, stderr first; or why there is nothing: it could not be
    run, crashed, or did not end by the deadline. It can write no file, not even a core."""
    try:
        with interrupts_deferred(later=True):  # else one could run of which nobody knows
            child = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=folder,
                env=clean_environment(),
                start_new_session=True,
            )
    except OSError as error:
        return error.strerror or str(error)
    with child:
        try:
            _forbid_writes(child.pid)
            out, err = child.communicate(text, deadline.left)
        except subprocess.TimeoutExpired:
            return f"it didn't end within {deadline.seconds:g} s"
        finally:
            child.kill()
            child.wait()  # Popen itself doesn't, after a Ctrl-C
    if child.returncode < 0:
        # what it prints then is long, and of memory
        return f"it crashed ({signal.Signals(-child.returncode).name})"
    return (err + b"\n" + out).decode(errors="replace")


def _forbid_writes(pid: int) -> None:
    """It has none of its input yet. Elsewhere than on Linux, cores don't go to the folder that
    it is in."""
    if sys.platform == "linux":
        with suppress(ProcessLookupError, PermissionError):
            for limit in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
                resource.prlimit(pid, limit, (0, 0))


def run_to_end(argv: Sequence[str], hear: Callable[[str], None], deadline: Deadline) -> None:
    """Run a program to its end; calls `hear` with each line as it arrives.

    It asks nothing: it has no input, and what it may ask is answered by its options. On any
    exception (Ctrl-C too) and at the deadline it is told to end, and only then killed. Raises
    MissingPrerequisite where it can't be run, RedistopoError with its last lines where it failed,
    TimedOut.
    """
    last: deque[str] = deque(maxlen=_LAST_LINES)
    begun: list[subprocess.Popen[str]] = []
    late = False
    try:
        with interrupts_deferred(later=True):  # else one could run of which nobody knows
            child = _begin(argv)
            begun.append(child)

        def listen() -> None:
            with child.stdout or nullcontext(()) as lines:
                for line in lines:
                    last.append(line.rstrip())
                    hear(line.rstrip())

        # beside: what it leaves running (a service) may hold its output open for good
        ears = threading.Thread(target=listen, daemon=True)
        ears.start()
        child.wait(deadline.left)
    except subprocess.TimeoutExpired:
        late = True
    finally:
        for one in begun:
            _end(one)
    ears.join(_LAST_WORDS)
    told = "\n".join(last)
    if late:
        raise TimedOut(
            f"{argv[0]} did not end within {deadline.seconds:g} s",
            detail=told,
            hint="--timeout gives it longer",
        )
    if child.returncode:
        raise RedistopoError(f"{argv[0]} failed (exit code {child.returncode})", detail=told)


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
            start_new_session=True,  # Ctrl-C is ours to pass on, once
        )
    except OSError as error:
        raise MissingPrerequisite(f"can't run {argv[0]}", detail=error.strerror or "") from error


def _end(child: subprocess.Popen[str]) -> None:
    """The child has ended: asked by SIGINT, as Ctrl-C would, then by SIGTERM, then killed."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if child.poll() is not None:
            break
        child.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            child.wait(_PATIENCE)


def exec_program(argv: Sequence[str], extra: Mapping[str, str]) -> NoReturn:
    """This process is that program, with our environment (but for passwords) and `extra`.

    Python ignores SIGPIPE, and what is ignored stays so in the program: it gets the system's
    usual signals. Raises MissingPrerequisite where the program can't be run.
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
