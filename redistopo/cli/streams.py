"""Our stdin, stdout and stderr, also where the shell closed them or a reader went away."""

import os
import sys
from contextlib import suppress
from typing import TextIO


def discard(stream: TextIO) -> None:
    """Send the rest of a stream nowhere: its reader is gone. Python would fail to write what is
    buffered when it exits, and replace our exit code by 120."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def require_utf8() -> None:
    """Start again in UTF-8 mode, in the same process, where the locale has another encoding:
    a path of the file system could not be written to a configuration file there."""
    if sys.getfilesystemencoding() != "utf-8":
        os.execv(sys.executable, [sys.executable, "-X", "utf8=1", *sys.orig_argv[1:]])  # noqa: S606


def open_streams() -> None:
    """Open stdin, stdout and stderr also where the shell closed them (``<&-``, ``>&-``), in the
    order of their numbers: a file that is opened later would otherwise get one of these."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = open(os.devnull, mode, encoding="utf-8")  # noqa: SIM115, PTH123  never closed
            setattr(sys, name, nowhere)
