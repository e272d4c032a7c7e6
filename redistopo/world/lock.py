"""One command at a time changes a topology."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

from redistopo.errors import RedistopoError, TimedOut
from redistopo.events import Tell, note
from redistopo.model.layout import Layout
from redistopo.world.files import read_text, writing
from redistopo.world.waiting import Deadline, wait_for


@contextmanager
def locked(layout: Layout, verb: str, deadline: Deadline, tell: Tell) -> Iterator[None]:
    """This process alone changes the topology; the system frees the lock if we die.

    Another holder is named, and waited for until the deadline; then RedistopoError.
    """
    with writing(layout.lock):
        handle = os.open(layout.lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        if not _try(handle):
            note(tell, f"waiting for {_holder(layout)}")
            _wait(handle, layout, deadline)
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps({"pid": os.getpid(), "verb": verb}).encode(), 0)
        yield
    finally:
        os.close(handle)


def _try(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait(handle: int, layout: Layout, deadline: Deadline) -> None:
    try:
        wait_for(lambda: _try(handle) or None, deadline, lambda: _holder(layout), pause=0.05)
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
