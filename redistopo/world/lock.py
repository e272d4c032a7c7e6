"""One command at a time changes a topology."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

from redistopo.errors import RedistopoError, TimedOut
from redistopo.events import Tell, note
from redistopo.model.layout import Layout
from redistopo.world.files import private_folder, read_text, writing
from redistopo.world.folder import claim, refuse_foreign, sweep
from redistopo.world.waiting import Deadline, wait_for


@contextmanager
def locked(
    layout: Layout, verb: str, deadline: Deadline, tell: Tell, *, make: bool = False
) -> Iterator[bool]:
    """This process alone changes the topology; the system frees the lock if we die.

    With `make`, the state folder is made and claimed; without, yields False where there is
    none (any more). Another holder is named, and waited for until the deadline; then
    RedistopoError.
    """
    refuse_foreign(layout)
    handle = _hold(layout, deadline, tell, make=make)
    if handle is None:
        yield False
        return
    try:
        if make:
            claim(layout)
            sweep(layout)
        with writing(layout.lock):
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps({"pid": os.getpid(), "verb": verb}).encode(), 0)
        yield True
    finally:
        os.close(handle)


def _hold(layout: Layout, deadline: Deadline, tell: Tell, *, make: bool) -> int | None:
    """The held lock; taken anew where a wipe removed the file while we waited for it."""
    while True:
        if make:
            private_folder(layout.state)
        elif not layout.state.is_dir():
            return None
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with writing(layout.lock):
                handle = os.open(layout.lock, flags, 0o600)
        except RedistopoError:
            if layout.state.is_dir():
                raise
            continue
        try:
            if not try_lock(handle):
                note(tell, f"waiting for {_holder(layout)}")
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
        wait_for(lambda: try_lock(handle) or None, deadline, lambda: _holder(layout), pause=0.05)
    except TimedOut as error:
        raise RedistopoError(
            f"this topology is being changed by {_holder(layout)}",
            detail=f"waited {deadline.seconds:g} s",
            hint="let it finish, or end it with Ctrl-C in its terminal",
        ) from error


def _holder(layout: Layout) -> str:
    try:
        said = json.loads(read_text(layout.lock) or "")
        return f"`redistopo {said['verb']}` (pid {said['pid']})"
    except (ValueError, KeyError, TypeError):
        return "another redistopo"
