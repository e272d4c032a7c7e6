"""What this machine has to install a server with, and an installer at work."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import threading
from collections import deque
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path

from redistopo.errors import MissingPrerequisite, RedistopoError, TimedOut
from redistopo.host.interrupt import interrupts_deferred
from redistopo.host.polling import Deadline
from redistopo.host.process import clean_environment
from redistopo.install.recipes import TOOLS, Command, Machine, PythonPlace, parse_release

_RELEASES = ("/etc/os-release", "/usr/lib/os-release")
_LAST_LINES = 8
_LAST_WORDS = 2.0
_PATIENCE = 10.0
"""Seconds for an installer to end by itself: one that is killed leaves its work half-done."""


def detect_machine() -> Machine:
    """This machine, as the choice of a way depends on it."""
    programs = (*TOOLS.values(), "uv", "pipx")
    return Machine(
        system=sys.platform,
        release=_release(),
        tools=frozenset(one for one in programs if shutil.which(one)),
        root=os.geteuid() == 0,
        python=_python(),
        bundled=bundled(),
    )


def _release() -> dict[str, str]:
    for path in _RELEASES:
        with suppress(OSError):
            return parse_release(Path(path).read_text(encoding="utf-8", errors="replace"))
    return {}


def _python() -> PythonPlace:
    prefix = Path(sys.prefix)
    return PythonPlace(
        executable=sys.executable,
        venv=sys.prefix != sys.base_prefix,
        pipx=prefix.name if (prefix / "pipx_metadata.json").exists() else "",
        pip=importlib.util.find_spec("pip") is not None,
        managed=(Path(sysconfig.get_path("stdlib")) / "EXTERNALLY-MANAGED").exists(),
    )


def bundled() -> tuple[str, ...]:
    """What the extra `bundled` asks for on this Python and platform, as pip takes it.

    By redistopo's own metadata; empty where there are none (a copy that was never installed).
    """
    from importlib.metadata import PackageNotFoundError, requires

    from packaging.requirements import Requirement

    try:
        wanted = [Requirement(one) for one in requires("redistopo") or ()]
    except PackageNotFoundError:
        return ()
    # one that the extra alone asks for: without it, its marker is false
    return tuple(
        f"{one.name}{one.specifier}"
        for one in wanted
        if one.marker
        and one.marker.evaluate({"extra": "bundled"})
        and not one.marker.evaluate({"extra": ""})
    )


def perform(command: Command, hear: Callable[[str], None], deadline: Deadline) -> None:
    """The command ran to its end, and succeeded; `hear` got each line as it came.

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
            child = _begin(command)
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
            f"{command[0]} did not end within {deadline.seconds:g} s",
            detail=told,
            hint="--timeout gives it longer",
        )
    if child.returncode:
        raise RedistopoError(f"{command[0]} failed (exit code {child.returncode})", detail=told)


def _begin(command: Command) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=clean_environment({"DEBIAN_FRONTEND": "noninteractive"}),
            start_new_session=True,  # Ctrl-C is ours to pass on, once
        )
    except OSError as error:
        raise MissingPrerequisite(f"can't run {command[0]}", detail=error.strerror or "") from error


def _end(child: subprocess.Popen[str]) -> None:
    """The child has ended: asked by SIGINT, as Ctrl-C would, then by SIGTERM, then killed."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if child.poll() is not None:
            break
        child.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            child.wait(_PATIENCE)
