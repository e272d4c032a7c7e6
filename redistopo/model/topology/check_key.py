"""Checks one key of the topology file, or of a table in it, by its limits."""

import difflib
import re
from collections.abc import Iterable

from redistopo.model.topology.spec import SHAPE_ALIASES, Shape, TopologyKey
from redistopo.quick_dataclass import dataclass

_KINDS = {str: "a string", int: "an integer", bool: "true or false", dict: "a table"}


@dataclass(frozen=True, slots=True)
class TopologyProblem:
    """One problem in the file: the key, what was found, what is allowed."""

    key: str
    seen: str
    allowed: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.key}: {self.seen}; {self.allowed}{hint}"


def unknown_key(
    name: str, known: Iterable[str], allowed: str, *, within: str = ""
) -> TopologyProblem:
    """Build the problem of an unknown key, with the most similar known one."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return TopologyProblem(
        f"{within}{name}",
        "is not a key of this table" if within else "is not a key of this file",
        allowed,
        hint=f"did you mean {near[0]}?" if near else "",
    )


def check_key(key: TopologyKey, value: object, *, within: str = "") -> list[TopologyProblem]:
    """Return the problem of a key's value, if it has one; `within` is the table, as ``hosts.``."""
    name = f"{within}{key.name}"
    # bool is a subclass of int, but `port = true` isn't a port
    if not isinstance(value, key.kind) or (key.kind is int and isinstance(value, bool)):
        return [wrong_kind(name, value, key.kind)]
    if key.name == "shape" and isinstance(value, str) and value not in set(Shape):
        return [_wrong_choice(key, name, value, shape_named(value))]
    if isinstance(value, str):
        return _check_text(key, name, value)
    if isinstance(value, int) and not _within(key, value):
        seen = f"is {value}"
        if key.name == "format":
            return [TopologyProblem(name, seen, "this version reads format 1")]
        return [TopologyProblem(name, seen, f"must be {key.least} to {key.most}")]
    return []


def _check_text(key: TopologyKey, name: str, value: str) -> list[TopologyProblem]:
    if key.choices and value not in key.choices:
        near = difflib.get_close_matches(value.lower(), key.choices, n=1)
        return [_wrong_choice(key, name, value, near[0] if near else None)]
    if key.pattern and not re.fullmatch(key.pattern, value):
        return [TopologyProblem(name, f"is {value!r}", key.rule)]
    if any(ord(letter) < 32 for letter in value):
        return [TopologyProblem(name, "has a control character", "must be one line of text")]
    return []


def _within(key: TopologyKey, value: int) -> bool:
    return (key.least is None or value >= key.least) and (key.most is None or value <= key.most)


def _wrong_choice(key: TopologyKey, name: str, value: str, near: str | None) -> TopologyProblem:
    return TopologyProblem(
        name,
        f"is {value!r}",
        f"must be one of {', '.join(key.choices)}",
        hint=f"did you mean {near}?" if near else "",
    )


def wrong_kind(name: str, value: object, kind: type) -> TopologyProblem:
    """Build the problem of a value that has another type."""
    return TopologyProblem(name, f"is {value!r}", f"must be {_KINDS[kind]}")


def shape_named(text: str) -> Shape | None:
    """Return the shape with that name or alias, or None."""
    wanted = text.strip().lower()
    if wanted in SHAPE_ALIASES:
        return SHAPE_ALIASES[wanted]
    return Shape(wanted) if wanted in set(Shape) else None
