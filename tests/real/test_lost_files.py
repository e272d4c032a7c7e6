"""Our own files are lost while servers run: nodes are those of the topology all the same."""

import shutil
from contextlib import closing

import pytest
from redis.cluster import RedisCluster
from support.engines import BUNDLED
from support.grown import names
from support.judge import client, roles
from support.project import Project
from support.remedies import up_by_remedies


def _cluster_keys(project: Project) -> int:
    found = 0
    for port in project.ports:
        with project.client(port) as node:
            found += int(node.dbsize()) if node.role()[0] == "master" else 0
    return found


def _pair(project: Project, shape: str = "replication", *words: str) -> None:
    project.init(shape, *words, engine=BUNDLED.path)
    project.up()
    with project.client() as node:
        node.set("kept", "yes")


@pytest.mark.parametrize("lost", ["missing", "empty"])
def test_a_lost_configuration_of_a_running_node_is_written_again(
    project: Project, lost: str
) -> None:
    _pair(project, "cluster", "--node-timeout", "5000")
    conf = project.folder(5) / "redis.conf"
    text = conf.read_text()
    if lost == "missing":
        conf.unlink()
    else:
        conf.write_text("")
    names = [one["name"] for one in project.run("status", "--json").json["result"]["nodes"]]
    assert "node5" in names
    assert project.run("verify", "--no-write").code == 0
    plan = project.run("plan", check=0).out
    assert "write the configuration of node5" in plan
    project.up()
    assert conf.read_text() == text
    project.run("verify", check=0)


def test_every_configuration_lost_is_no_topology_that_was_never_started(project: Project) -> None:
    _pair(project, "replication", "--replicas", "1")
    for number in (1, 2):
        (project.folder(number) / "redis.conf").unlink()
        (project.folder(number) / "redis.conf.started").unlink()
    project.run("secret", "rotate", check=1)
    assert "node1" in project.run("status").out
    done = project.run("down", check=0)
    assert "2 servers stopped" in done.out
    project.up()
    with project.client() as node:
        assert node.get("kept") == "yes"


def test_a_rotation_changes_also_a_node_whose_file_is_lost(project: Project) -> None:
    _pair(project)
    (project.folder(1) / "redis.conf").write_text("")
    old = project.password
    done = project.run("secret", "rotate", check=0)
    assert "3 servers" in done.err
    assert project.password != old
    for port in project.ports:
        with project.client(port) as node:
            assert node.ping()
    project.up()
    project.run("verify", check=0)


def test_a_lost_folder_is_a_node_of_the_topology_that_is_down(project: Project) -> None:
    project.init("cluster", "--node-timeout", "30000", engine=BUNDLED.path)
    project.up()
    with RedisCluster(host="127.0.0.1", port=project.port, password=project.password) as cluster:
        for n in range(60):
            cluster.set(f"k{n}", "kept")
    project.run("kill", "node1", "-q")
    shutil.rmtree(project.folder(1))
    done = project.run("verify", "--json", "--timeout", "0", "--no-write", check=3)
    found = done.json["result"]["findings"]
    (lost,) = (one for one in found if (one["check"], one["subject"]) == ("node.alive", "node1"))
    assert "its folder is gone" in lost["evidence"]
    assert lost["hint"].startswith("redistopo up --rebuild node1")
    told = " ".join(f"{one}" for one in found)
    assert "FORGET" not in told
    assert "--cluster fix" not in told
    # what up says, typed: the replica takes over, and the node comes back with its id
    assert len(up_by_remedies(project)) == 2
    assert _cluster_keys(project) == 60
    assert project.faults() == []


def test_a_pending_rotation_does_not_block_a_paused_node(project: Project) -> None:
    _pair(project)
    project.run("secret", "rotate", "--keep-old", check=0)
    project.run("pause", "node2", check=0)
    refused = project.run("secret", "rotate", "--json", check=1)
    assert refused.json["error"]["hint"].startswith("redistopo resume node2, then redistopo up")
    project.up()
    project.run("verify", check=0)
    project.run("secret", "rotate", check=0)
    project.run("verify", check=0)


@pytest.mark.parametrize("harm", ["a doubled line", "cut within a line"])
def test_a_damaged_sentinel_conf_is_named_itself_and_its_remedy_heals(
    project: Project, harm: str
) -> None:
    """It is the Sentinel's own state: no line of the topology file is wrong."""
    project.init("sentinel", engine=BUNDLED.path)
    project.up()
    project.run("down", "--yes", check=0)
    conf = project.root / ".redistopo" / "nodes" / "sentinel1" / "sentinel.conf"
    text = conf.read_text()
    line = next(one for one in text.splitlines() if one.startswith("sentinel monitor"))
    if harm == "a doubled line":
        conf.write_text(text.replace(line, f"{line}\n{line}"))
    else:
        conf.write_text(text.partition(line)[0] + line.rpartition(" ")[0])
    up = project.run("up", check=1)
    assert "sentinel1" in up.err
    assert str(conf) in up.err
    assert "topology file" not in up.err
    remedy = next(one for one in up.err.splitlines() if "Next:" in one).partition("mv ")[2]
    aside, _, again = remedy.partition(";")
    shutil.move(*aside.split())
    assert again.split() == ["redistopo", "up"]
    project.up()
    with closing(client(project.port, project.password)) as node:
        assert node.ping()
    assert project.run("verify", "--no-write").code == 0


def test_a_removed_node_stays_removed_if_the_record_is_lost(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    project.run("failover", "node3", check=0)
    project.run("scale", "--replicas", "1", check=0)
    left = names(project)
    assert set(left) == {"node1", "node3"}
    (project.root / ".redistopo" / "record.json").unlink()
    assert "record.json is missing" in project.up().err
    assert names(project) == left
    project.run("scale", "--replicas", "2", check=0)
    assert set(names(project)) == {"node1", "node3", "node4"}
    assert roles([left["node3"]], project.password) == {left["node3"]: "master"}


def test_servers_whose_state_folder_was_removed_are_named(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    (server,) = project.servers()
    shutil.rmtree(project.root / ".redistopo")
    for verb in ("status", "verify", "logs"):
        assert f"stop them: kill {server.pid}; then redistopo up" in project.run(verb).err
    assert server.is_running()
    server.terminate()
    server.wait(10)
    assert "not started yet" in project.run("status", check=0).out
