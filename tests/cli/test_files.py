"""What the commands write: modes, rendered files, templates, and no secret anywhere else."""

import os
import stat

import pytest
from redis.exceptions import AuthenticationError
from support.editing import own_templates
from support.engines import BUNDLED
from support.judge import client
from support.project import Project


def test_init_writes_one_file_and_nothing_else(project: Project) -> None:
    project.init("cluster")
    assert [path.name for path in project.root.iterdir()] == ["redistopo.toml"]


def test_init_twice_is_fine_and_another_file_is_refused_with_the_difference(
    project: Project,
) -> None:
    project.init("cluster")
    before = (project.root / "redistopo.toml").read_text()
    same = project.run("init", "cluster", check=0)
    assert "exactly these values already" in same.out
    refused = project.run("init", "cluster", "--shards", "5", check=2)
    assert "-shards = 3" in refused.err
    assert "+shards = 5" in refused.err
    assert (project.root / "redistopo.toml").read_text() == before
    project.run("init", "cluster", "--shards", "5", "--force", check=0)
    assert "shards = 5" in (project.root / "redistopo.toml").read_text()


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_the_state_is_private_whatever_the_umask(project: Project, umask: int) -> None:
    project.init("replication", engine=BUNDLED.path)
    before = os.umask(umask)
    try:
        project.up()
    finally:
        os.umask(before)
    state = project.root / ".redistopo"
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    ours = ("password", "record.json", "MARKER", "lock", "redis.conf", "process.json", "redis.log")
    found = [path for path in state.rglob("*") if path.name in ours]
    assert {path.name for path in found} == set(ours)
    assert {stat.S_IMODE(path.stat().st_mode) for path in found} == {0o600}


def test_the_password_is_in_no_argv_and_no_environment(project: Project) -> None:
    project.init("cluster", "--formation", "redis-cli", engine=BUNDLED.path)
    project.env["REDISTOPO_PASSWORD"] = "seen-nowhere-else"
    project.up()
    for process in project.servers():
        assert "seen-nowhere-else" not in " ".join(process.cmdline())
        assert "seen-nowhere-else" not in str(process.environ())
    assert "seen-nowhere-else" not in (project.root / "redistopo.toml").read_text()


def test_render_writes_what_up_will_use(project: Project) -> None:
    project.init("cluster", engine=BUNDLED.path)
    project.run("render", "--out", "out", check=0)
    rendered = {
        path.parent.name: path.read_text() for path in project.root.glob("out/*/redis.conf")
    }
    assert len(rendered) == 6
    assert project.servers() == []
    project.up()
    for name, text in rendered.items():
        used = (project.root / ".redistopo" / "nodes" / name / "redis.conf").read_text()
        assert used == text


def test_plan_and_render_work_without_any_server(project: Project) -> None:
    """A PATH and an interpreter without servers: the engine is assumed from what is asked."""
    project.run("init", "cluster", "--engine", "redis 9.9", "--port", str(project.port), check=0)
    assert "assumed" in project.run("plan", check=0).out
    project.run("render", check=0)
    lacking = project.run("up", check=4)
    assert "set `engine` to the path of its server" in lacking.err


def test_own_templates_are_used(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    network = own_templates(project) / "network.conf.j2"
    network.write_text(network.read_text() + "tcp-keepalive 77\n")
    project.up()
    with project.client() as node:
        assert node.config_get("tcp-keepalive") == {"tcp-keepalive": "77"}
    network.write_text("{% broken %}")
    project.run("down", check=0)
    broken = project.run("up", check=2)
    assert "network.conf.j2, line 1" in broken.err


def test_the_password_is_kept_from_strangers_and_given_to_the_user(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    assert len(project.password) >= 43  # 32 bytes in base64
    with client(project.port) as stranger, pytest.raises(AuthenticationError):
        stranger.ping()
    with project.client() as friend:
        assert friend.ping()


def test_ps_shows_topologies_and_orphans(project: Project) -> None:
    project.init("replication", "--name", "seen", engine=BUNDLED.path)
    project.up()
    listed = project.run("ps", "--json", check=0).json["result"]
    assert [(one["name"], one["running"]) for one in listed["topologies"]] == [("seen", 3)]
    mine = str(project.root)
    assert not [one for one in listed["orphans"] if one["folder"].startswith(mine)]
    # in this order: a `ps` elsewhere on the machine would adopt it again by its pid file
    record = project.root / ".redistopo" / "record.json"
    record.rename(record.with_name("elsewhere.json"))
    (project.folder(2) / "redis.pid").unlink()
    (project.folder(2) / "process.json").rename(project.folder(2) / "elsewhere.json")
    listed = project.run("ps", "--json", check=0).json["result"]
    orphans = [one for one in listed["orphans"] if one["folder"].startswith(mine)]
    assert [one["folder"] for one in orphans] == [str(project.folder(2))]
    assert "not on record" in project.run("down", "--wipe", "--yes", check=1).err
    record.with_name("elsewhere.json").rename(record)
    (project.folder(2) / "elsewhere.json").rename(project.folder(2) / "process.json")
