"""One command at a time changes a topology."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redistopo.errors import RedistopoError, TimedOut
from redistopo.host.files import private_folder, read_text, write_errors
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.topology.project_paths import Layout
from redistopo.progress import Progress, note
from redistopo.project.state_folder import claim_state_folder, refuse_foreign, sweep

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def locked(
    layout: Layout, verb: str, deadline: Deadline, progress: Progress, *, make: bool = False
) -> Iterator[bool]:
    """This process alone changes the topology; the system frees the lock if we die.

    With `make`, the state folder is made and claimed; without, yields False where there is
    none (any more). Another holder is named, and waited for until the deadline; then
    RedistopoError.
    """
    refuse_foreign(layout)
    handle = _hold(layout, deadline, progress, make=make)
    if handle is None:
        yield False
        return
    try:
        if make:
            claim_state_folder(layout)
            sweep(layout)
        _sign(handle, layout.lock, verb)
        yield True
    finally:
        os.close(handle)


@contextmanager
def one_at_a_time(path: Path, verb: str) -> Iterator[None]:
    """This process alone does what `path` stands for, beside whoever changes the topology; the
    system frees it if we die. Raises RedistopoError, which names who is at it already."""
    with write_errors(path):
        handle = os.open(path, _FLAGS, 0o600)
    try:
        if not try_lock(handle):
            raise RedistopoError(
                f"{_holder(path)} is at work on this topology",
                hint="let it finish, or end it with Ctrl-C in its terminal",
            )
        _sign(handle, path, verb)
        yield
    finally:
        os.close(handle)


def _sign(handle: int, path: Path, verb: str) -> None:
    """Whoever finds it locked can tell by whom."""
    with write_errors(path):
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps({"pid": os.getpid(), "verb": verb}).encode(), 0)


def _hold(layout: Layout, deadline: Deadline, progress: Progress, *, make: bool) -> int | None:
    """The held lock; taken anew where a wipe removed the file while we waited for it."""
    while True:
        if make:
            private_folder(layout.state)
        elif not layout.state.is_dir():
            return None
        try:
            with write_errors(layout.lock):
                handle = os.open(layout.lock, _FLAGS, 0o600)
        except RedistopoError:
            if layout.state.is_dir():
                raise
            continue
        try:
            if not try_lock(handle):
                note(progress, f"waiting for {_holder(layout.lock)}")
                _wait(handle, layout, deadline)
            if _current(handle, layout):
                return handle
        except BaseException:  # Ctrl-C too, while it waits
            os.close(handle)
            raise
        os.close(handle)


def _current(handle: int, layout: Layout) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), layout.lock.stat())
    except OSError:
        return False


def try_lock(handle: int) -> bool:
    """Whether this open file is now locked by us; False where another one holds the lock."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait(handle: int, layout: Layout, deadline: Deadline) -> None:
    try:
        wait_for(
            lambda: try_lock(handle) or None, deadline, lambda: _holder(layout.lock), pause=0.05
        )
    except TimedOut as error:
        raise RedistopoError(
            f"this topology is being changed by {_holder(layout.lock)}",
            detail=f"waited {deadline.seconds:g} s",
            hint="let it finish, or end it with Ctrl-C in its terminal",
        ) from error


def _holder(path: Path) -> str:
    try:
        said = json.loads(read_text(path) or "")
        return f"`redistopo {said['verb']}` (pid {said['pid']})"
    except (ValueError, KeyError, TypeError):
        return "another redistopo"
