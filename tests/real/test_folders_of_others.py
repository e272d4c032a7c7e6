"""Folders, links, templates and ports of others: they are neither followed nor changed."""

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from support.editing import own_templates
from support.engines import BUNDLED
from support.project import Project

from redistopo.errors import MissingPrerequisite
from redistopo.host.engine_search import choose_engine
from redistopo.model.protocol.engine import EngineRequest


def test_a_state_folder_without_its_marker_is_an_error(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    marker = project.root / ".redistopo" / "MARKER"
    text = marker.read_text()
    marker.unlink()
    for command in (("down",), ("down", "--wipe", "--yes"), ("up",)):
        assert "MARKER" in project.run(*command, check=4).err
    assert len(project.servers()) == 1
    marker.write_text(text)


@pytest.mark.fault(
    "a node's folder is a symbolic link into another project",
    "the server of the other project is not touched",
)
def test_links_into_another_project_are_not_followed(
    projects: Callable[[str], Project],
) -> None:
    mine, other = projects("mine"), projects("other")
    for one in (mine, other):
        one.init("standalone", engine=BUNDLED.path)
        one.up()
    mine.run("down", check=0)
    shutil.rmtree(mine.folder(1))
    mine.folder(1).symlink_to(other.folder(1))
    assert "Nothing was running" in mine.run("down", check=0).out
    assert len(other.servers()) == 1
    mine.folder(1).unlink()


def test_a_template_cannot_write_files(project: Project, tmp_path: Path) -> None:
    project.init("standalone", engine=BUNDLED.path)
    network = own_templates(project) / "network.conf.j2"
    target = tmp_path / "written"
    network.write_text("{{ node.folder.root.joinpath('" + str(target) + "').write_text('x') }}")
    assert project.run("render", check=2).err.count("network.conf.j2") >= 1
    assert not target.exists()


def test_a_stranger_on_the_same_port_of_another_address(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    with socket.create_server(("127.0.0.2", project.port)):
        project.up()
        assert project.run("verify").code == 0


def test_a_copy_gets_an_identity_of_its_own(projects: Callable[[str], Project]) -> None:
    original, copy = projects("original"), projects("copy")
    original.init("standalone", "--name", "original", engine=BUNDLED.path)
    original.up()
    original.run("down", check=0)
    shutil.copytree(original.root / ".redistopo", copy.root / ".redistopo")
    shutil.copy(original.root / "redistopo.toml", copy.root)
    copy.run("up", check=0)
    copy.run("down", "--wipe", "--yes", check=0)
    listed = original.run("ps", "--json", check=0).json["result"]["topologies"]
    assert str(original.root) in {one["root"] for one in listed}


def test_an_engine_in_a_folder_that_we_may_not_enter(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0)
    asked = EngineRequest(text="", path=str(tmp_path / "locked" / "redis-server"))
    mine = os.geteuid()
    os.seteuid(mine or 54321)  # root may enter everything
    try:
        with pytest.raises(MissingPrerequisite, match="is not a program"):
            choose_engine(asked)
    finally:
        os.seteuid(mine)
