"""Whether a server starts with a redis.conf: the lines to check, and what its output means.

A server checks its whole file before it does anything: line by line, in order, and exits at the
first one that it refuses (config.c, loadServerConfigFromString). So it gets the file with an
additional line that no release accepts: it always exits there at the latest, before it listens,
loads data or modules, writes, or connects anywhere.
"""

import re
from collections.abc import Collection, Iterator

from redistopo.doctor.conf_includes import UNBALANCED, ConfWithIncludes
from redistopo.model.protocol.conf import (
    Directives,
    canonical_directive,
    parse_directive,
    read_conf,
    server_words,
    well_quoted,
)
from redistopo.model.protocol.endpoint import BUS_OFFSET, LAST_PORT
from redistopo.model.protocol.redact import Redactor, secrets_in
from redistopo.model.protocol.reply_text import escaped_line
from redistopo.quick_dataclass import dataclass

STOP_WORD = "redistopo-ends-here"
"""Not a valid port, nor a statement of a Sentinel's, in any release."""

_AT = re.compile(r"at line (\d+)\n>>> '.*'\n(.*)")
_LOGGED = re.compile(r"(Can't chdir to .*)")
"""Refusals reported without the line before 7.0."""

_UNRESOLVED = re.compile(r">>> '([^\s']+)")

_BESIDE_NAMES = frozenset(
    {
        "include", "loadmodule", "rename-command", "user", "sentinel",
        "list-max-ziplist-entries", "list-max-ziplist-value", "lua-replicate-commands",
    }
)  # fmt: skip
"""Accepted in a file, but unknown to CONFIG GET: statements, and removed directives (config.c,
deprecated_configs)."""

_SHOWN = 60
_SECRETIVE = re.compile(r"(?i)pas|auth|user|secret")
"""Matches mistyped names too: `requirepas`."""
UNKNOWN_DIRECTIVE = "Module Configuration detected without loadmodule directive (no such directive)"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartupRefusal:
    """The first line that keeps a server from starting, as it may be shown, and the server's
    `message`."""

    path: str
    line: int
    text: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineTrial:
    """How one server here judges the file: its first `refusal`, None if it accepts all lines.
    `unsure` is why it could not be tried, `skipped` what was left out for lack of access."""

    title: str
    path: str
    refusal: StartupRefusal | None = None
    unsure: str = ""
    skipped: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartupVerdict:
    """What keeps servers from starting with a file: `tried` are the servers' results, first that of
    the server that `up` uses; `refused_by_all` is what any of them refuses at its start."""

    tried: tuple[EngineTrial, ...] = ()
    refused_by_all: StartupRefusal | None = None

    @property
    def accepting(self) -> EngineTrial | None:
        """The first server that accepts every line."""
        found = (one for one in self.tried if one.refusal is None and not one.unsure)
        return None if self.refused_by_all else next(found, None)

    @property
    def refused(self) -> StartupRefusal | None:
        """What keeps the server that `up` uses from starting, else what keeps any."""
        return next((one.refusal for one in self.tried if one.refusal), self.refused_by_all)


def lines_to_check(whole: ConfWithIncludes, without: frozenset[int] = frozenset()) -> list[str]:
    """Return the lines to check, empty for those in `without`, counted from 0. Log files are left
    out too: some messages are logged while lines are read, and would create or fill the file.

    No server gets an include, which could be a FIFO by now, or another line of `refused_lines`:
    it is replaced by one that all servers refuse.
    """
    lines = whole.text.split("\n")
    given = ["" if at in without or _logs(line) else line for at, line in enumerate(lines)]
    for at in _refused_lines(whole):
        given[at] = f"port {STOP_WORD}"
    return given


def _refused_lines(whole: ConfWithIncludes) -> dict[int, str]:
    """Return lines that servers refuse, or crash at, and why: since 7.0 a server that is to rename
    a subcommand fails an assertion, with a crash report and core. A log file with quotes that
    only some servers refuse counts as refused, because the others open it."""
    found = dict(whole.refused_lines)
    for at, line in enumerate(whole.text.split("\n")):
        name, *rest = server_words(line) or [""]
        if name.lower() == "rename-command" and rest and "|" in rest[0]:
            found[at] = "No such command in rename-command"
        elif name.lower() in ("logfile", "syslog-enabled") and not well_quoted(line):
            found[at] = UNBALANCED
    return found


def _logs(line: str) -> bool:
    """Return whether a valid line makes a server log elsewhere than to its output."""
    name, *rest = [one.lower() for one in server_words(line)] or [""]
    return (name == "logfile" and len(rest) == 1) or (name == "syslog-enabled" and rest == ["yes"])


def refused_line(whole: ConfWithIncludes, output: str) -> int | None:
    """Return the line, counted from 0, that the server refused; the number of lines for the added
    one, and None if the output names none."""
    found = _AT.search(output)
    if found is not None:
        return min(int(found[1]) - 1, len(whole.origins))
    logged = _LOGGED.search(output)
    if logged is None:
        return None
    for at, (name, value) in _directives(whole):
        if name == "dir" and f"'{value}'" in logged[1]:
            return at
    return None


def refusal_at(whole: ConfWithIncludes, at: int, message: str) -> StartupRefusal:
    """Return that line of the file, with the message about it, and no password in either."""
    path, number = whole.origins[at]
    message = _refused_lines(whole).get(at, message)
    line = whole.text.split("\n")[at]
    # a line of any other directive may hold the file's own password, too
    hidden = Redactor(secrets_in(read_conf(whole.text))).text
    text, told = _redacted_line(line), _redacted_message(line, message)
    return StartupRefusal(path=path, line=number, text=hidden(text), message=hidden(told))


def refusal_message(output: str) -> str:
    """Return the server's own message, out of all its output."""
    found = _AT.search(output)
    if found is not None:
        return found[2].strip()
    logged = _LOGGED.search(output)
    return logged[1].strip() if logged else ""


def module_directive_names(whole: ConfWithIncludes) -> tuple[str, ...]:
    """Return names that a module may add. Since 7.0 names with a dot, and since Redis 8.0 all
    unknown names, are kept until modules are loaded, and refused only then. If a module is loaded,
    none are returned."""
    names = tuple(dict.fromkeys(name for _at, (name, _value) in _directives(whole)))
    return () if "loadmodule" in names else tuple(one for one in names if one not in _BESIDE_NAMES)


def lines_with(whole: ConfWithIncludes, names: Collection[str]) -> list[str]:
    """Return the lines of these directives, for a server that is to listen nowhere: it ends before
    it loads data, at the latest because of that, and names what no module defined (module.c,
    moduleLoadFromQueue)."""
    lines = whole.text.split("\n")
    return [lines[at] for at, (name, _value) in _directives(whole) if name in names]


def unresolved_names(output: str) -> set[str]:
    """Return the names that it printed."""
    _before, _, listed = output.partition("Unresolved Configuration(s) Detected")
    return {found.lower() for found in _UNRESOLVED.findall(listed)}


def unknown_directive_at(whole: ConfWithIncludes, known: frozenset[str] | None) -> int | None:
    """Return the first line, counted from 0, whose name no server accepts without a module.

    `known` are the names that the server has, None if it refuses others at once.
    """
    unsure = module_directive_names(whole)
    for at, (name, _value) in _directives(whole):
        if name in unsure and ("." in name or (known is not None and name not in known)):
            return at
    return None


def conflicts(whole: ConfWithIncludes) -> StartupRefusal | None:
    """Return what is refused although each line is valid, once all are read (config.c; acl.c,
    ACLLoadUsersAtStartup; tls.c, tlsConfigure). The messages are the servers'."""
    conf = read_conf(whole.text)

    def last(name: str) -> str:
        return conf.get(name, ("",))[-1]

    for name in ("replicaof", "slaveof") if last("cluster-enabled").lower() == "yes" else ():
        if last(name).lower() not in ("", "no one"):
            return _of(whole, name, "replicaof directive not allowed in cluster mode")
    if conf.get("user") and last("aclfile"):
        message = "Configuring Redis with users defined in redis.conf and at the same setting an "
        return _of(whole, "aclfile", f"{message}ACL file path is invalid")
    if last("tls-port") not in ("", "0"):
        for name in ("tls-cert-file", "tls-key-file"):
            if not last(name):
                return _of(whole, "tls-port", f"No {name} configured!")
    return next(_unusable_ports(whole, conf), None) or _unknown_category(whole, conf)


def _unusable_ports(whole: ConfWithIncludes, conf: Directives) -> Iterator[StartupRefusal]:
    """Yield ports that leave a server without a place to listen, or without a bus port (server.c,
    initListeners; cluster_legacy.c, clusterInit)."""

    def last(name: str, default: str) -> str:
        return conf.get(name, (default,))[-1]

    if not last("unixsocket", ""):
        message = "Configured to not listen anywhere, exiting."
        if last("port", "1") == "0" and last("tls-port", "0") == "0":
            yield _of(whole, "port", message)
        elif not last("bind", "*").strip():
            yield _of(whole, "bind", message)
    name = "port" if last("port", "6379") != "0" else "tls-port"
    port = last(name, "0")
    clustered = last("cluster-enabled", "no").lower() == "yes"
    usual = clustered and last("cluster-port", "0") == "0"
    if usual and port.isdecimal() and int(port) + BUS_OFFSET > LAST_PORT:
        message = f"Redis port number too high: the cluster bus needs {port} + {BUS_OFFSET}"
        yield _of(whole, name, message)


CATEGORIES = frozenset(
    {
        "all", "keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap",
        "hyperloglog", "geo", "stream", "pubsub", "admin", "fast", "slow", "blocking", "dangerous",
        "connection", "transaction", "scripting", "json", "search", "bloom", "cuckoo", "topk",
        "cms", "tdigest", "timeseries", "vectorset", "array",
    }
)  # fmt: skip
"""ACL CAT of every supported engine; a module may bring more."""


def _unknown_category(whole: ConfWithIncludes, conf: Directives) -> StartupRefusal | None:
    """Return the first user with a category that no server has (acl.c, ACLLoadConfiguredUsers)."""
    if conf.get("loadmodule"):
        return None
    for at, (name, value) in _directives(whole):
        for rule in value.replace("(", " ").replace(")", " ").split() if name == "user" else ():
            if rule[:2] in ("+@", "-@") and rule[2:].lower() not in CATEGORIES:
                message = f"'{rule}': Unknown command or category name in ACL"
                return refusal_at(whole, at, message)
    return None


_OPENED = {
    "aclfile": "Error loading ACLs, opening file '{}'",
    "loadmodule": "Can't load module from {}: server aborting",
    "logfile": "Can't open the log file",
    "unixsocket": "Failed opening Unix socket: bind",
    "tls-cert-file": "Failed to load tls-cert-file {}",
    "tls-key-file": "Failed to load tls-key-file {}",
    "tls-ca-cert-file": "Failed to load tls-ca-cert-file {}",
}
"""What a server opens at its start, and its message if it can't."""

_IN_FOLDER = frozenset({"logfile", "unixsocket"})
"""Created if missing, but their folder is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequiredPath:
    """A path that must exist before a server starts, its line, and the message if it does not."""

    path: str
    at: int
    message: str


def required_paths(whole: ConfWithIncludes) -> Iterator[RequiredPath]:
    """Yield the files and folders that a server opens at its start, of each directive's last line.

    Paths relative to a folder that the file does not name are left out: they depend on where the
    server is started. So are names that are not UTF-8.
    """
    base = read_conf(whole.text).get("dir", ("",))[-1]
    last: dict[str, tuple[int, str]] = {}
    modules: list[tuple[str, int, str]] = []  # each of them counts
    for at, (name, value) in _directives(whole):
        last[name] = (at, value)
        if name == "loadmodule":
            modules.append((name, at, (value.split() or [""])[0]))
    last.pop("loadmodule", None)
    if last.get("tls-port", (0, "0"))[1] in ("", "0"):
        last = {name: one for name, one in last.items() if not name.startswith("tls-")}
    for name, at, value in (*((name, *one) for name, one in last.items()), *modules):
        absolute = value.startswith("/")
        if name in _OPENED and value and (absolute or base.startswith("/")):
            path = value if absolute else f"{base.rstrip('/')}/{value}"
            if name in _IN_FOLDER:
                path = path.rpartition("/")[0] or "/"
            if "\ufffd" not in path:
                yield RequiredPath(path=path, at=at, message=_OPENED[name].format(value))


def _of(whole: ConfWithIncludes, name: str, message: str) -> StartupRefusal:
    """Return the refusal of that directive's last line, under its current or older name."""
    at = max(at for at, (one, _value) in _directives(whole) if canonical_directive(one) == name)
    return refusal_at(whole, at, message)


def _directives(whole: ConfWithIncludes) -> Iterator[tuple[int, tuple[str, str]]]:
    """Yield each directive's line, counted from 0, its name in lower case, and its value."""
    for at, line in enumerate(whole.text.split("\n")):
        if found := parse_directive(line):
            yield at, (found[0].lower(), found[1])


def _redacted_line(line: str) -> str:
    """Return the line on one row of a terminal; only its name if it may hold a password."""
    name = _name(line)
    if _SECRETIVE.search(name):
        return f"{escaped_line(name)} ..."
    cut = escaped_line(line.strip())
    return cut if len(cut) <= _SHOWN else f"{cut[: _SHOWN - 3]}..."


def _redacted_message(line: str, message: str) -> str:
    """Return the server's message, without what it quotes of a line with a password."""
    if _SECRETIVE.search(_name(line)):
        message = re.sub(r"'[^']*'", "'...'", message)
    return escaped_line(message)


def _name(line: str) -> str:
    """Return the first word; of a Sentinel's statement, two."""
    found = server_words(line)
    return " ".join(found[: 2 if found and found[0].lower() == "sentinel" else 1])
