"""More and fewer replicas, by an edit of the file and `up`: judged by the servers alone."""

from support.editing import edit
from support.engines import BUNDLED
from support.grown import faults, fill, key_counts, names, read, shards
from support.judge import roles
from support.project import Project
from support.waiting import until
from support.writers import writing


def test_a_replica_more_for_each_shard_and_back(project: Project) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    old, data = project.ports, fill(project, 300)
    before = names(project)
    edit(project, "replicas = 1", "replicas = 2")
    planned = project.run("plan", check=0).out
    assert planned.count("add to the cluster") == 3
    with writing(old, project.password, clustered=True) as writers:
        project.up()
        new = [project.port + n for n in (6, 7, 8)]
        assert faults(project, *old, *new) == []
        assert {len(replicas) for replicas in shards(project).values()} == {2}
        assert {*new} <= set().union(*shards(project, new[0]).values())
        now = names(project)
        assert now == before | {f"node{n}": project.port + n - 1 for n in (7, 8, 9)}
        edit(project, "replicas = 2", "replicas = 1")
        project.up()
    assert writers.lost() == []
    assert faults(project, *old) == []
    assert {len(replicas) for replicas in shards(project).values()} == {1}
    assert names(project) == before
    assert read(project, data) == data
    assert (project.folder(7) / "redis.conf").exists()
    assert project.run("up", "--dry-run", check=0).out.startswith("Steps: none")
    listed = project.run("ps", "--json", check=0).json["result"]["topologies"]
    assert [(one["running"], one["nodes"]) for one in listed] == [(6, 6)]
    # a removed node's name is not used again, and a start of all leaves it out
    project.run("down", check=0)
    edit(project, "replicas = 1", "replicas = 2")
    project.up()
    assert {*names(project)} == {*before, "node10", "node11", "node12"}
    assert read(project, data) == data


def test_a_node_table_belongs_to_the_node_of_that_name(project: Project) -> None:
    """Also if the name has a number that no new topology of that size would have."""
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    project.up()
    edit(project, "replicas = 1", "replicas = 2")
    project.up()
    edit(project, "replicas = 2", "replicas = 1")
    project.up()
    edit(project, "replicas = 1", "replicas = 2")
    project.up()
    assert {*names(project)} == {"node1", "node2", "node4"}
    path = project.root / "redistopo.toml"
    path.write_text(path.read_text() + '\n[nodes.node4]\nmaxmemory = "64mb"\n')
    project.up()
    with project.client(project.port + 3) as client:
        assert client.config_get("maxmemory") == {"maxmemory": str(64 << 20)}
    # a primary never leaves, and with it gone the table of a former node does no harm
    project.run("failover", "node4", check=0)
    edit(project, "replicas = 2", "replicas = 0")
    project.up()
    assert roles([project.port + 3], project.password) == {project.port + 3: "master"}
    assert len(project.servers()) == 1
    assert project.run("verify").code == 0
    edit(project, "replicas = 0", "replicas = 1")
    edit(project, "nodes.node4", "nodes.node1")
    project.up()
    assert {*names(project)} == {"node4", "node5"}


def test_another_number_waits_for_up(project: Project) -> None:
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    project.up()
    edit(project, "replicas = 1", "replicas = 2")
    for words in (("start",), ("set", "hz", "20")):
        refused = project.run(*words, check=2)
        assert "asks for 3 nodes, the topology has 2 nodes" in refused.err
        assert "redistopo up" in refused.err
    assert project.run("status").code in (0, 3)
    project.up()
    with project.client() as client:
        until(lambda: client.info("replication")["connected_slaves"] == 2)


def test_a_node_that_is_down_is_started_first(project: Project) -> None:
    """Nothing is added to a topology that isn't whole, and nothing is removed from it."""
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    data = fill(project, 50)
    project.crash(2)
    edit(project, "replicas = 1", "replicas = 2")
    done = project.up("--json").json["result"]["steps"]
    started = [one["nodes"] for one in done if one["do"] == "start"]
    assert started[0] == ["node2"]
    assert faults(project, *(project.port + n for n in range(9))) == []
    assert read(project, data) == data
    assert sum(key_counts(project, *shards(project))) == len(data)
