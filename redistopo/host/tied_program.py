"""Starts a program that ends with this process, also if this process is killed.

What isn't recorded before it starts could otherwise run for ever: redis-cli waits for a cluster
that never joins, and a server for clients. Programs that end by themselves need none of this.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from redistopo.host import end_with_owner
from redistopo.host.interrupts import interrupts_deferred
from redistopo.host.run_program import clean_environment
from redistopo.quick_dataclass import dataclass

_pipes: set[int] = set()


def _close_in_fork() -> None:
    """Leave the programs to their owner, in a process that it forked."""
    for one in _pipes:
        with suppress(OSError):
            os.close(one)
    _pipes.clear()


os.register_at_fork(after_in_child=_close_in_fork)


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """What a program's standard streams are, as in subprocess.Popen."""

    stdin: int = subprocess.DEVNULL
    stdout: int | IO[bytes] = subprocess.DEVNULL
    stderr: int | IO[bytes] = subprocess.DEVNULL


@contextmanager
def tied_program(
    argv: Sequence[str],
    folder: Path,
    streams: Streams,
    secrets: Mapping[str, str] | None = None,
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a program in a folder, in a session of its own; what still runs at the end of the block
    is killed, and also if this process is.

    Our passwords are not in its environment, but `secrets` are. Raises OSError if it can't be run.
    """
    pipe, ours = os.pipe()
    errors, theirs = os.pipe()
    _pipes.add(ours)
    begun: list[subprocess.Popen[bytes]] = []
    try:
        with interrupts_deferred(later=True):  # otherwise it could run unseen
            try:
                begun.append(_begin([str(pipe), str(theirs), *argv], folder, streams, secrets))
            finally:
                os.close(pipe)
                os.close(theirs)
        if number := os.read(errors, 16):  # nothing, once it has become the program
            code = int(number)
            raise OSError(code, os.strerror(code), argv[0])
        yield begun[0]
    finally:
        for child in begun:
            child.kill()
            with suppress(BrokenPipeError), child:  # closes its streams and waits
                pass
        os.close(errors)
        _pipes.discard(ours)
        os.close(ours)


def _begin(
    arguments: Sequence[str], folder: Path, streams: Streams, secrets: Mapping[str, str] | None
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-I", "-S", end_with_owner.__file__, *arguments],
        cwd=folder,
        env=clean_environment(secrets),
        stdin=streams.stdin,
        stdout=streams.stdout,
        stderr=streams.stderr,
        start_new_session=True,
        pass_fds=tuple(map(int, arguments[:2])),
    )
