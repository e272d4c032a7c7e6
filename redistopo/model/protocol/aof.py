"""The append-only file: its manifest, and whether its end was cut; pure."""

import re
from collections.abc import Mapping

from redistopo.model.protocol.conf import unquote
from redistopo.quick_dataclass import dataclass

_ENTRY = re.compile(r'^file ("(?:[^"\\]|\\.)*"|\S+) seq (\d+) type ([bhi])\b.*$')

_PART = re.compile(r"\.(\d+)\.(?:base|incr)\.(?:aof|rdb)$")

_COMMAND = re.compile(rb"\*(\d{1,9})\r\n")
_ARGUMENT = re.compile(rb"\$(\d{1,10})\r\n")


@dataclass(frozen=True, slots=True)
class Manifest:
    """The files that make up the log, in the order in which a server loads them: a base, if
    there is one, and the incremental files. History (type h) is no part of it any more."""

    base: str
    incremental: tuple[str, ...]

    @property
    def files(self) -> tuple[str, ...]:
        return (*((self.base,) if self.base else ()), *self.incremental)


def parse_manifest(text: str) -> Manifest | None:
    """Parse a manifest; None for one that a server refuses: an empty one, or a wrong line
    (aof.c, aofLoadManifestFromFile)."""
    base, incremental = "", []
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for line in lines:
        entry = _ENTRY.match(line)
        if entry is None:
            return None
        name = unquote(entry[1])
        if entry[3] == "b":
            base = name
        elif entry[3] == "i":
            incremental.append(name)
    return Manifest(base, tuple(incremental)) if lines else None


def missing(name: str) -> str:
    """Say that a file of the log is missing."""
    return f"{name} is missing"


def log_is_absent(damage: str) -> bool:
    """Return whether a log with that damage isn't there at all: its folder or, before Redis 7.0,
    its only file is missing."""
    name = damage.removesuffix(missing(""))
    return damage == missing(name) and "/" not in name


def part_number(name: str) -> int:
    """Return the number of a part of an append-only log, which grows with each rewrite (aof.c,
    getNewBaseFileNameAndMarkPreAsHistory); 0 for another file."""
    found = _PART.search(name)
    return int(found[1]) if found else 0


def is_log(head: bytes) -> bool:
    """Return whether a file with these first bytes is a log of commands, or of annotations
    (aof-timestamp-enabled)."""
    return head.startswith((b"*", b"#TS:"))


def has_only_keys_of(text: bytes, prefix: bytes) -> bool:
    """Return whether a log is whole, and each of its commands sets or deletes a key with that
    prefix."""
    at = 0
    while at < len(text):
        words, at = _command(text, at)
        name, keys = (words[0].upper(), words[1:2]) if words else (b"", [])
        if name in {b"SELECT", b"MULTI", b"EXEC", b"PING"}:
            continue
        if name not in {b"SET", b"DEL", b"UNLINK"} or not keys or not keys[0].startswith(prefix):
            return False
        if name != b"SET" and len(words) > 2:
            return False
    return True


def rewrites_log(info: Mapping[str, str]) -> bool:
    """Return whether a server with that INFO is writing its log again, or is about to: then the
    files on disk are those of before."""
    names = ("aof_rewrite_in_progress", "aof_rewrite_scheduled")
    return any(info.get(name, "0") != "0" for name in names)


def failed_rewrite(info: Mapping[str, str]) -> str:
    """Return that the server's last rewrite failed, and none has begun since; "" otherwise. It
    tries again only once its log has grown (server.c, serverCron)."""
    failed = info.get("aof_enabled") == "1" and info.get("aof_last_bgrewrite_status") == "err"
    return "its last rewrite failed" if failed and not rewrites_log(info) else ""


def ends_in_a_command(tail: bytes) -> bool | None:
    """Return whether an append-only file with these last bytes ends where a command, or a
    transaction, ends; None if no command begins in them.

    Redis loads the rest of a file that doesn't, and drops the last command without an error
    (redis.conf, aof-load-truncated).
    """
    seen: set[int] = set()
    for one in _COMMAND.finditer(tail):
        at = one.start()
        preceded = at == 0 or tail[at - 2 : at] == b"\r\n"
        # a chain that failed fails from each of its commands on
        if preceded and at not in seen and _whole(tail, at, seen):
            return True
    return False if seen else None


def _whole(text: bytes, at: int, seen: set[int]) -> bool:
    """Whether commands follow each other from there to the end; adds their places to `seen`."""
    inside = False
    while at < len(text):
        if text[at : at + 1] == b"#":  # an annotation (aof-timestamp-enabled)
            at = text.find(b"\r\n", at) + 2
            if at == 1:
                return False
            continue
        seen.add(at)
        words, at = _command(text, at)
        if not words:
            return False
        first = words[0].upper()
        inside = first == b"MULTI" or (inside and first != b"EXEC")
    return not inside


def _command(text: bytes, at: int) -> tuple[list[bytes], int]:
    """The words of the command there and where the next begins; none if it isn't complete."""
    command, words = _COMMAND.match(text, at), []
    if command is None:
        return [], at
    at = command.end()
    for _ in range(int(command[1])):
        size = _ARGUMENT.match(text, at)
        if size is None:
            return [], at
        at = size.end() + int(size[1])
        if text[at : at + 2] != b"\r\n":
            return [], at
        words.append(text[size.end() : at])
        at += 2
    return words, at
