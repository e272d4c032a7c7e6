"""An engine that is a script: with exec it is the server, otherwise it is refused at once."""

import time

import pytest
from support.engines import BUNDLED
from support.forms import spread
from support.project import Project


@pytest.mark.parametrize(
    "line",
    ['{} "$@"', '{} "$@" --daemonize yes', '{} "$@" & wait'],
    ids=["without exec", "daemonized", "in the background"],
)
@pytest.mark.parametrize("shape", spread(["replication", "cluster"], 1))
def test_a_script_that_does_not_become_the_server_is_refused_at_once_and_nothing_is_left_running(
    project: Project, shape: str, line: str
) -> None:
    engine = project.root / "engine"
    engine.write_text(f"#!/bin/sh\n{line.format(BUNDLED.path)}\n")
    engine.chmod(0o755)
    project.init(shape, engine=str(engine))
    began = time.monotonic()
    done = project.run("up", check=4)
    assert time.monotonic() - began < 15
    assert "does not become the server" in done.err
    assert "write exec before the server's command" in done.err
    assert project.servers() == []
    engine.write_text(f'#!/bin/sh\nexec {BUNDLED.path} "$@"\n')
    if shape == "replication":
        project.up()
        assert project.client().ping()
