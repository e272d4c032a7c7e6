"""The workshop, README's five minutes and the jq recipes, typed one by one as a reader would.

Both languages of the workshop type the same; REDISTOPO_UPDATE_GOLDENS=1 writes what was printed
into both pages. README is abridged by hand.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.engines import PACKAGED
from support.forked import FORKER
from support.lesson import Shell, Typed, alike, rewritten, typed, with_blocks_of
from support.project import Project, servers_below

DOCS = Path(__file__).parents[2] / "docs"
PAGES = (DOCS / "workshop.md", DOCS / "atelier.fr.md")
UPDATING = bool(os.environ.get("REDISTOPO_UPDATE_GOLDENS"))


def test_both_languages_type_the_same() -> None:
    english, french = (
        [(one.command, one.output) for one in typed(page.read_text(encoding="utf-8"))]
        for page in PAGES
    )
    assert french == english


@pytest.mark.parametrize("page", PAGES, ids=lambda one: one.stem)
def test_servers_of_pip_get_the_names_that_the_page_types(page: Path, tmp_path: Path) -> None:
    lines = re.findall(r"`(mkdir -p ~/[^`]*|ln -s [^`]*)`", page.read_text(encoding="utf-8"))
    folder = str(Path(PACKAGED.path).parent)
    typed = [re.sub(r"FOLDER|DOSSIER", folder, line) for line in lines]
    typed += ["~/.local/bin/redis-server --version", "~/.local/bin/redis-cli --version"]
    done = subprocess.run(
        ["sh", "-ec", "; ".join(typed)],
        capture_output=True, text=True, check=True,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.stdout.count(str(PACKAGED.version)) == 2


@pytest.fixture
def shell(projects: Callable[[str], Project], tmp_path: Path) -> Iterator[Shell]:
    """A home with redis-server, redis-cli and redistopo on its path; pages print the version."""
    home = tmp_path / "home"
    programs = home / ".programs"
    programs.mkdir(parents=True)
    (programs / "redis-server").symlink_to(PACKAGED.path)
    (programs / "redis-cli").symlink_to(PACKAGED.cli)
    FORKER.put_into(programs)
    path = os.pathsep.join((str(programs), str(Path(sys.executable).parent), os.environ["PATH"]))
    found = Shell(home, projects("ports").port, {"PATH": path, "COLUMNS": "100"})
    yield found
    found.end()
    left = servers_below(home)
    for server in left:
        server.kill()
    assert not left


@pytest.mark.skipif(not shutil.which("curl"), reason="a reader has curl")
def test_every_command_prints_what_the_page_says(shell: Shell) -> None:
    wrong = _wrong(shell, typed(PAGES[0].read_text(encoding="utf-8")))
    if UPDATING:
        english, french = (page.read_text(encoding="utf-8") for page in PAGES)
        for one, was in reversed(wrong):
            english = rewritten(english, one, was)
        PAGES[0].write_text(english, encoding="utf-8")
        PAGES[1].write_text(with_blocks_of(english, french), encoding="utf-8")
        return
    assert not wrong, _difference(wrong)


def test_the_five_minutes_of_the_readme(shell: Shell) -> None:
    page = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    section = page.partition("\n## Five minutes\n")[2].partition("\n## ")[0]
    assert "redistopo init cluster\n" in section
    # on ports of this test; a reader gets 7000, or the next free block
    commands = typed(
        section.replace("redistopo init cluster\n", "redistopo init cluster --port 7000\n")
    )
    wrong = _wrong(shell, commands)
    shell.type("redistopo down --wipe --yes")
    assert not wrong, _difference(wrong)


@pytest.mark.skipif(not shutil.which("jq"), reason="no jq: apt install jq")
def test_the_jq_recipes_of_the_json_page(shell: Shell) -> None:
    commands = typed((DOCS / "json.md").read_text(encoding="utf-8"))
    assert sum("| jq" in one.command for one in commands) >= 10
    wrong = _wrong(shell, commands)
    assert not wrong, _difference(wrong)


def _wrong(shell: Shell, commands: tuple[Typed, ...]) -> list[tuple[Typed, str]]:
    """Each command that printed something else than its page says, with what it printed."""
    seen = [shell.type(one.command) for one in commands]
    pairs = zip(commands, seen, strict=True)
    return [(one, was) for one, was in pairs if not alike(one.output, was)]


def _difference(wrong: list[tuple[Typed, str]]) -> str:
    return "\n".join(
        f"line {one.line}: $ {one.command}\n{was}\n-- but the page says:\n{one.output}"
        for one, was in wrong
    )
