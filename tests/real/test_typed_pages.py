"""Pages whose commands are typed in order, and print what the page says."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.engines import PACKAGED, WINDOWS
from support.forked import FORKER
from support.lesson import Shell, alike, rewritten, typed
from support.project import Project, servers_below

from redistopo.model.protocol.engine import Engine

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def shells(
    projects: Callable[[str], Project], tmp_path: Path
) -> Iterator[Callable[[Engine], Shell]]:
    """A home with an engine, as redis-server, and redistopo on its path."""
    home = tmp_path / "home"
    made: list[Shell] = []

    def shell(engine: Engine) -> Shell:
        programs = home / ".programs"
        programs.mkdir(parents=True)
        (programs / "redis-server").symlink_to(engine.path)
        FORKER.put_into(programs)
        own = (str(programs), str(Path(sys.executable).parent), os.environ["PATH"])
        env = {"PATH": os.pathsep.join(own), "COLUMNS": "100"}
        made.append(Shell(home, projects("ports").port, env))
        return made[0]

    yield shell
    for one in made:
        one.end()
    left = servers_below(home)
    for server in left:
        server.kill()
    assert not left


@pytest.mark.parametrize(
    ("name", "engine"),
    [("snapshots.md", PACKAGED), ("growing.md", WINDOWS)],
    ids=("snapshots", "growing"),
)
def test_every_command_prints_what_the_page_says(
    shells: Callable[[Engine], Shell], name: str, engine: Engine
) -> None:
    page, shell = (DOCS / name).read_text(encoding="utf-8"), shells(engine)
    wrong = [
        (one, seen) for one in typed(page) if not alike(one.output, seen := shell.type(one.command))
    ]
    if os.environ.get("REDISTOPO_UPDATE_GOLDENS"):
        for one, seen in reversed(wrong):
            page = rewritten(page, one, seen)
        (DOCS / name).write_text(page, encoding="utf-8")
        return
    assert not wrong, "\n".join(f"$ {one.command}\n{seen}" for one, seen in wrong)
