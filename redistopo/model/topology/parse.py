"""Parses a topology file's document into a Topology, or into a list of all its problems."""

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from redistopo.errors import UsageError
from redistopo.model.protocol.conf import Directives, canonical_directive
from redistopo.model.remedies.of_topology import replace_file
from redistopo.model.topology.spec import (
    SHAPE_ALIASES,
    TOPOLOGY_KEYS,
    TOPOLOGY_TABLES,
    Formation,
    Persistence,
    Shape,
    Topology,
    TopologyKey,
    shape_defaults,
)

DIRECTIVE = r"[A-Za-z][A-Za-z0-9._-]*"
"""The pattern of directive names; those of modules contain a dot."""

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


def topology_file_error(problems: Iterable[TopologyProblem], source: str) -> UsageError:
    """Build one error with all problems of a file."""
    found = tuple(problems)
    count = "1 problem" if len(found) == 1 else f"{len(found)} problems"
    return UsageError(
        f"{source} has {count}",
        detail="\n".join(str(one) for one in found),
        hint="correct the file and run the command again; `redistopo schema` prints all keys",
    )


def read_toml(text: str, source: str) -> dict[str, object]:
    """Parse TOML; raises UsageError with line and column if it is invalid."""
    try:
        return tomllib.loads(text)
    # ValueError covers TOMLDecodeError, and numbers of more digits than Python reads
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{source} is not valid TOML",
            detail=str(error),
            hint=replace_file("correct that line, or write a new file: ", "redistopo init cluster"),
        ) from error


def parse_topology(
    document: Mapping[str, object],
) -> tuple[Topology | None, tuple[TopologyProblem, ...]]:
    """Build the topology from a document, or return None and every problem of a single key.

    Constraints between keys (ports, owned directives) are checked by `validate`.
    """
    problems: list[TopologyProblem] = []
    known = {key.name: key for key in TOPOLOGY_KEYS}
    for name, value in document.items():
        if name in TOPOLOGY_TABLES:
            if not isinstance(value, Mapping):
                problems.append(_wrong_kind(name, value, dict))
        elif name in known:
            problems += _check(known[name], value)
        else:
            problems.append(unknown_key(name, (*known, *TOPOLOGY_TABLES)))
    problems += [
        TopologyProblem(key.name, "is missing", "it is required")
        for key in TOPOLOGY_KEYS
        if key.required and key.name not in document
    ]
    redis = _directives("redis", document.get("redis"), problems)
    nodes = _node_tables(document.get("nodes"), problems)
    if problems:
        return None, tuple(problems)
    shape = Shape(str(document["shape"]))
    values: dict[str, Any] = {**shape_defaults(shape), **document}
    if shape is Shape.SENTINEL and "quorum" not in document:
        values["quorum"] = values["sentinels"] // 2 + 1
    for name, kind in (("shape", Shape), ("formation", Formation), ("persistence", Persistence)):
        values[name] = kind(values[name])
    return Topology(**{**values, "redis": redis, "nodes": nodes}), ()


def salvage(document: Mapping[str, object], problems: Iterable[TopologyProblem]) -> Topology | None:
    """Build the topology without the keys that have problems; None if too little is left."""
    bad = {problem.key for problem in problems}
    kept: dict[str, object] = {}
    for name, value in document.items():
        if name in bad:
            continue
        if name == "redis" and isinstance(value, Mapping):
            kept[name] = {k: v for k, v in value.items() if f"redis.{k}" not in bad}
        elif name == "nodes" and isinstance(value, Mapping):
            kept[name] = {
                node: {k: v for k, v in table.items() if f"nodes.{node}.{k}" not in bad}
                for node, table in value.items()
                if isinstance(table, Mapping)
            }
        else:
            kept[name] = value
    return parse_topology(kept)[0]


def shape_named(text: str) -> Shape | None:
    """Return the shape with that name or alias, or None."""
    wanted = text.strip().lower()
    if wanted in SHAPE_ALIASES:
        return SHAPE_ALIASES[wanted]
    return Shape(wanted) if wanted in set(Shape) else None


def unknown_key(name: str, known: Iterable[str], *, within: str = "") -> TopologyProblem:
    """Build the problem of an unknown key, with the most similar known one."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return TopologyProblem(
        f"{within}{name}",
        "is not a key of this file",
        "redis.conf directives belong in the [redis] table",
        hint=f"did you mean {near[0]}?" if near else "",
    )


def _check(key: TopologyKey, value: object) -> list[TopologyProblem]:
    # bool is a subclass of int, but `port = true` isn't a port
    if not isinstance(value, key.kind) or (key.kind is int and isinstance(value, bool)):
        return [_wrong_kind(key.name, value, key.kind)]
    if key.name == "shape" and isinstance(value, str) and value not in set(Shape):
        return [_wrong_choice(key, value, shape_named(value))]
    if isinstance(value, str):
        return _check_text(key, value)
    if isinstance(value, int) and not _within(key, value):
        seen = f"is {value}"
        if key.name == "format":
            return [TopologyProblem(key.name, seen, "this version reads format 1")]
        return [TopologyProblem(key.name, seen, f"must be {key.least} to {key.most}")]
    return []


def _check_text(key: TopologyKey, value: str) -> list[TopologyProblem]:
    if key.choices and value not in key.choices:
        near = difflib.get_close_matches(value.lower(), key.choices, n=1)
        return [_wrong_choice(key, value, near[0] if near else None)]
    if key.pattern and not re.fullmatch(key.pattern, value):
        allowed = {
            "name": "must be at most 63 letters, digits, '.', '_' and '-'",
            "host": "must be one IP address, such as 127.0.0.1",
            "announce_host": "must be an address of this machine, or a name",
            "application_rights": "must be ACL rules on commands, such as +@all -@admin",
        }[key.name]
        return [TopologyProblem(key.name, f"is {value!r}", allowed)]
    if any(ord(letter) < 32 for letter in value):
        return [TopologyProblem(key.name, "has a control character", "must be one line of text")]
    return []


def _within(key: TopologyKey, value: int) -> bool:
    return (key.least is None or value >= key.least) and (key.most is None or value <= key.most)


def _wrong_choice(key: TopologyKey, value: str, near: str | None) -> TopologyProblem:
    return TopologyProblem(
        key.name,
        f"is {value!r}",
        f"must be one of {', '.join(key.choices)}",
        hint=f"did you mean {near}?" if near else "",
    )


def _wrong_kind(name: str, value: object, kind: type) -> TopologyProblem:
    return TopologyProblem(name, f"is {value!r}", f"must be {_KINDS[kind]}")


def _node_tables(value: object, problems: list[TopologyProblem]) -> dict[str, Directives]:
    if not isinstance(value, Mapping):
        return {}
    found: dict[str, Directives] = {}
    for name, table in value.items():
        if not isinstance(table, Mapping):
            problems.append(_wrong_kind(f"nodes.{name}", table, dict))
        else:
            found[str(name)] = _directives(f"nodes.{name}", table, problems)
    return found


def _directives(
    where: str, table: object, problems: list[TopologyProblem]
) -> dict[str, tuple[str, ...]]:
    """Directives of one table; several lines of one directive are an array."""
    if not isinstance(table, Mapping):
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for name, value in table.items():
        texts = [_text(one) for one in (value if isinstance(value, list) else [value])]
        lines = tuple(text for text in texts if text is not None)
        if not lines or len(lines) < len(texts):
            seen = f"is {value!r}"
            allowed = (
                "a directive's value is a string, a number, true or false, or an array of these"
            )
        elif not re.fullmatch(DIRECTIVE, str(name)):
            seen, allowed = "is not a directive name", "use letters, digits and '-'"
        elif any(ord(letter) < 32 for line in lines for letter in line):
            seen, allowed = "has a control character", "must be one line of text"
        else:
            current = canonical_directive(str(name))
            found[current] = (*found.get(current, ()), *lines)
            continue
        problems.append(TopologyProblem(f"{where}.{name}", seen, allowed))
    return found


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | int | float):
        return str(value)
    return None
