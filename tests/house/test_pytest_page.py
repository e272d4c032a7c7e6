"""docs/pytest.md: its examples are run, and its tables are complete."""

import re
from pathlib import Path

import pytest
from support.engines import BUNDLED
from support.project import Project
from support.suites import Suites, counts

from redistopo.pytest_plugin import factories, standard_fixtures


def _page(root: Path) -> str:
    return (root / "docs" / "pytest.md").read_text(encoding="utf-8")


def test_every_example_runs(
    project: Project, root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    suites = Suites(tmp_path_factory.mktemp("suites"))
    examples = re.findall(r"^```python\n(.*?)^```$", _page(root), re.MULTILINE | re.DOTALL)
    tests = sum(text.count("def test_") for text in examples)
    assert tests == 7
    suites.write(**{f"test_example{number}": text for number, text in enumerate(examples)})
    project.env |= {"TMPDIR": str(suites.root), "REDISTOPO_SERVER": BUNDLED.path}
    done = project.run("run", "standalone", "--quiet", "--", *suites.command, str(suites.folder))
    assert (done.code, counts(done.out)) == (0, {"passed": tests}), done.out
    suites.nothing_left()


def test_every_fixture_option_and_factory_is_named(root: Path, tmp_path: Path) -> None:
    page, suites = _page(root), Suites(tmp_path)
    names = [name for name in vars(standard_fixtures) if "redis" in name and name != "redistopo"]
    assert len(names) == 13
    names += factories.__all__
    suites.write()
    shown = suites.pytest("--help").out
    flags = re.findall(r"(--redistopo-\w+)", shown)
    inis = re.findall(r"^  (redistopo_\w+)", shown, re.MULTILINE)
    assert len(set(flags)) == 3
    assert len(set(inis)) == 4
    assert [one for one in (*names, *flags, *inis) if f"`{one}" not in page] == []
