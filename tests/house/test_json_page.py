"""docs/json.md has the fields of every result; REDISTOPO_UPDATE_GOLDENS=1 writes its tables."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
from support.pages import hold

from redistopo.cli.output_schema import RECORDS, RESULTS, load_type, output_schema


@cache
def _defs() -> dict[str, Any]:
    """Not while tests are collected: each worker would import every command."""
    found: dict[str, Any] = output_schema()["$defs"]  # type: ignore[assignment]
    return found


def _type(schema: dict[str, Any]) -> str:
    """How the page writes a type."""
    if "$ref" in schema:
        name: str = schema["$ref"].rpartition("/")[2]
        return name
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"] if "const" not in one)
    if "enum" in schema:
        return " or ".join(json.dumps(one) for one in schema["enum"])
    if "prefixItems" in schema:
        return f"[{', '.join(_type(one) for one in schema['prefixItems'])}]"
    kinds = {
        "array": lambda: f"[{_type(schema['items'])}]",
        "object": lambda: f"{{{_type(schema['additionalProperties'])}}}",
    }
    return kinds.get(schema.get("type", ""), lambda: schema.get("type", "any value"))()


def _fields(name: str) -> str:
    made = _defs()[name]
    if "prefixItems" in made:
        return _type(made)
    optional = set(made["properties"]) - set(made["required"])
    return ", ".join(
        f"`{field}`: {_type(of)}{' (not always)' if field in optional else ''}"
        for field, of in made["properties"].items()
    )


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join(
        f"| {' | '.join(one.replace('|', chr(92) + '|') for one in line)} |" for line in lines
    )


def _name(path: str) -> str:
    return load_type(path).__name__


def _shown() -> dict[str, list[str]]:
    """Type of a result -> the commands that print it."""
    found: dict[str, list[str]] = {}
    for verb, paths in RESULTS.items():
        for path, option in zip(paths, ("", " --dry-run"), strict=False):
            found.setdefault(_name(path), []).append(f"`{verb}{option}`")
    return found


def _results() -> str:
    rows = [
        (", ".join(verbs), _defs()[name]["description"], _fields(name))
        for name, verbs in _shown().items()
    ]
    return _table(("command", "result", "fields"), rows)


def _lines() -> str:
    rows = [
        (f"`{where}`", _defs()[_name(path)]["description"], _fields(_name(path)))
        for where, path in RECORDS.items()
    ]
    return _table(("where", "line", "fields"), rows)


def _types() -> str:
    above = {*_shown(), *(_name(path) for path in RECORDS.values())}
    listed = [name for name in sorted(_defs()) if "enum" in _defs()[name]]
    shown = [name for name in sorted(_defs()) if name not in {*above, *listed}]
    rows = [(name, _defs()[name]["description"], _fields(name)) for name in shown]
    rows += [
        (name, _defs()[name]["description"], ", ".join(f"`{one}`" for one in _defs()[name]["enum"]))
        for name in listed
    ]
    return _table(("type", "meaning", "fields, or values"), rows)


@pytest.mark.parametrize(
    ("name", "table"), [("results", _results), ("lines", _lines), ("types", _types)]
)
def test_a_table_of_the_json_page_matches_the_types(
    root: Path, name: str, table: Callable[[], str]
) -> None:
    hold(root / "docs" / "json.md", name, table())


def test_a_command_that_prints_a_document_has_a_schema(name: str, command: click.Command) -> None:
    formats = any("--json" in param.opts for param in command.params)
    if formats:
        assert name in {**RESULTS, **RECORDS}
    else:
        assert name not in {**RESULTS, **RECORDS}


def test_every_type_is_described() -> None:
    assert [name for name, made in _defs().items() if not made["description"]] == []
