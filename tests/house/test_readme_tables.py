"""README's tables are made from the code; REDISTOPO_UPDATE_GOLDENS=1 writes them anew."""

import os
import re
from pathlib import Path

import pytest

from redistopo.checks.catalogue import CHECKS
from redistopo.cli.main import redistopo
from redistopo.model.topology.spec import TOPOLOGY_KEYS, Shape, shape_defaults

README = Path(__file__).parents[2] / "README.md"


def _commands() -> str:
    rows = ["| command | what it does |", "| --- | --- |"]
    for name, command in redistopo.commands.items():
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


def _checks() -> str:
    rows = ["| check | asks |", "| --- | --- |"]
    rows += [f"| `{check.id}` | {check.asks} |" for check in CHECKS]
    return "\n".join(rows)


@pytest.mark.parametrize(
    ("name", "table"), [("commands", _commands()), ("keys", _keys()), ("checks", _checks())]
)
def test_the_table_is_as_the_code_says(name: str, table: str) -> None:
    text = README.read_text(encoding="utf-8")
    block = re.compile(rf"(<!-- {name}: [^\n]*-->\n).*?(<!-- end -->)", re.DOTALL)
    found = block.search(text)
    assert found is not None
    wanted = f"{found[1]}{table}\n{found[2]}"
    if os.environ.get("REDISTOPO_UPDATE_GOLDENS"):
        README.write_text(text.replace(found[0], wanted), encoding="utf-8")
        return
    assert found[0] == wanted


def test_the_changelog_counts_the_checks() -> None:
    changelog = (README.parent / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"by {len(CHECKS)} checks" in changelog
