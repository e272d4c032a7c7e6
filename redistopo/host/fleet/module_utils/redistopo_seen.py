"""What the module redistopo_host sees on a host: files, processes and ports.

Python 3.8 or newer with its standard library; Ansible sends it beside the module.
"""

from __future__ import annotations

import base64
import errno
import json
import os
import socket
import stat
import time
from contextlib import suppress
from typing import Any, Dict, List

Seen = Dict[str, Any]
PLAIN = (".conf", ".json", ".acl", ".manifest", ".started", ".listed", ".rewritten", ".damaged")
TEXT_BYTES, HEAD_BYTES, END_BYTES = 4 << 20, 4096, 1 << 16


def opened(path: str) -> Any:
    """A regular file, open for reading: a server may have put a link in its place, which leads out
    of its folder, or a pipe, which nobody writes to."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "not a regular file", path)
    return open(handle, "rb")


def part(path: str, most: int, *, end: bool) -> str:
    with opened(path) as file:
        if end:
            file.seek(max(0, os.fstat(file.fileno()).st_size - most))
        return base64.b64encode(file.read(most)).decode("ascii")


def added(op: Seen) -> Seen:
    """What was added to logs since they were read: for each, its inode, the position up to which
    it was read now, and the bytes before it; waits up to `wait` seconds for something."""
    until = time.monotonic() + op["wait"]
    while True:
        found = [_added(path, inode, at, op["most"]) for path, inode, at in op["logs"]]
        if any(one[2] for one in found) or time.monotonic() >= until:
            return {"logs": found}
        time.sleep(0.1)


def _added(path: str, inode: int, at: int, most: int) -> List[Any]:
    try:
        file = opened(path)
    except FileNotFoundError:
        return [inode, at, ""]
    with file:
        seen = os.fstat(file.fileno())
        if seen.st_ino != inode or seen.st_size < at:
            at = max(0, seen.st_size - most)
        file.seek(at)
        data = file.read(most)
    return [seen.st_ino, at + len(data), base64.b64encode(data).decode("ascii")]


def files_below(root: str, log: int) -> Seen:
    """What is in a node's folder and one below: status, small texts, both ends of data files."""
    found: Seen = {}
    for base, folders, names in os.walk(root):
        for name in folders + names:
            path = os.path.join(base, name)
            with suppress(OSError):  # a server removed it in between
                found[os.path.relpath(path, root)] = _file(path, log)
        if base != root:
            del folders[:]
    return found


def _file(path: str, log: int) -> Seen:
    seen = os.lstat(path)
    kind = "file" if stat.S_ISREG(seen.st_mode) else "other"
    kind = "folder" if stat.S_ISDIR(seen.st_mode) else kind
    one: Seen = {"kind": kind, "size": seen.st_size, "at": [seen.st_mtime, seen.st_ctime]}
    if kind != "file" or not seen.st_size:
        return one
    if path.endswith(".log"):
        one["end"] = part(path, log, end=True)
    elif path.endswith(PLAIN) and seen.st_size <= TEXT_BYTES:
        one["head"] = part(path, TEXT_BYTES, end=False)
    else:
        one["head"] = part(path, HEAD_BYTES, end=False)
        one["end"] = part(path, END_BYTES, end=True)
    return one


def boot_id() -> str:
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def _stat(pid: int) -> List[str]:
    """The fields of a process from its state on (proc(5), field 3); none if it has ended."""
    try:
        with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [] if fields[0] in "ZX" else fields


def runs(pid: int, started: float, boot: str) -> bool:
    """Whether that very process still runs."""
    fields = _stat(pid)
    return bool(fields) and float(fields[19]) == started and boot == boot_id()


def process_seen(pid: int, lost: bool) -> Seen:
    fields = _stat(pid)
    paused = fields[0] in "Tt" if fields else False
    started = float(fields[19]) if fields else 0.0
    return {"pid": pid, "started": started, "boot": boot_id(), "paused": paused, "lost": lost}


def server_of(root: str, working: Dict[str, List[int]]) -> Any:
    """The server of a node's folder: the recorded one, or one that works there; None for none."""
    root = os.path.realpath(root)  # as the kernel names it
    there = working.get(root, [])
    with suppress(OSError, ValueError, KeyError, TypeError):
        with opened(os.path.join(root, "process.json")) as file:
            mark = json.loads(file.read().decode())
        pid = int(mark["pid"])
        if runs(pid, mark["started"], mark["boot"]) and (pid in there or _left(pid, root)):
            return process_seen(pid, lost=pid not in there)
    for pid in there:
        with suppress(OSError):
            if _serves(pid) and _stat(pid):
                return process_seen(pid, lost=False)
    return None


def _left(pid: int, root: str) -> bool:
    """Whether a server that works elsewhere is the node's: it left its folder, or that was replaced
    by another one. A record can be forged for any process; only the node's own server writes to its
    log."""
    log = os.readlink("/proc/%d/fd/1" % pid)
    return os.path.dirname(log) == root and _serves(pid)


def _serves(pid: int) -> bool:
    """Whether a process is a server, and no checker of files."""
    program = os.path.basename(os.readlink("/proc/%d/exe" % pid).split(" (deleted)")[0])
    with open("/proc/%d/cmdline" % pid, "rb") as file:
        title = file.read().partition(b"\0")[0]
    return program.startswith(("redis", "valkey")) and b"-rdb-" not in title


def by_folder() -> Dict[str, List[int]]:
    """Working folder -> the processes that work there."""
    found: Dict[str, List[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with suppress(OSError):
                found.setdefault(os.readlink("/proc/%s/cwd" % name), []).append(int(name))
    return found


def room_left(folder: str) -> Seen:
    """The bytes that are free where a folder is, or will be, and the bytes of memory that can be
    used without swapping, None if the kernel doesn't tell."""
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    disk, found = os.statvfs(folder), text_of("/proc/meminfo").partition("MemAvailable:")[2]
    memory = int(found.split()[0]) * 1024 if found else None
    return {"free": disk.f_bavail * disk.f_frsize, "memory": memory}


def text_of(path: str) -> str:
    with suppress(OSError), open(path, encoding="utf-8") as file:
        return file.read().strip()
    return ""


def taken_ports(ports: List[List[Any]]) -> Dict[str, str]:
    """Port -> the program that listens there, for those that a server could not use."""
    found = {}
    for host, port in ports:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                one.bind((host, port))
            except OSError as error:
                taken = error.errno == errno.EADDRINUSE
                found[str(port)] = _holder(port) if taken else (error.strerror or str(error))
    return found


def _holder(port: int) -> str:
    """The program that listens on a port, as ``nginx (pid 123)``."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in text_of(table).splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add("socket:[%s]" % fields[9])
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            for handle in os.listdir("/proc/%s/fd" % pid):
                with suppress(OSError):
                    if os.readlink("/proc/%s/fd/%s" % (pid, handle)) in inodes:
                        return "%s (pid %s)" % (text_of("/proc/%s/comm" % pid), pid)
    return "another program"
