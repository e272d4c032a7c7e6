"""redis.conf as values: reading it back, quoting into it, and comparing it with CONFIG GET."""

import re
from collections.abc import Mapping

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

SECRET = frozenset({"requirepass", "masterauth", "masteruser", "tls-key-file-pass"})


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
        if text[at].isspace():
            at += 1
            continue
        raw, at = _argument(text, at)
        found.append(raw.decode(errors="replace"))
    return found


def _argument(text: str, at: int) -> tuple[bytes, int]:
    out = bytearray()
    ending = text[at] if text[at] in "\"'" else ""
    at += bool(ending)
    while at < len(text):
        letter = text[at]
        if letter == ending or (not ending and letter.isspace()):
            return bytes(out), at + 1
        if letter == "\\" and ending == '"' and at + 1 < len(text):
            if text[at + 1] == "x" and re.fullmatch(r"[0-9a-fA-F]{2}", text[at + 2 : at + 4]):
                out.append(int(text[at + 2 : at + 4], 16))
                at += 4
                continue
            at += 1
            letter = {"n": "\n", "r": "\r", "t": "\t"}.get(text[at], text[at])
        out += letter.encode()
        at += 1
    return bytes(out), at


def read_conf(text: str) -> Directives:
    """The directives of a redis.conf; comments and blank lines are left out."""
    found: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            name, _, rest = stripped.partition(" ")
            name = name.lower()
            found[name] = (*found.get(name, ()), unquote(rest))
    return found


def drift(rendered: Directives, live: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Directive -> (rendered, live) where the running server differs from its file.

    Directives that the server doesn't list, or lists in another form, are left out.
    """
    found = {}
    for name, lines in rendered.items():
        if name in NOT_COMPARED or name not in live:
            continue
        wanted = _joined(name, lines)
        if _plain(wanted) != _plain(live[name]):
            found[name] = (wanted, live[name])
    return found


def _joined(name: str, lines: tuple[str, ...]) -> str:
    # `save` adds up over its lines; `save ""` alone means never. Others: the last line counts.
    if name == "save":
        return " ".join(line for line in lines if line)
    return lines[-1]


def _plain(value: str) -> str:
    """A value in one spelling: memory units as bytes, list order and case aside."""
    text = " ".join(value.split()).strip('"').lower()
    memory = _MEMORY.fullmatch(text)
    if memory:
        return str(int(memory[1]) * _UNITS[memory[2].lower()])
    return text
