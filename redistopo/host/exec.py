"""Becoming another program: the terminal, the pipes and the exit code are its own from then on."""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NoReturn

from redistopo.errors import MissingPrerequisite
from redistopo.host.process import clean_environment

_OURS = ("SIGPIPE", "SIGXFSZ", "SIGTERM", "SIGHUP", "SIGINT")


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
