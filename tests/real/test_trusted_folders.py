"""A cloned folder's own program is run only once the folder is trusted."""

from pathlib import Path

import pytest
from support.engines import BUNDLED
from support.project import Project
from support.terminal import Terminal
from support.waiting import until

READING = (
    ("plan",), ("render",), ("doctor", "--no-write"), ("status",), ("up", "--dry-run"), ("up",),
    ("set", "maxmemory", "9mb"), ("verify", "--timeout", "0"), ("failover", "node1"), ("down",),
    ("logs",), ("bundle",), ("connect",),
)  # fmt: skip


def _program(project: Project, name: str = "evil.sh") -> Path:
    """A server in the folder that leaves a trace when it is run."""
    program = project.root / name
    program.write_text(f'#!/bin/sh\ntouch "{project.root}/ran"\nexec {BUNDLED.path} "$@"\n')
    program.chmod(0o755)
    return program


def _cloned(project: Project, engine: str) -> None:
    """The folder as it comes from a repository: nobody here has named the engine."""
    project.init("standalone", engine=BUNDLED.path)
    path = project.root / "redistopo.toml"
    path.write_text(path.read_text().replace(f'"{BUNDLED.path}"', f'"{engine}"'))
    assert engine in path.read_text()


@pytest.mark.fault(
    "a cloned folder names a program of its own as the engine",
    "it is not run by any verb before the folder is trusted: `up` asks on a terminal, or --trust",
)
def test_a_program_of_a_cloned_folder_is_not_run_before_it_is_trusted(project: Project) -> None:
    program = _program(project)
    _cloned(project, "./evil.sh")
    for engine in ("./evil.sh", str(program)):
        path = project.root / "redistopo.toml"
        path.write_text(path.read_text().replace("./evil.sh", engine))
        for words in READING:
            project.run(*words)
            assert not (project.root / "ran").exists(), (engine, words)
    refused = project.run("up", check=2)
    assert "names a program of its own folder" in refused.err
    assert "--trust" in refused.err
    project.run("up", "--trust", check=0)
    assert (project.root / "ran").exists()
    project.run("down", check=0)
    project.up()


def test_the_users_own_word_is_trust_and_another_folder_in_its_place_is_not(
    project: Project,
) -> None:
    program = _program(project)
    project.init("standalone", engine=str(program))
    project.up()
    project.run("down", "--wipe", "--yes", check=0)
    moved = project.root.with_name("moved")
    project.root.rename(moved)
    project.root.mkdir()
    for path in moved.iterdir():
        path.rename(project.root / path.name)
    assert "names a program of its own folder" in project.run("up", check=2).err


def test_up_asks_on_a_terminal_and_runs_the_program_after_a_yes_only(project: Project) -> None:
    _program(project)
    _cloned(project, "./evil.sh")
    for typed, code in (("n\r", 2), ("y\r", 0)):
        terminal = Terminal(project, "up", columns=140)
        until(lambda terminal=terminal: "[y/N]" in terminal.read(), 30)  # type: ignore[misc]
        assert "Trust this folder" in terminal.read()
        assert not (project.root / "ran").exists()
        terminal.type(typed)
        assert terminal.end() == code
    assert (project.root / "ran").exists()
