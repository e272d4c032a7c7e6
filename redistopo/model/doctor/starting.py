"""Whether a server would start on a redis.conf: what it is given to judge, and what it said.

A server judges its whole file before it does anything: line by line, in order, and ends at the
first one that it refuses (config.c, loadServerConfigFromString). So it is given the file and one
line more that no release takes: it always ends there at the latest, before it listens, loads
data or modules, writes, or connects anywhere.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from redistopo.model.conf_text import canonical, read_conf, server_words, unquote, well_quoted
from redistopo.model.doctor.served_conf import UNBALANCED, Spliced
from redistopo.model.reply import one_line

STOP = "redistopo-ends-here"
"""No port, and no statement of a Sentinel's, in any release."""

_AT = re.compile(r"at line (\d+)\n>>> '.*'\n(.*)")
_LOGGED = re.compile(r"(Can't chdir to .*)")
"""What isn't told with its line before 7.0."""

_BESIDE_NAMES = frozenset({"include", "loadmodule", "rename-command", "user", "sentinel"})
_SHOWN = 60
_SECRETIVE = re.compile(r"(?i)pas|auth|user|secret")
"""Mistyped names too: `requirepas`."""
_UNKNOWN = "Module Configuration detected without loadmodule directive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The first thing that keeps a server from starting: the file's line as it may be shown, and
    what is `said` about it, as servers word it."""

    path: str
    line: int
    text: str
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What one server here made of the file: its first `refusal`, None where it takes all lines.
    `unsure` says why it couldn't be asked, `skipped` what was left out as it may not be seen."""

    title: str
    path: str
    refusal: Refusal | None = None
    unsure: str = ""
    skipped: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Starting:
    """What keeps servers from starting on a file: `tried` is each one's word on its lines, the
    first that of the one which `up` takes; `lacking` what any of them refuses at its start."""

    tried: tuple[Tried, ...] = ()
    lacking: Refusal | None = None

    @property
    def takes(self) -> Tried | None:
        """The first server that takes every line."""
        found = (one for one in self.tried if one.refusal is None and not one.unsure)
        return None if self.lacking else next(found, None)

    @property
    def refused(self) -> Refusal | None:
        """What keeps the one that `up` takes from starting, else what keeps any."""
        return next((one.refusal for one in self.tried if one.refusal), self.lacking)


def lines_for(whole: Spliced, without: frozenset[int] = frozenset()) -> list[str]:
    """The lines to be judged; those of `without`, counted from 0, stand empty. So do logs: some
    words are logged while lines are read, and would make or fill the file.

    No server is given an include, which could be a FIFO by now, nor another line of `dead`: in
    its place stands one that all of them refuse.
    """
    lines = whole.text.split("\n")
    given = ["" if at in without or _logs(line) else line for at, line in enumerate(lines)]
    for at in _dead(whole):
        given[at] = f"port {STOP}"
    return given


def _dead(whole: Spliced) -> dict[int, str]:
    """Lines that servers refuse, or end by, and why: since 7.0 a server that is to rename a
    subcommand ends by an assertion, with a crash's report and core. A log whose quotes only
    some refuse counts as refused, as those that take it open it."""
    found = dict(whole.dead)
    for at, line in enumerate(whole.text.split("\n")):
        name, *rest = server_words(line) or [""]
        if name.lower() == "rename-command" and rest and "|" in rest[0]:
            found[at] = "No such command in rename-command"
        elif name.lower() in ("logfile", "syslog-enabled") and not well_quoted(line):
            found[at] = UNBALANCED
    return found


def _logs(line: str) -> bool:
    """Whether the line makes a server log elsewhere than to its output, and is well as it is."""
    name, *rest = [one.lower() for one in server_words(line)] or [""]
    return (name == "logfile" and len(rest) == 1) or (name == "syslog-enabled" and rest == ["yes"])


def refused_at(whole: Spliced, output: str) -> int | None:
    """The line, counted from 0, that the server refused; their number for the closing one, and
    None where it said nothing of the kind."""
    found = _AT.search(output)
    if found is not None:
        return min(int(found[1]) - 1, len(whole.origins))
    logged = _LOGGED.search(output)
    if logged is None:
        return None
    for at, line in enumerate(whole.text.split("\n")):
        name, *rest = server_words(line) or [""]
        if name.lower() == "dir" and f"'{' '.join(rest)}'" in logged[1]:
            return at
    return None


def refusal_at(whole: Spliced, at: int, said: str) -> Refusal:
    """That line of the file, with what was said about it, and no password in either."""
    path, number = whole.origins[at]
    said = _dead(whole).get(at, said)
    line = whole.text.split("\n")[at]
    return Refusal(path=path, line=number, text=_shown(line), said=_told(line, said))


def words(output: str) -> str:
    """The server's own reason, out of all that it printed."""
    found = _AT.search(output)
    if found is not None:
        return found[2].strip()
    logged = _LOGGED.search(output)
    return logged[1].strip() if logged else ""


def strange_lines(whole: Spliced, known: frozenset[str] | None) -> int | None:
    """The first line whose name no server takes without a module that brings it, counted from 0.

    Since 7.0 names with a dot, and since Redis 8.0 all that it doesn't know, are kept until
    modules are loaded, and refused only then. `known` are the names that the server has, None
    where it refuses others at once. Where a module is loaded, nothing is said.
    """
    conf = read_conf(whole.text)
    if "loadmodule" in conf:
        return None
    for at, line in enumerate(whole.text.split("\n")):
        name = (server_words(line) or [""])[0].lower()
        if not name or canonical(name) in _BESIDE_NAMES:
            continue
        if "." in name or (known is not None and name not in known):
            return at
    return None


def strange(whole: Spliced, at: int) -> Refusal:
    """That line, refused as one of a module that isn't loaded."""
    return refusal_at(whole, at, f"{_UNKNOWN} (no such directive)")


def clashes(whole: Spliced) -> Refusal | None:
    """What is refused though each line is well, when all are read (config.c; acl.c,
    ACLLoadUsersAtStartup; tls.c, tlsConfigure). Words are the servers'."""
    conf = read_conf(whole.text)

    def last(name: str) -> str:
        return conf.get(name, ("",))[-1]

    for name in ("replicaof", "slaveof") if last("cluster-enabled").lower() == "yes" else ():
        if last(name).lower() not in ("", "no one"):
            return _of(whole, name, "replicaof directive not allowed in cluster mode")
    if conf.get("user") and last("aclfile"):
        said = "Configuring Redis with users defined in redis.conf and at the same setting an "
        return _of(whole, "aclfile", f"{said}ACL file path is invalid")
    if last("tls-port") not in ("", "0"):
        for name in ("tls-cert-file", "tls-key-file"):
            if not last(name):
                return _of(whole, "tls-port", f"No {name} configured!")
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A path that has to be there before a server starts, of what line, and its words without."""

    path: str
    at: int
    said: str


def wanted(whole: Spliced) -> Iterator[Wanted]:
    """The files and folders that a server opens at its start, of each directive's last line.

    Those relative to a folder that the file doesn't name are left out: they depend on where the
    server is started.
    """
    base = unquote("".join(read_conf(whole.text).get("dir", ("",))[-1:]))
    last: dict[str, tuple[int, str]] = {}
    for at, line in enumerate(whole.text.split("\n")):
        name, *rest = server_words(line) or [""]
        name = name.lower()
        value = " ".join(rest)
        if name == "loadmodule":
            name = f"loadmodule {at}"  # each of them counts
            value = (value.split() or [""])[0]
        last[name] = (at, value)
    tls = last.get("tls-port", (0, "0"))[1] not in ("", "0")
    for name, (at, value) in last.items():
        if not value or not (value.startswith("/") or base.startswith("/")):
            continue
        path = value if value.startswith("/") else f"{base.rstrip('/')}/{value}"
        folder = path.rpartition("/")[0] or "/"
        if name == "aclfile":
            yield Wanted(path=path, at=at, said=f"Error loading ACLs, opening file '{value}'")
        elif name.startswith("loadmodule "):
            yield Wanted(path=path, at=at, said=f"Can't load module from {value}: server aborting")
        elif name == "logfile":
            yield Wanted(path=folder, at=at, said="Can't open the log file")
        elif name == "unixsocket":
            yield Wanted(path=folder, at=at, said="Failed opening Unix socket: bind")
        elif tls and name in ("tls-cert-file", "tls-key-file", "tls-ca-cert-file"):
            yield Wanted(path=path, at=at, said=f"Failed to load {name} {value}")


def _of(whole: Spliced, name: str, said: str) -> Refusal:
    """The last line of that directive, under today's name or an older one."""
    names = [canonical((server_words(line) or [""])[0]) for line in whole.text.split("\n")]
    at = max(at for at, one in enumerate(names) if one == name)
    return refusal_at(whole, at, said)


def _is(words_of_line: list[str], name: str) -> bool:
    return bool(words_of_line) and words_of_line[0].lower() == name


def _shown(line: str) -> str:
    """The line on one row of a terminal; its name alone where it may hold a password."""
    name = _name(line)
    if _SECRETIVE.search(name):
        return f"{one_line(name)} ..."
    cut = one_line(line.strip())
    return cut if len(cut) <= _SHOWN else f"{cut[: _SHOWN - 3]}..."


def _told(line: str, said: str) -> str:
    """The server's words; what it quotes of a line with a password may be one."""
    if _SECRETIVE.search(_name(line)):
        said = re.sub(r"'[^']*'", "'...'", said)
    return one_line(said)


def _name(line: str) -> str:
    """Its first word; of a Sentinel's statement, two."""
    found = server_words(line)
    return " ".join(found[: 2 if _is(found, "sentinel") else 1])
