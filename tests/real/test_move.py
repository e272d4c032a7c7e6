"""`move`: the same nodes, ids and data at other addresses and in another folder."""

from collections.abc import Callable
from shutil import rmtree

from support.engines import BUNDLED
from support.project import Project
from support.snapshots import binary, everything, fill


def _ids(project: Project) -> dict[int, str]:
    """Port -> the id of the node there."""
    found = {}
    for port in project.ports:
        with project.client(port) as client:
            found[port - project.port] = client.execute_command("CLUSTER MYID")
    return found


def test_ports_and_folder_change_and_nothing_else_does(project: Project) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    file = project.root / "redistopo.toml"
    file.write_text(file.read_text() + "# mine\n")
    (project.root / "notes").write_text("x")
    project.up()
    with binary(project) as client:
        fill(client)
        before = everything(client)
    ids = _ids(project)
    refused = project.run("move", "--port", str(project.port + 3), check=2)
    assert "--restart" in refused.err
    project.run("snapshot", "one", "--no-verify", check=0)
    # overlapping ports: the topology's own are free once it has stopped
    done = project.run("move", "--port", str(project.port + 3), "--restart", "--json", check=0)
    assert done.json["result"]["runs"]
    project.port += 3
    assert project.faults() == []
    assert _ids(project) == ids
    assert "# mine" in file.read_text()
    elsewhere = project.root.parent / "moved"
    assert "their folder" in project.run("move", "--dir", elsewhere, check=2).err
    project.run("down", check=0)
    moved = Project(elsewhere, project.port, size=project.size)
    try:
        project.run("move", "--dir", moved.root, check=0)
        assert [one.name for one in project.root.iterdir()] == ["notes"]
        moved.up()
        assert moved.faults() == []
        assert _ids(moved) == ids
        with binary(moved) as client:
            assert everything(client) == before
        assert "one" in moved.run("snapshots", check=0).out
    finally:
        moved.cleanup()


def test_what_is_in_the_way_is_named_and_nothing_changes(
    projects: Callable[[str], Project],
) -> None:
    one, other = projects("one"), projects("other")
    for made in (one, other):
        made.init("standalone", "--persistence", "none", engine=BUNDLED.path)
        made.up()
    text = (one.root / "redistopo.toml").read_text()
    assert "lose the data" in one.run("move", "--port", "14990", "--restart", check=2).err
    assert "itself" in one.run("clone", one.root, check=2).err
    copy = Project(one.root.parent / "copy", one.port + 1)
    one.run("clone", copy.root, check=0)  # as both print
    copy.cleanup()
    rmtree(copy.root)
    assert "or stop them first" in one.run("move", "--port", "14990", check=2).err
    one.run("down", check=0)
    assert str(other.port) in one.run("move", "--port", str(other.port), check=4).err
    assert "not empty" in one.run("move", "--dir", other.root, check=2).err
    assert "no address" in one.run("move", "--host", "192.0.2.1", check=4).err
    assert "there already" in one.run("move", check=2).err
    assert "Next: correct the options" in one.run("move", "--port", "99", check=2).err
    assert (one.root / "redistopo.toml").read_text() == text
    with other.client() as client:
        assert client.ping()
    one.port += 10
    one.run("move", "--port", str(one.port), check=0)  # what a port in use prints
    one.up()
    with one.client() as client:
        assert client.ping()
