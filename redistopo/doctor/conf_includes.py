"""What a redis.conf binds, and whether clients need a password; its includes expanded."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from glob import has_magic
from ipaddress import IPv4Address, IPv6Address, ip_address

from redistopo.model.protocol.conf import (
    Directives,
    canonical_directive,
    read_conf,
    server_words,
    well_quoted,
)
from redistopo.model.protocol.engine import Version
from redistopo.quick_dataclass import dataclass

DEFAULT_PORT = 6379
DEFAULT_BACKLOG = 511
_EVERYWHERE = ("*", "::*")
MOST_FILES = 64
"""More files than any configuration includes."""
MOST_BYTES = 4 * 1024 * 1024
"""The distributed redis.conf has 0.1 MB, nearly all of it comments."""

UNBALANCED = "Unbalanced quotes in configuration line"

ReadInclude = Callable[[str, str], tuple[tuple[str, str], ...] | str]
"""Called with an include's pattern and the folder that a server is in at that line; returns (path,
text) of each matching file, () if there is none, or why one can't be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfWithIncludes:
    """A configuration with its includes in place, as a server reads it.

    `origins` has the file and line number of each line. An include that no server accepts is kept
    as a line, with the server's message in `refused_lines` (line from 0 -> message). `unread` are
    patterns that can't be read, with why; `start_relative` those relative to the folder where a
    server is started.
    """

    text: str
    files: tuple[str, ...]
    origins: tuple[tuple[str, int], ...]
    unread: tuple[str, ...] = ()
    start_relative: tuple[str, ...] = ()
    refused_lines: Mapping[int, str] = field(default_factory=dict)


def expand_includes(path: str, text: str, read: ReadInclude) -> ConfWithIncludes:
    """Replace each `include` by the files that it names, in order: of most directives the last line
    counts, wherever it is (config.c, loadServerConfigFromString).

    A line `dir` changes a server's folder at once, and later includes are relative to it.
    """
    made = _IncludeExpander(read, path)
    made.add(path, text, (path,))
    return ConfWithIncludes(
        text="\n".join(made.lines),
        files=tuple(made.files),
        origins=tuple(made.origins),
        unread=tuple(made.unread),
        start_relative=tuple(made.start_relative),
        refused_lines=made.refused_lines,
    )


class _IncludeExpander:
    def __init__(self, read: ReadInclude, path: str) -> None:
        self._read = read
        self._size = 0
        self._folder = ""
        self.lines: list[str] = []
        self.origins: list[tuple[str, int]] = []
        self.files = [path]
        # in order, each once
        self.unread: dict[str, None] = {}
        self.start_relative: dict[str, None] = {}
        self.refused_lines: dict[int, str] = {}

    def add(self, here: str, body: str, within: tuple[str, ...]) -> None:
        """Add all lines of a file that is included by those in `within`, itself the last."""
        self._size += len(body)
        for number, line in enumerate(body.split("\n"), start=1):
            name, *rest = server_words(line) or [""]
            if name.lower() == "include":
                why = self._include(rest, within) if well_quoted(line) else UNBALANCED
                if not why:
                    continue
                self.refused_lines[len(self.lines)] = why
            elif name.lower() == "dir" and len(rest) == 1:
                self._folder = _joined(self._folder, rest[0])
            self.lines.append(line)
            self.origins.append((here, number))

    def _include(self, rest: list[str], within: tuple[str, ...]) -> str:
        """Add the files that it names; return why a server refuses the line, or ""."""
        if len(rest) != 1:
            return "Bad directive or wrong number of arguments"
        (pattern,) = rest
        if len(self.files) >= MOST_FILES or self._size > MOST_BYTES:
            self.unread["further includes (there are too many)"] = None
            return ""
        if not _joined(self._folder, pattern).startswith("/"):
            self.start_relative[pattern] = None
        found = self._read(pattern, self._folder)
        if isinstance(found, str):
            self.unread[f"{pattern} ({found})"] = None
            return ""
        if not found and not has_magic(pattern):
            return f"can't open config file '{pattern}': No such file or directory"
        if any(other in within for other, _inside in found):
            return "it includes itself recursively"
        for other, inside in found:
            self.files.append(other)
            self.add(other, inside, (*within, other))
        return ""


def _joined(folder: str, path: str) -> str:
    return path if path.startswith("/") or not folder else f"{folder.rstrip('/')}/{path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSettings:
    """The settings of a redis.conf that decide which clients can connect.

    `addresses` are the words of its last `bind`, None if it has none; `port` and `tls_port` are 0
    if disabled; `requires_password` is also true if the default user is off, and None if an
    aclfile decides. `has_directives` is false for an empty file.
    """

    addresses: tuple[str, ...] | None
    port: int
    tls_port: int
    protected: bool
    requires_password: bool | None
    aclfile: str = ""
    backlog: int = DEFAULT_BACKLOG
    sentinel: bool = False
    unixsocket: str = ""
    has_directives: bool = True

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports on which it listens for clients."""
        return tuple(port for port in (self.port, self.tls_port) if port)

    @property
    def exposed_addresses(self) -> tuple[str, ...]:
        """The addresses, as written, that other machines may reach; "every address" if the
        configuration binds none."""
        if not self.ports:
            return ()
        if self.addresses is None:
            return ("every address",)
        return tuple(word for word in self.addresses if not loopback(word))

    @property
    def local_address(self) -> str:
        """The address at which it should reply to clients on this machine."""
        for word in self.addresses or ():
            plain = word.removeprefix("-")
            address = _address(plain)
            if plain not in _EVERYWHERE and not (address and address.is_unspecified):
                return plain
        return (
            "::1" if self.addresses and all(":" in one for one in self.addresses) else "127.0.0.1"
        )

    def protected_mode_applies(self, version: Version | None) -> bool:
        """Return whether protected mode refuses clients of other machines that need no password.

        Before 7.0 it does so only if no address is bound explicitly (networking.c,
        clientAcceptHandler). Valkey, and an unknown version, count as newer.
        """
        if not self.protected:
            return False
        return self.addresses is None or version is None or version >= Version(7, 0)


def access_settings(text: str) -> AccessSettings:
    """Read the settings of a configuration, includes expanded."""
    found = read_conf(text)
    sentinel = "sentinel" in found
    usual = str(DEFAULT_PORT + 20000 if sentinel else DEFAULT_PORT)
    bind = found.get("bind")
    return AccessSettings(
        # an empty string binds none (config.c, setConfigBindOption)
        addresses=tuple(bind[-1].split()) if bind else None,
        port=_port(_last(found, "port", usual)),
        tls_port=_port(_last(found, "tls-port", "0")),
        # Sentinels have no protected mode unless it is set (sentinel.c)
        protected=_last(found, "protected-mode", "no" if sentinel else "yes").lower() == "yes",
        requires_password=_password_required(found),
        aclfile=_last(found, "aclfile", ""),
        backlog=_port(_last(found, "tcp-backlog", str(DEFAULT_BACKLOG))),
        sentinel=sentinel,
        unixsocket=_last(found, "unixsocket", ""),
        has_directives=bool(found),
    )


def acl_requires_password(acl: str) -> bool:
    """Return whether every user of that users.acl needs a password."""
    return _all_require_password(
        line.split()[1:] for line in acl.split("\n") if line.split()[:1] == ["user"]
    )


def _password_required(found: Directives) -> bool | None:
    """Decide by the last line of each user; for the default user without a line, by requirepass.

    Users are loaded after the whole file is read, and each line starts with `reset`: it removes
    requirepass wherever that is (acl.c, ACLLoadConfiguredUsers).
    """
    if _last(found, "aclfile", ""):
        return None
    lines = [line.split() for line in found.get("user", ())]
    return _all_require_password(lines, default=bool(_last(found, "requirepass", "")))


def _all_require_password(lines: Iterable[list[str]], *, default: bool = False) -> bool:
    """Return whether each user's last line needs a password; `default`: that without a line."""
    last = {words[0]: words[1:] for words in lines if words}
    if "default" not in last and not default:
        return False
    return all(_user_requires_password(rules) for rules in last.values())


def _user_requires_password(rules: Iterable[str]) -> bool:
    """Judge rules such as ``on >secret ~* +@all``: a new user is off, and has no valid password
    (redis.io, ACL). Rules are not case-sensitive (acl.c, ACLSetUser)."""
    on, free = False, False
    for rule in map(str.lower, rules):
        if rule in ("on", "off"):
            on = rule == "on"
        elif rule == "nopass":
            free = True
        elif rule in ("resetpass", "reset") or rule[:1] in (">", "#"):
            free = False
            on = on and rule != "reset"
    return not (on and free)


def loopback(word: str) -> bool:
    """Return whether a word of `bind` is reachable from this machine only."""
    plain = word.removeprefix("-").strip("[]")
    if plain.lower() in ("localhost", "localhost.localdomain", "ip6-localhost"):
        return True
    address = _address(plain)
    return address is not None and address.is_loopback


def _address(word: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(word.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _last(found: Directives, name: str, usual: str) -> str:
    return found.get(canonical_directive(name), (usual,))[-1]


def _port(text: str) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,5}", text, re.ASCII) else 0
