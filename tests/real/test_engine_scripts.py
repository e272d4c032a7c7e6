"""An engine that is a script: with exec it is the server, otherwise it is refused at once."""

import sys
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


DEAF = """#!/bin/sh
case "$1" in -*) exec {engine} "$@";; esac
exec {python} -c '
import re, signal, socket, sys
port = int(re.search(r"(?m)^port (\\d+)", open(sys.argv[1]).read())[1])
server = socket.create_server(("127.0.0.1", port))
signal.pause()' "$@"
"""


def test_the_time_limit_also_holds_for_many_nodes_that_never_reply(project: Project) -> None:
    """Each takes as long as a reply may, 2 s: one round of all would take 20 s, before
    the 5 s that it takes to find out why."""
    engine = project.root / "engine"
    engine.write_text(DEAF.format(engine=BUNDLED.path, python=sys.executable))
    engine.chmod(0o755)
    project.init("cluster", "--shards", "5", "--formation", "instant", engine=str(engine))
    began = time.monotonic()
    done = project.run("up", "--timeout", "1s", check=1)
    assert time.monotonic() - began < 20
    assert "10 nodes (node1 ... node10) not ready after 1 s" in done.err
    assert project.servers() == []
