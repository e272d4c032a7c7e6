"""A server that no longer keeps what it was given is found while it runs."""

import shutil

import pytest
from support.engines import ENGINES
from support.forms import spread
from support.project import Project


@pytest.mark.fault(
    "the append-only file of a running server is deleted",
    "`verify` names the node and the command that rewrites the file; no key is lost",
)
@pytest.mark.parametrize("engine", spread(list(ENGINES), 2))
def test_a_log_that_was_removed(project: Project, engine: str) -> None:
    project.init("standalone", engine=ENGINES[engine].path)
    project.up()
    with project.client() as node:
        node.set("kept", "yes")
        for path in project.folder(1).glob("append*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        found = project.run("verify", "--timeout", "0", check=3)
        assert "data.kept" in found.out
        assert "rewrite it from memory: redistopo call --node node1 BGREWRITEAOF" in found.out
        project.run("call", "--node", "node1", "BGREWRITEAOF", check=0)
    project.run("verify", check=0)
    project.crash()
    project.up()
    with project.client() as node:
        assert node.get("kept") == "yes"
