"""The documentation: its links, the commands and paths that it names, and its language."""

import re
import shlex
from pathlib import Path

import click
import pytest
from support.commands import commands_of
from support.pages import PAGES, ROOT, anchors, links, prose, shown_commands

from redistopo.cli.main import redistopo

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)

_LONGEST_README = 170
# a node is "it", and is repaired
_ODD = r"whoever|whom|nobody|somebody|anybody|everybody|anew|bereft|heirs?|meanwhile|mend(?:s|ed)?"


@every_page
def test_a_link_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for path, anchor in links(text):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), f"{path}#{anchor}"


@every_page
def test_a_path_of_the_project_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for path in re.findall(r"`((?:redistopo|templates|tests|docs|benchmarks)/[\w./*-]*)`", text):
        assert any(ROOT.glob(path.rstrip("/"))), path


@every_page
def test_a_command_that_is_shown_exists_with_its_options(page: Path) -> None:
    for line in shown_commands(page.read_text(encoding="utf-8")):
        words = shlex.split(line)
        command: click.Command = redistopo
        while isinstance(command, click.Group) and words and words[0] in commands_of(command):
            command = commands_of(command)[words.pop(0)]
        assert command is not redistopo, line
        known = {flag for param in command.params for flag in (*param.opts, *param.secondary_opts)}
        own = words[: words.index("--")] if "--" in words else words
        used = {word.partition("=")[0] for word in own if re.match("--?[a-z]", word)}
        assert used <= known | {"--help", "-h"}, line


@pytest.mark.parametrize("page", [one for one in PAGES if ".fr." not in one.name], ids=str)
def test_a_page_is_in_plain_english(page: Path) -> None:
    found = re.findall(rf"\b(?:{_ODD})\b.*", prose(page.read_text(encoding="utf-8")), re.IGNORECASE)
    assert found == []


def test_the_readme_is_short(readme: str) -> None:
    assert len(readme.splitlines()) <= _LONGEST_README


def test_every_package_has_a_line_in_the_architecture(root: Path) -> None:
    page = (root / "docs" / "architecture.md").read_text(encoding="utf-8")
    packages = [path.parent.relative_to(root) for path in root.glob("redistopo/*/__init__.py")]
    assert len(packages) > 10
    assert [one for one in packages if f"| `{one.as_posix()}/` |" not in page] == []
