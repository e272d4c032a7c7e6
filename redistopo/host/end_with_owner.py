"""Becomes a program, beside a child that ends it when the process that started it has ended.

A program of its own, started by `tied_program` as ``python -I -S end_with_owner.py PIPE ERRORS
PROGRAM...``: it imports little, since it starts before the program does. PIPE is the read end of
a pipe whose write end only the owner has; ERRORS takes the number of the error if the program can't
be run.
"""

import os
import select
import signal
import sys
from contextlib import suppress
from typing import NoReturn

_POLL_SECONDS = 0.5


def _watch(program: int, pipe: int, errors: int) -> NoReturn:
    """Kill the program, our parent, once the pipe is at its end; exit when it has ended.

    Its pid can't be another process's as long as it is our parent.
    """
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.SIG_IGN)
    os.close(errors)
    os.chdir("/")
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):  # a reader of the program's output would wait for us, too
        os.dup2(nothing, stream)
    poller = select.poll()
    poller.register(pipe, select.POLLIN | select.POLLHUP)
    while os.getppid() == program and not poller.poll(_POLL_SECONDS * 1000):
        pass
    if os.getppid() == program:
        with suppress(OSError):  # it has just ended
            os.kill(program, signal.SIGKILL)
    os._exit(0)


def main() -> NoReturn:
    """Start the watching child, then become the program."""
    pipe, errors = (int(text) for text in sys.argv[1:3])
    os.set_inheritable(pipe, False)
    os.set_inheritable(errors, False)
    program = os.getpid()
    if os.fork() == 0:
        _watch(program, pipe, errors)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(sys.argv[3], sys.argv[3:])  # noqa: S606  never a shell
    except OSError as error:
        os.write(errors, str(error.errno).encode())
        os._exit(127)


if __name__ == "__main__":
    main()
