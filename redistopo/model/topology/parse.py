"""Parses a topology file's document into a Topology, or into a list of all its problems."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

from redistopo.errors import UsageError
from redistopo.model.protocol.conf import Directives, canonical_directive
from redistopo.model.remedies.of_topology import replace_file
from redistopo.model.topology.adopted import parse_adopted
from redistopo.model.topology.check_key import (
    TopologyProblem,
    check_key,
    unknown_key,
    wrong_kind,
)
from redistopo.model.topology.parse_hosts import PIN, parse_hosts
from redistopo.model.topology.spec import (
    TOPOLOGY_KEYS,
    TOPOLOGY_TABLES,
    Formation,
    Persistence,
    Shape,
    Topology,
    shape_defaults,
)

DIRECTIVE = r"[A-Za-z][A-Za-z0-9._-]*"
"""The pattern of directive names; those of modules contain a dot."""

_TWICE = re.compile(r"Cannot declare \((.*)\) twice")

_NOT_TOP = "redis.conf directives belong in the [redis] table"


OPTIONS = "what you ask for"
"""The source of problems that are those of options, not of a file."""


def topology_file_error(problems: Iterable[TopologyProblem], source: str) -> UsageError:
    """Build one error with all problems of a file."""
    found = tuple(problems)
    count = "1 problem" if len(found) == 1 else f"{len(found)} problems"
    where = "the options" if source == OPTIONS else "the file"
    return UsageError(
        f"{source} has {count}",
        detail="\n".join(str(one) for one in found),
        hint=f"correct {where} and run the command again; `redistopo schema` prints all keys",
    )


def read_toml(text: str, source: str) -> dict[str, object]:
    """Parse TOML; raises UsageError with line and column if it is invalid."""
    try:
        return tomllib.loads(text)
    # ValueError covers TOMLDecodeError, and numbers of more digits than Python reads
    except (ValueError, RecursionError) as error:
        why = _TWICE.sub(lambda found: _table(found[1]) + " is there twice", str(error))
        raise UsageError(
            f"{source} is not valid TOML",
            detail=why,
            hint=replace_file("correct that line, or write a new file: ", "redistopo init cluster"),
        ) from error


def _table(parts: str) -> str:
    """The header of a table, of the tuple by which the parser names it."""
    names = ".".join(re.findall(r"'([^']*)'", parts))
    return f"[{names}]"


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
                problems.append(wrong_kind(name, value, dict))
        elif name in known:
            problems += check_key(known[name], value)
        else:
            problems.append(unknown_key(name, (*known, *TOPOLOGY_TABLES), _NOT_TOP))
    problems += [
        TopologyProblem(key.name, "is missing", "it is required")
        for key in TOPOLOGY_KEYS
        if key.required and key.name not in document
    ]
    redis = _directives("redis", document.get("redis"), problems)
    nodes = _node_tables(document.get("nodes"), problems)
    hosts = parse_hosts(document, problems)
    adopted = parse_adopted(document, problems)
    if problems:
        return None, tuple(problems)
    shape = Shape(str(document["shape"]))
    values: dict[str, Any] = {**shape_defaults(shape), **document, "adopted": adopted}
    if adopted:
        values["sentinels"] = document.get("sentinels", len(adopted.sentinels))
    if shape is Shape.SENTINEL and "quorum" not in document:
        values["quorum"] = values["sentinels"] // 2 + 1
    for name, kind in (("shape", Shape), ("formation", Formation), ("persistence", Persistence)):
        values[name] = kind(values[name])
    return Topology(**{**values, "redis": redis, "nodes": nodes, "hosts": hosts}), ()


def salvage(document: Mapping[str, object], problems: Iterable[TopologyProblem]) -> Topology | None:
    """Build the topology without the keys that have problems; None if too little is left."""
    bad = {problem.key for problem in problems}
    # a pin means nothing without its machines
    bare = any(key.partition(".")[0] == "hosts" for key in bad)
    kept: dict[str, object] = {}
    for name, value in document.items():
        if name in bad or (bare and name == "hosts"):
            continue
        if name == "redis" and isinstance(value, Mapping):
            kept[name] = {k: v for k, v in value.items() if f"redis.{k}" not in bad}
        elif name == "nodes" and isinstance(value, Mapping):
            kept[name] = {
                node: {
                    k: v
                    for k, v in table.items()
                    if f"nodes.{node}.{k}" not in bad and not (bare and k == PIN)
                }
                for node, table in value.items()
                if isinstance(table, Mapping)
            }
        else:
            kept[name] = value
    return parse_topology(kept)[0]


def _node_tables(value: object, problems: list[TopologyProblem]) -> dict[str, Directives]:
    if not isinstance(value, Mapping):
        return {}
    found: dict[str, Directives] = {}
    for name, table in value.items():
        if not isinstance(table, Mapping):
            problems.append(wrong_kind(f"nodes.{name}", table, dict))
        else:
            rest = {key: one for key, one in table.items() if key != PIN}
            if rest or not table:
                found[str(name)] = _directives(f"nodes.{name}", rest, problems)
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
