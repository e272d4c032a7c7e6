"""docs/snapshots.md: its commands are typed, and print what it says."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.engines import PACKAGED
from support.lesson import Shell, alike, rewritten, typed
from support.project import Project, servers_below

PAGE = Path(__file__).parents[2] / "docs" / "snapshots.md"


@pytest.fixture
def shell(projects: Callable[[str], Project], tmp_path: Path) -> Iterator[Shell]:
    """A home with redis-server and redistopo on its path."""
    home = tmp_path / "home"
    programs = home / ".programs"
    programs.mkdir(parents=True)
    (programs / "redis-server").symlink_to(PACKAGED.path)
    path = os.pathsep.join((str(programs), str(Path(sys.executable).parent), os.environ["PATH"]))
    found = Shell(home, projects("ports").port, {"PATH": path, "COLUMNS": "100"})
    yield found
    found.end()
    left = servers_below(home)
    for server in left:
        server.kill()
    assert not left


def test_every_command_prints_what_the_page_says(shell: Shell) -> None:
    page = PAGE.read_text(encoding="utf-8")
    wrong = [
        (one, seen) for one in typed(page) if not alike(one.output, seen := shell.type(one.command))
    ]
    if os.environ.get("REDISTOPO_UPDATE_GOLDENS"):
        for one, seen in reversed(wrong):
            page = rewritten(page, one, seen)
        PAGE.write_text(page, encoding="utf-8")
        return
    assert not wrong, "\n".join(f"$ {one.command}\n{seen}" for one, seen in wrong)
