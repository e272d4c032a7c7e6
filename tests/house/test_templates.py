"""Every template is rendered by a golden: break it, and a golden must notice."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redistopo.errors import UsageError
from redistopo.render.jinja_templates import plain_files, shipped, sources
from redistopo.render.topics import list_topics

NAMES = [name for name, _ in sources()]

# Never taken from a user's folder, so they can't be broken there: their goldens' first word.
OURS_ALONE = {"topology/redistopo.toml.j2": "topology-"}


def _tells(made: Callable[[str], str], own: Path) -> str:
    """The complaint of a golden rendered with templates from that folder; "" for none."""
    try:
        made(str(own))
    except UsageError as error:
        return error.message
    return ""


@pytest.mark.parametrize("name", [name for name in NAMES if name not in OURS_ALONE])
def test_a_golden_renders_the_template(
    name: str, table: Callable[[str], Any], tmp_path: Path
) -> None:
    broken = tmp_path / name
    broken.parent.mkdir(parents=True)
    broken.write_text("{% broken on purpose %}", encoding="utf-8")
    goldens = table("render/test_goldens.py")
    words = set(re.split(r"[/.-]", name))
    # first those whose names say that they may be made of it: each one loads all its templates
    likely = sorted(goldens, key=lambda golden: -len(words & set(re.split(r"[.-]", golden))))
    assert any(name in _tells(goldens[golden], tmp_path) for golden in likely)


@pytest.mark.parametrize("name", OURS_ALONE)
def test_a_template_of_ours_alone_has_a_golden(name: str, table: Callable[[str], Any]) -> None:
    assert name in NAMES
    assert any(golden.startswith(OURS_ALONE[name]) for golden in table("render/test_goldens.py"))


def test_nothing_but_templates_topics_and_what_a_page_loads_is_shipped() -> None:
    shipped_files = {
        path.relative_to(shipped()).as_posix()
        for path in shipped().rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"  # as of modules, never in a wheel
    }
    plain = {name for name, _ in plain_files()}
    assert {Path(name).parts[0] for name in plain} == {"demo"}
    assert shipped_files == {*NAMES, *plain, *(f"explain/{one.name}.md" for one in list_topics())}
