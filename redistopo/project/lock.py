"""Locks: only one command at a time changes a topology."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redistopo.errors import MissingPrerequisite, RedistopoError, TimedOut
from redistopo.host.files import private_folder, read_json, write_errors
from redistopo.host.polling import Deadline, wait_for
from redistopo.host.safe_open import open_to_write
from redistopo.model.topology.project_paths import Layout
from redistopo.progress import Progress, note
from redistopo.project.state_folder import claim_state_folder, refuse_foreign, sweep


@contextmanager
def locked(
    layout: Layout, verb: str, deadline: Deadline, progress: Progress, *, make: bool = False
) -> Iterator[bool]:
    """Hold the lock of the topology; the system releases it if this process dies.

    With `make`, create the state folder; otherwise yields False if there is none (any more).
    Waits for another holder, and names it, until the deadline; then raises RedistopoError.
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
    """Hold the lock `path`, independently of the topology's; the system releases it if this
    process dies. Raises RedistopoError that names the current holder."""
    handle = open_lock(path)
    try:
        if not try_lock(handle):
            raise RedistopoError(
                f"{_holder(path)} is already running on this topology",
                hint="let it finish, or end it with Ctrl-C in its terminal",
            )
        _sign(handle, path, verb)
        yield
    finally:
        os.close(handle)


def _sign(handle: int, path: Path, verb: str) -> None:
    """Write the holder into the lock file."""
    with write_errors(path):
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps({"pid": os.getpid(), "verb": verb}).encode(), 0)


def _hold(layout: Layout, deadline: Deadline, progress: Progress, *, make: bool) -> int | None:
    """Take the lock; again if `down --wipe` removed the file while waiting for it."""
    while True:
        if make:
            private_folder(layout.state)
        elif not layout.state.is_dir():
            return None
        try:
            handle = open_lock(layout.lock)
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


def open_lock(path: Path) -> int:
    """Open a lock file; raises MissingPrerequisite if it can't be created."""
    with write_errors(path):
        return open_to_write(path, os.O_RDWR)


def try_lock(handle: int) -> bool:
    """Try to lock an open file; returns False if another process holds the lock."""
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
        holder = read_json(path) or {}
        return f"`redistopo {holder['verb']}` (pid {holder['pid']})"
    except (MissingPrerequisite, KeyError):
        return "another redistopo command"
