"""What the module redistopo_host does with files of a host.

Python 3.8 or newer with its standard library; Ansible sends it beside the module.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from typing import Any, Dict

from ansible.module_utils.redistopo_seen import part

Op = Dict[str, Any]


class Refused(Exception):
    """An operation that can't be done: its kind, for the controller, and the details."""

    def __init__(self, kind: str, **details: Any) -> None:
        super().__init__(kind)
        self.details = {"refused": kind, **details}


def write(op: Op) -> Op:
    """Write a file atomically, readable by its owner only; with `keep`, not in place of another."""
    path = op["path"]
    if op.get("keep") and os.path.lexists(path):
        return {}
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    temporary = "%s/.%s.%d" % (os.path.dirname(path), os.path.basename(path), os.getpid())
    with suppress(FileNotFoundError):
        os.unlink(temporary)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(op["text"])
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    return {}


def folder(op: Op) -> Op:
    """Create a folder."""
    os.makedirs(op["path"], mode=0o700, exist_ok=True)
    return {}


def remove(op: Op) -> Op:
    """Remove a file, or a folder with its content; links are removed, not followed."""
    path = op["path"]
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)
    return {}


def rename(op: Op) -> Op:
    """Rename a file or folder, replacing what is at `to`."""
    os.replace(op["path"], op["to"])
    return {}


def link(op: Op) -> Op:
    """Give a file a second name."""
    os.link(op["path"], op["to"], follow_symlinks=False)
    return {}


def read(op: Op) -> Op:
    """Read `most` bytes of a file, from its start or its end."""
    return {"bytes": part(op["path"], op["most"], end=op["end"])}
