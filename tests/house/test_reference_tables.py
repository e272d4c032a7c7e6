"""The tables of docs/reference.md; REDISTOPO_UPDATE_GOLDENS=1 writes those made from the code."""

import re
from pathlib import Path

import pytest
from support.commands import commands_of
from support.pages import hold

from redistopo.checks.catalogue import CHECKS
from redistopo.cli.main import redistopo
from redistopo.errors import ExitCode
from redistopo.model.topology.adopted import ADOPTED_KEYS, ADOPTED_NODE
from redistopo.model.topology.hosts_keys import HOSTS_KEYS, MACHINE_KEYS
from redistopo.model.topology.spec import TOPOLOGY_KEYS, Shape, shape_defaults


def _commands() -> str:
    rows = ["| command | what it does |", "| --- | --- |"]
    for name, command in commands_of(redistopo).items():
        rows.append(f"| `redistopo {name}` | {command.get_short_help_str(200)} |")
    return "\n".join(rows)


def _keys() -> str:
    usual = {shape: shape_defaults(shape) for shape in Shape}
    rows = ["| key | default | meaning |", "| --- | --- | --- |"]
    for key in TOPOLOGY_KEYS:
        values = list(dict.fromkeys(str(usual[shape].get(key.name, "")) for shape in Shape))
        default = {"True": "true", "False": "false"}.get(values[0], values[0])
        if len(values) > 1:
            default = ", ".join(f"{usual[shape][key.name]} ({shape})" for shape in Shape)
        if key.required:
            default = "required"
        allowed = f" One of {', '.join(f'`{one}`' for one in key.choices)}." if key.choices else ""
        rows.append(f"| `{key.name}` | {default} | {key.doc}{allowed} |")
    return "\n".join(rows)


def _hosts() -> str:
    rows = ["| key | meaning |", "| --- | --- |"]
    for within, keys in (("hosts", HOSTS_KEYS), ("hosts.NAME", MACHINE_KEYS)):
        rows += [f"| `{within}.{key.name}` | {key.doc} |" for key in keys]
    return "\n".join(rows)


def _adopted() -> str:
    rows = ["| key | meaning |", "| --- | --- |"]
    rows += [f"| `adopted.{key.name}` | {key.doc} |" for key in (*ADOPTED_KEYS, ADOPTED_NODE)]
    return "\n".join(rows)


def _checks() -> str:
    rows = ["| check | asks |", "| --- | --- |"]
    rows += [f"| `{check.id}` | {check.question} |" for check in CHECKS]
    return "\n".join(rows)


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("commands", _commands()),
        ("keys", _keys()),
        ("hosts", _hosts()),
        ("adopted", _adopted()),
        ("checks", _checks()),
    ],
)
def test_a_table_matches_the_code(root: Path, name: str, table: str) -> None:
    hold(root / "docs" / "reference.md", name, table)


@pytest.mark.parametrize("code", list(ExitCode))
def test_an_exit_code_is_documented(code: ExitCode, reference: str, readme: str) -> None:
    assert re.search(rf"^\| {int(code)} \| `{code.name}` \| \w", reference, re.MULTILINE)
    codes = readme.split("Exit codes: ", 1)[1].partition(".")[0]
    assert re.search(rf"\b{int(code)} \w", codes)


def test_every_environment_variable_is_documented(root: Path, reference: str) -> None:
    read = re.compile(r"""["'\s](REDISTOPO_[A-Z_]*[A-Z]|REDISCLI_[A-Z]+|XDG_[A-Z_]+|NO_COLOR)\b""")
    sources = (root / "redistopo").rglob("*.py")
    used = {name for path in sources for name in read.findall(path.read_text(encoding="utf-8"))}
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", reference, re.MULTILINE)) == used


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md"])
def test_a_page_counts_the_checks(root: Path, page: str) -> None:
    assert f"{len(CHECKS)} checks" in (root / page).read_text(encoding="utf-8")
