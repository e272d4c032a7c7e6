"""stdout and stderr of the process, also where nobody reads them."""

import os
import sys
from contextlib import suppress


def closed_pipe() -> None:
    """Our output can't be written any more; Python must not complain about it at exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def open_streams() -> None:
    """stdout and stderr are there, also where the shell closed them (``>&-``); open for good."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  never closed
            setattr(sys, name, nowhere)
