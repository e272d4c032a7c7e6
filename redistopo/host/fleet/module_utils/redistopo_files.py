"""What the module redistopo_host does with files of a host.

Python 3.8 or newer with its standard library; Ansible sends it beside the module.
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import stat
from contextlib import suppress
from typing import Any, Dict, List, Set

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


def refuse_folders_of_others(base: str) -> None:
    """Refuse a folder below one that other users could replace: of another user than root, us, and
    the one that became root by sudo, or writable for others.

    So does SSH with the folders above its keys (StrictModes, sshd_config(5)), but here a sticky
    folder, as /tmp, is accepted: others can't rename what is ours in it.
    """
    trusted = {0, os.geteuid(), int(os.environ.get("SUDO_UID") or 0)}
    for path in _above(base) + _above(os.path.realpath(base)):
        if not os.path.lexists(path):
            continue
        seen = os.stat(path)
        for uid in (os.lstat(path).st_uid, seen.st_uid):
            if uid not in trusted:
                raise Refused("owner", base=path, uid=uid)
        if _others_write(seen, trusted) and not seen.st_mode & stat.S_ISVTX:
            raise Refused("writable", base=path, mode="%04o" % stat.S_IMODE(seen.st_mode))


def _above(path: str) -> List[str]:
    """The folders above a path, the nearest first."""
    found = []
    while path != os.path.dirname(path):
        path = os.path.dirname(path)
        found.append(path)
    return found


def _others_write(seen: os.stat_result, trusted: Set[int]) -> bool:
    """Whether others than these users may write to a folder; a group that only one of them is in
    has that user's name (USERGROUPS_ENAB, login.defs(5))."""
    if not seen.st_mode & stat.S_IWGRP or not seen.st_gid:
        return bool(seen.st_mode & stat.S_IWOTH)
    try:
        group = grp.getgrgid(seen.st_gid)
        private = group.gr_name in {pwd.getpwuid(uid).pw_name for uid in trusted}
    except KeyError:
        return True
    return bool(seen.st_mode & stat.S_IWOTH) or bool(group.gr_mem) or not private


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
