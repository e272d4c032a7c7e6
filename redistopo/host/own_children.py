"""The servers that this program started itself: it reaps them, and forgets them at its end.

Otherwise a program that embeds redistopo would keep a zombie of each, and Python would warn about
those that outlive it.
"""

import atexit
import os

import psutil

_children: dict[int, psutil.Popen] = {}
"""By pid: those that haven't ended."""


def remember_child(process: psutil.Popen) -> None:
    """Remember a server that was just started."""
    _children[process.pid] = process


def child_runs(pid: int) -> bool | None:
    """Return whether a child of this program runs; one that has ended is reaped. None for another
    process."""
    process = _children.get(pid)
    if process is None:
        return None
    if process.poll() is None:
        return True
    _children.pop(pid, None)
    return False


def reap_children() -> None:
    """Reap the servers that have ended."""
    for pid in list(_children):
        child_runs(pid)


def _disown() -> None:
    """Forget all: they may outlive this program, and aren't children of one that it forks."""
    for process in _children.values():
        vars(process)["_Popen__subproc"].returncode = 0  # it would warn that this one runs
    _children.clear()


atexit.register(_disown)
os.register_at_fork(after_in_child=_disown)
