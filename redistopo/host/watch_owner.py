"""Starts the program that ends an ephemeral topology's servers when this process has ended."""

import atexit
import os
import subprocess
import sys
from pathlib import Path

import psutil

from redistopo.errors import MissingPrerequisite
from redistopo.host import owner_watcher
from redistopo.host.server_process import make_mark
from redistopo.model.state.record import ProcessMark

_END_SECONDS = 5.0

_running: set["OwnerWatcher"] = set()


def _disown() -> None:
    """Forget them in a program that ends without leaving its block: Python would warn."""
    for one in _running:
        one.disown()
    _running.clear()


def _disown_in_fork() -> None:
    """Leave them to the owner, in a program that it forked."""
    for one in _running:
        one.close()
    _disown()


atexit.register(_disown)
os.register_at_fork(after_in_child=_disown_in_fork)


def owner_mark(space: str) -> ProcessMark:
    """Create the mark of this process as the owner of a folder."""
    return make_mark(psutil.Process(), "owner", space)


class OwnerWatcher:
    """One watcher; it is in a session of its own, so that Ctrl-C doesn't reach it."""

    def __init__(self, folder: Path) -> None:
        """Watch this process for an ephemeral folder; raises MissingPrerequisite if the program
        can't be started."""
        seen = folder.stat()
        program = [sys.executable, "-I", "-S", owner_watcher.__file__]
        numbers = map(str, (seen.st_dev, seen.st_ino, os.getpid()))
        read, self._pipe = os.pipe()  # neither is inherited by other programs
        try:
            self._process = subprocess.Popen(
                [*program, str(folder), *numbers],
                stdin=read,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            os.close(self._pipe)
            raise MissingPrerequisite(
                f"can't run {sys.executable}, which ends the servers if this program is killed",
                detail=error.strerror or str(error),
            ) from error
        finally:
            os.close(read)
        _running.add(self)

    def end(self) -> None:
        """End it, after it has ended what is left of its topology."""
        if self not in _running:
            return
        _running.discard(self)
        self.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        """Close our end of the pipe, without waiting."""
        os.close(self._pipe)

    def disown(self) -> None:
        """Let it run without us."""
        self._process.returncode = 0
