"""Fixtures of the house tests: the repository, the commands, and the unit tests' tables."""

import runpy
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
from support.commands import commands_of

from redistopo.cli.main import redistopo

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """The top folder of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def readme() -> str:
    """The text of README.md."""
    return (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def reference() -> str:
    """The text of docs/reference.md."""
    return (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def table() -> Callable[[str], Any]:
    """The `CASES` of a unit test's file, by its path below tests/unit."""
    return _cases


@cache
def _cases(path: str) -> Any:
    return runpy.run_path(str(ROOT / "tests" / "unit" / path))["CASES"]


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command with its full name, as in `templates export`."""
    yield from _below("", redistopo)


def _below(name: str, group: click.Group) -> Iterator[tuple[str, click.Command]]:
    for part, command in commands_of(group).items():
        full = f"{name} {part}".strip()
        yield full, command
        if isinstance(command, click.Group):
            yield from _below(full, command)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrise tests that have the arguments `name` and `command` over every command."""
    if {"name", "command"} <= set(metafunc.fixturenames):
        found = list(commands())
        metafunc.parametrize(("name", "command"), found, ids=[name for name, _ in found])
