"""Links, pipes and devices in a folder that was cloned: nothing follows, runs over or waits."""

import json
import os
import tarfile
from pathlib import Path

import pytest
from support.editing import edit
from support.engines import BUNDLED
from support.planted import PLANTS, endless, looked_at
from support.project import Project


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A file of the user's own, elsewhere."""
    path = tmp_path / "victim"
    path.write_text("years of work")
    return path


def _started(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    project.run("down", check=0)


def test_init_writes_through_no_link_that_was_planted(project: Project, victim: Path) -> None:
    for name in (".redistopo.toml.new", ".redistopo.toml"):
        (project.root / name).symlink_to(victim)
    project.init("standalone", engine=BUNDLED.path)
    assert victim.read_text() == "years of work"
    assert not (project.root / "redistopo.toml").is_symlink()


@pytest.mark.fault(
    "a file, or a folder of data, of a node was replaced by a symbolic link",
    "refused before a server starts (exit 4); the link's target is neither read nor written",
)
def test_up_refuses_a_link_below_a_nodes_folder(
    project: Project, victim: Path, tmp_path: Path
) -> None:
    _started(project)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("redis.pid", "redis.log", "nodes.conf", "appendonlydir"):
        place, kept = project.folder(1) / name, tmp_path / name
        if os.path.lexists(place):
            place.rename(kept)
        place.symlink_to(elsewhere if name == "appendonlydir" else victim)
        for verb in ("up", "start"):
            assert f"{place} is a symbolic link" in project.run(verb, check=4).err
        place.unlink()
        if kept.exists():
            kept.rename(place)
    assert victim.read_text() == "years of work"
    assert not list(elsewhere.iterdir())
    assert project.servers() == []


def test_a_link_in_the_folder_of_the_log_is_refused_deeper_down(
    project: Project, victim: Path
) -> None:
    project.init("standalone", "--persistence", "aof", engine=BUNDLED.path)
    project.up()
    project.run("down", check=0)
    log = next(project.folder(1).glob("appendonlydir/*.incr.aof"))
    log.unlink()
    log.symlink_to(victim)
    assert f"{log} is a symbolic link" in project.run("up", check=4).err
    assert victim.read_text() == "years of work"


def test_bundle_and_logs_show_no_file_elsewhere(project: Project, victim: Path) -> None:
    _started(project)
    for path in (project.root / ".redistopo" / "events.jsonl", project.folder(1) / "redis.log"):
        path.unlink()
        path.symlink_to(victim)
    done = project.run("bundle", "--json", check=0)
    with tarfile.open(done.json["result"]["path"]) as archive:
        files = [archive.extractfile(one) for one in archive]
        assert not any(b"years of work" in file.read() for file in files if file)
    assert "years of work" not in project.run("logs").out


def test_render_writes_through_no_linked_folder(project: Project, tmp_path: Path) -> None:
    project.init("standalone", engine=BUNDLED.path)
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o755)
    (project.root / "rendered").symlink_to(theirs)
    assert "symbolic link" in project.run("render", check=4).err
    assert list(theirs.iterdir()) == []
    assert theirs.stat().st_mode & 0o777 == 0o755


@pytest.mark.fault(
    "a file of the state folder is a FIFO, a link to a device, or JSON without an end",
    "it counts as damaged; no command waits for it, or reads it without bounds",
)
@pytest.mark.parametrize("plant", PLANTS)
def test_a_hostile_state_file_is_damaged_and_nothing_waits(project: Project, plant: str) -> None:
    _started(project)
    names = ("record.json", "nodes/node1/process.json", "rotation.json", "drill.json", "lock")
    for name in names:
        PLANTS[plant](project.root / ".redistopo" / name)
    for words in (("status",), ("ps",), ("verify", "--timeout", "0")):
        looked_at(project, *words)
    for name in names:
        (project.root / ".redistopo" / name).unlink()


def test_a_hostile_registry_is_passed_over(project: Project, own_world: Path) -> None:
    _started(project)
    folder = own_world / "redistopo" / "topologies"
    for name, plant in PLANTS.items():
        plant(folder / f"{name}.json")
    (shown,) = project.run("ps", "--json", check=0).json["result"]["topologies"]
    assert shown["root"] == str(project.root)
    folder.chmod(0o777)  # any user may have written there
    assert project.run("ps", "--json", check=0).json["result"]["topologies"] == []
    folder.chmod(0o700)


@pytest.mark.parametrize("plant", ["fifo", "device"])
def test_a_password_file_without_an_end_is_refused(
    project: Project, tmp_path: Path, plant: str
) -> None:
    project.init("standalone", engine=BUNDLED.path)
    given = tmp_path / "given"
    PLANTS[plant](given)
    path = project.root / "redistopo.toml"
    path.write_text(f'password_file = "{given}"\n{path.read_text()}')
    for words in (("plan",), ("up",)):
        done = looked_at(project, *words)
        assert "it is a FIFO, a socket or a device" in done.out + done.err
    assert project.servers() == []


def test_a_template_without_an_end_is_refused(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    templates = project.root / "theirs"
    (templates / "conf").mkdir(parents=True)
    endless(templates / "conf" / "redis.conf.j2")
    path = project.root / "redistopo.toml"
    path.write_text(f'templates = "theirs"\n{path.read_text()}')
    assert "it is a FIFO, a socket or a device" in looked_at(project, "up").err
    assert project.servers() == []


def test_a_record_with_names_that_lead_elsewhere_is_damaged(
    project: Project, tmp_path: Path
) -> None:
    _started(project)
    path = project.root / ".redistopo" / "record.json"
    record = json.loads(path.read_text())
    record["nodes"][0]["name"] = "../../../elsewhere"
    path.write_text(json.dumps(record))
    (tmp_path / "elsewhere").mkdir()
    looked_at(project, "status")
    project.up()
    assert list((tmp_path / "elsewhere").iterdir()) == []
    edit(project, "[redis]", '[redis]\nmaxmemory = "9mb"')
    project.up()
