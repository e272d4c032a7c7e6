"""redis.conf as values: reading it back, quoting into it, and comparing it with CONFIG GET."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from redistopo.model.topology import Directives

_UNITS = {
    "k": 1000, "kb": 1024,
    "m": 1000**2, "mb": 1024**2,
    "g": 1000**3, "gb": 1024**3,
    "b": 1, "": 1,
}  # fmt: skip
_MEMORY = re.compile(r"(-?\d+)(k|kb|m|mb|g|gb|b|)", re.IGNORECASE)

# Not readable by CONFIG GET, or shown there in another form than the file's.
NOT_COMPARED = frozenset(
    {
        "include", "loadmodule", "user", "rename-command", "replicaof", "slaveof",
        "client-output-buffer-limit", "oom-score-adj-values", "notify-keyspace-events",
    }
)  # fmt: skip

ONLY_AT_START = frozenset({"include", "loadmodule", "user", "rename-command"})
"""Of these, what CONFIG SET can't change."""

SECRET = frozenset(
    {
        "requirepass", "masterauth", "masteruser", "primaryauth", "primaryuser",
        "tls-key-file-pass", "tls-client-key-file-pass",
    }
)  # fmt: skip
"""Compared, and never shown."""

# Compared letter by letter; the others may differ in case, spaces and units.
_EXACT = SECRET | {
    "dir", "logfile", "pidfile", "dbfilename", "appendfilename", "appenddirname", "aclfile",
    "unixsocket", "tls-cert-file", "tls-key-file", "tls-ca-cert-file", "cluster-config-file",
    "proc-title-template", "syslog-ident",
}  # fmt: skip

_SPACE = " \t\n\r\v\f"
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "a": "\a"}


@lru_cache(maxsize=4096)
def canonical(name: str) -> str:
    """A directive's name as it is today: lower case, and replica for the old slave.

    Servers keep one value under both names (config.c, aliases).
    """
    return re.sub(r"\bslave(s?)\b", r"replica\1", name.lower())


def quote(value: str) -> str:
    """A value as one argument of a redis.conf line, whatever characters it has.

    Source: sds.c, sdssplitargs: inside double quotes ``\\xHH`` is a byte.
    """
    if re.fullmatch(r"[A-Za-z0-9_./:@%+,-]+", value):
        return value
    out = []
    for byte in value.encode():
        letter = chr(byte)
        if letter in '"\\':
            out.append("\\" + letter)
        elif 32 <= byte < 127:
            out.append(letter)
        else:
            out.append(f"\\x{byte:02x}")
    return '"' + "".join(out) + '"'


def unquote(text: str) -> str:
    """The arguments of a line with their quotes resolved, joined by single spaces."""
    return " ".join(_arguments(text))


def _arguments(text: str) -> list[str]:
    found: list[str] = []
    at = 0
    while at < len(text):
        if text[at] in _SPACE:
            at += 1
            continue
        raw, at = _argument(text, at)
        found.append(raw.decode(errors="replace"))
    return found


def _argument(text: str, at: int) -> tuple[bytes, int]:
    """One argument and where it ends; quotes may begin inside it (sds.c, sdssplitargs)."""
    out = bytearray()
    quote = ""
    while at < len(text):
        letter = text[at]
        if not quote and letter in _SPACE:
            break
        if letter in (quote or "\"'"):
            quote = "" if quote else letter
        elif letter == "\\" and quote and at + 1 < len(text):
            raw, at = _escaped(text, at, quote)
            out += raw
        else:
            out += letter.encode()
        at += 1
    return bytes(out), at


def _escaped(text: str, at: int, quote: str) -> tuple[bytes, int]:
    """What a backslash and what follows it mean, and where that ends."""
    following = text[at + 1]
    if quote == "'":
        return (b"'", at + 1) if following == "'" else (b"\\", at)
    if following == "x" and re.fullmatch(r"[0-9a-fA-F]{2}", text[at + 2 : at + 4]):
        return bytes([int(text[at + 2 : at + 4], 16)]), at + 3
    return _ESCAPES.get(following, following).encode(), at + 1


def read_conf(text: str) -> Directives:
    """The directives of a redis.conf by today's names; comments and blank lines are left out."""
    found: dict[str, tuple[str, ...]] = {}
    for line in text.split("\n"):
        name, *rest = line.strip(_SPACE).split(None, 1) or [""]
        if name and not name.startswith("#"):
            name = canonical(name)
            found[name] = (*found.get(name, ()), unquote("".join(rest)))
    return found


def with_values(text: str, values: Mapping[str, str]) -> str:
    """The same redis.conf with other values in the lines of these directives.

    Valkey 9.0 and later write masterauth as primaryauth, when Sentinels have it write its file.
    """
    values = {**values, **({"primaryauth": values["masterauth"]} if "masterauth" in values else {})}
    lines = []
    for line in text.split("\n"):
        name = (line.strip(_SPACE).split(None, 1) or [""])[0].lower()
        lines.append(f"{name} {quote(values[name])}" if name in values else line)
    return "\n".join(lines)


def without_hashes(lines: Iterable[str]) -> tuple[str, ...]:
    """Lines of ACL LIST without the passwords' hashes, which change by themselves."""
    return tuple(
        " ".join(word for word in line.split() if not word.startswith("#")) for line in lines
    )


def with_hashes(text: str, hashes: Mapping[str, str]) -> str:
    """The same users.acl, each of these users with this one password, given as its SHA-256."""
    lines = []
    for line in text.split("\n"):
        words = line.split()
        if len(words) > 2 and words[0] == "user" and words[1] in hashes:
            rules = [word for word in words[2:] if word[0] not in "#>"]
            line = " ".join([*words[:2], rules[0], f"#{hashes[words[1]]}", *rules[1:]])  # noqa: PLW2901
        lines.append(line)
    return "\n".join(lines)


def with_auth_pass(text: str, name: str, password: str) -> str:
    """The same sentinel.conf with another password for the data nodes of that primary."""
    start = f"sentinel auth-pass {name} "
    lines = [f"{start}{quote(password)}" if line.startswith(start) else line
             for line in text.split("\n")]  # fmt: skip
    return "\n".join(lines)


def drift(rendered: Directives, live: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Directive -> (rendered, live) where the running server differs from its file.

    Directives that the server doesn't list, or lists in another form, are left out.
    """
    told = {canonical(name): value for name, value in live.items()}
    wanted: dict[str, tuple[str, ...]] = {}
    for name, lines in rendered.items():
        wanted[canonical(name)] = (*wanted.get(canonical(name), ()), *lines)
    found = {}
    for name, lines in wanted.items():
        if name not in NOT_COMPARED and name in told:
            value = _effective(name, lines)
            if not _same(name, value, told[name]):
                found[name] = (value, told[name])
    return found


def _effective(name: str, lines: tuple[str, ...]) -> str:
    """What several lines of one directive come to: for most, the last one counts."""
    if name != "save":
        return lines[-1]
    # `save` adds up; an empty one takes the earlier points away
    points: list[str] = []
    for line in lines:
        points = [*points, line] if line else []
    return " ".join(points)


def _same(name: str, wanted: str, live: str) -> bool:
    if name in _EXACT:
        return wanted == live
    return _plain(wanted) == _plain(live)


def _plain(value: str) -> str:
    """A value in one spelling: memory units as bytes, spaces and case aside."""
    text = " ".join(value.split()).lower()
    memory = _MEMORY.fullmatch(text)
    if memory:
        return str(int(memory[1]) * _UNITS[memory[2].lower()])
    return text
