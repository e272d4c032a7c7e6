"""Single nodes stopped, started, killed, paused and resumed; the others never notice."""

import json
import shutil

import psutil
import pytest
from support import judge
from support.engines import BUNDLED, ENGINES, TLS
from support.judge import roles
from support.project import Done, Project
from support.waiting import until

_BY_AGE = sorted(ENGINES, key=lambda name: ENGINES[name].version)
EDGES = dict.fromkeys([_BY_AGE[0], _BY_AGE[-1]])
"""The oldest and the newest: what is between them ends and starts as they do."""

CLUSTER = ("cluster", "--formation", "instant", "--node-timeout", "1000")


def _up(project: Project, *words: str, engine: str = BUNDLED.path) -> None:
    project.init(*words, engine=engine)
    project.up()


def _pids(project: Project) -> set[int]:
    return {one.pid for one in project.servers()}


def _did(done: Done) -> dict[str, str]:
    return {one["name"]: one["did"] for one in done.json["result"]["nodes"]}


def _states(done: Done) -> dict[str, str]:
    return {one["name"]: one["state"] for one in done.json["result"]["now"]}


def _healthy(project: Project, *, cluster: bool) -> None:
    until(lambda: project.faults(cluster=cluster) == [], what="healthy")
    project.run("verify", check=0)


@pytest.mark.parametrize("engine", EDGES)
def test_a_stopped_replica_comes_back_and_nobody_else_was_touched(
    project: Project, engine: str
) -> None:
    _up(project, "replication", engine=ENGINES[engine].path)
    before = _pids(project)
    gone = project.pid(2)
    with project.client() as primary:
        primary.set("kept", "yes")
    done = project.run("stop", str(project.port + 1), "--json", check=0)
    assert _did(done) == {"node2": "stopped"}
    assert _states(done) == {"node1": "ok", "node2": "stopped", "node3": "ok"}
    assert _pids(project) == before - {gone}
    again = project.run("stop", "node2", "--json", check=0)
    assert _did(again) == {"node2": "was stopped already"}
    started = project.run("start", "--json", check=0)
    assert _did(started) == {"node2": "started"}
    assert set(_states(started).values()) == {"ok"}
    assert before - {gone} < _pids(project)
    assert _did(project.run("start", "node2", "--json", check=0)) == {"node2": "runs already"}
    with project.client(project.port + 1) as replica:
        assert replica.get("kept") == "yes"
    _healthy(project, cluster=False)


def test_stop_saves_what_a_snapshot_alone_keeps(project: Project) -> None:
    _up(project, "standalone", "--persistence", "rdb")
    with project.client() as node:
        node.set("kept", "yes")
    project.run("stop", "node1", check=0)
    assert project.servers() == []
    project.run("start", check=0)
    with project.client() as node:
        assert node.get("kept") == "yes"


def test_what_nobody_keeps_is_told_before_it_is_gone(project: Project) -> None:
    _up(project, "standalone", "--persistence", "none")
    with project.client() as node:
        node.set("gone", "soon")
    told = project.run("stop", "node1", check=0).err
    assert "node1 keeps nothing on disk" in told
    assert "no other node replies" in told


def test_a_primary_of_a_cluster_is_stopped_and_follows_whoever_took_over(project: Project) -> None:
    _up(project, *CLUSTER)
    done = project.run("stop", "shard:2 primary", check=0)
    assert "shard 2: node5 takes over from node2 after the node timeout" in done.err
    ports = [port for port in project.ports if port != project.port + 1]
    until(lambda: roles(ports, project.password)[project.port + 4] == "master", what="election")
    project.run("start", "node2", check=0)
    assert roles(project.ports, project.password)[project.port + 1] == "slave"
    _healthy(project, cluster=True)


def test_a_whole_shard_stopped_is_told_and_comes_back_with_its_slots(project: Project) -> None:
    _up(project, *CLUSTER)
    done = project.run("stop", "shard:1", check=0)
    assert "shard 1 has no other node that replies: slots 0-5460 are unavailable" in done.err
    assert done.out.startswith("node1: stopped\nnode4: stopped\n")
    project.run("start", check=0)
    _healthy(project, cluster=True)


def test_a_started_replica_follows_the_primary_of_now(project: Project) -> None:
    _up(project, "replication")
    project.run("stop", "node2", check=0)
    with project.client(project.port + 2) as third, project.client() as first:
        third.execute_command("REPLICAOF", "NO", "ONE")
        first.execute_command("REPLICAOF", "127.0.0.1", project.port + 2)
        until(lambda: first.info("replication").get("master_link_status") == "up")
    project.run("start", "node2", check=0)
    with project.client(project.port + 1) as second:
        assert second.info("replication")["master_port"] == project.port + 2


def test_nobody_is_hurt_by_accident(project: Project) -> None:
    _up(project, "replication")
    before = _pids(project)
    for verb in ("stop", "kill", "pause"):
        assert f"{verb} needs a node" in project.run(verb, check=2).err
    for words in (["stop", ""], ["kill", "node9"], ["pause", "primary", "node2"]):
        assert project.run(*words, check=2).err.startswith("Error: ")
    refused = project.run("stop", "shard:7", "--json", check=2).json
    assert "no node matches shard:7 now" in refused["error"]["message"]
    assert _pids(project) == before


def test_without_a_topology_and_before_the_first_up(project: Project) -> None:
    verbs = ("stop", "start", "kill", "pause", "resume")
    for verb in verbs:
        assert "there is no redistopo.toml" in project.run(verb, "node1", check=2).err
    project.init("standalone", engine=BUNDLED.path)
    for verb in verbs[:3]:
        assert "nothing was started" in project.run(verb, "node1", check=1).err
    assert not (project.root / ".redistopo" / "nodes").exists()


def test_killed_saves_nothing_and_twice_is_no_error(project: Project) -> None:
    _up(project, "replication")
    others = _pids(project) - {project.pid(2)}
    done = project.run("kill", "node2", "--json", check=0)
    assert _did(done) == {"node2": "ended by SIGKILL"}
    assert _pids(project) == others
    assert _did(project.run("kill", "node2", "--json", check=0)) == {"node2": "doesn't run"}
    log = (project.folder(2) / "redis.log").read_text()
    assert "bye bye" not in log
    project.run("start", check=0)
    _healthy(project, cluster=False)


def test_kill_by_another_signal(project: Project) -> None:
    _up(project, "standalone")
    assert "no signal" in project.run("kill", "node1", "--signal", "SIGFOO", check=2).err
    hup = project.run("kill", "node1", "-s", "hup", "--json", check=0)
    assert _did(hup) == {"node1": "got SIGHUP"}
    assert len(project.servers()) == 1
    term = project.run("kill", "node1", "--signal", "15", "--json", check=0)
    assert _did(term) == {"node1": "ended by SIGTERM"}
    assert "bye bye" in (project.folder(1) / "redis.log").read_text()
    lines = (project.root / ".redistopo" / "events.jsonl").read_text().splitlines()
    runs = [one["run"] for one in map(json.loads, lines) if one["event"] == "run"]
    assert runs == ["up", "kill", "kill"]  # a wrong signal never came to that


def test_paused_and_resumed_twice_each(project: Project) -> None:
    _up(project, "replication")
    pid = project.pid(3)
    paused = project.run("pause", "node3", "--json", check=0)
    assert _did(paused) == {"node3": "paused"}
    assert _states(paused)["node3"] == "paused"
    assert psutil.Process(pid).status() == psutil.STATUS_STOPPED
    again = project.run("pause", "node3", "--json", check=0)
    assert _did(again) == {"node3": "was paused already"}
    term = project.run("kill", "node3", "-s", "TERM", "--timeout", "1s", "--json", check=1)
    assert "ends when it is resumed" in _did(term)["node3"]
    refused = project.run("start", "node3", check=1)
    assert "redistopo resume node3" in refused.out
    psutil.Process(pid).kill()  # else it would end by the signal above
    until(lambda: pid not in _pids(project))
    for words in (["pause", "node3"], ["resume", "node3"]):
        assert "next: redistopo start node3" in project.run(*words, check=1).out
    project.run("start", check=0)
    project.run("pause", "replica", check=0)
    resumed = project.run("resume", "--json", check=0)
    assert _did(resumed) == {"node2": "resumed", "node3": "resumed"}
    assert _did(project.run("resume", "--json", check=0)) == {}
    _healthy(project, cluster=False)


def test_what_cannot_save_is_left_running_unless_forced(project: Project) -> None:
    _up(project, "standalone", "--persistence", "rdb")
    with project.client() as node:
        node.set("unsaved", "yes")
    dump = project.folder(1) / "dump.rdb"
    dump.unlink(missing_ok=True)
    dump.mkdir()
    (dump / "in the way").touch()
    refused = project.run("stop", "node1", "--timeout", "2s", check=1)
    assert "node1 can't save, and still runs" in refused.err
    assert "redistopo stop node1 --force" in refused.err
    assert len(project.servers()) == 1
    project.run("stop", "node1", "--force", check=0)
    assert project.servers() == []


def test_start_refuses_what_up_refuses_for_the_datas_sake(project: Project) -> None:
    _up(project, "replication")
    with project.client() as node:
        node.set("kept", "yes")
        assert node.execute_command("WAIT", 2, 3000) == 2
    project.run("stop", "primary", "replica", check=0)
    shutil.rmtree(project.folder(1))
    project.folder(1).mkdir()
    (project.folder(1) / "redis.conf").write_text(
        (project.folder(2) / "redis.conf").read_text().replace("node2", "node1")
    )
    refused = project.run("start", "node1", check=2)
    assert "node1 would be primary, but has no data; node2, node3 has" in refused.err
    assert project.servers() == []


def test_start_makes_nobody_lead(project: Project) -> None:
    _up(project, "replication", "--persistence", "rdb")
    with project.client() as node:
        node.set("newer", "yes")
        assert node.execute_command("WAIT", 2, 3000) == 2
    project.run("kill", "node1", check=0)
    refused = project.run("start", "node1", check=2)
    assert "redistopo up inspects all nodes" in refused.err
    assert len(project.servers()) == 2
    project.up()
    with project.client() as node:
        assert node.get("newer") == "yes"


def test_a_start_that_would_fail_is_refused_before(project: Project) -> None:
    _up(project, "replication")
    before = _pids(project) - {project.pid(3)}
    project.run("stop", "node3", check=0)
    config = project.root / "redistopo.toml"
    text = config.read_text()
    config.write_text(f'{text}\n[nodes.node3]\nmaxmemory-policy = "no-such-policy"\n')
    failed = project.run("start", "node3", check=2)
    assert "doesn't start with the configuration of node3" in failed.err
    assert "maxmemory-policy no-such-policy" in failed.err
    assert _pids(project) == before
    config.write_text(text)
    project.run("start", "node3", check=0)


@pytest.mark.skipif(TLS is None, reason="no server with TLS: apt install redis-server")
def test_behind_locks(project: Project) -> None:
    assert TLS is not None
    _up(project, "replication", "--acl", "--tls", engine=TLS.path)
    assert _did(project.run("stop", "replica", "--json", check=0)) == {
        "node2": "stopped",
        "node3": "stopped",
    }
    project.run("pause", "node1", check=0)
    project.run("resume", check=0)
    started = project.run("start", "--json", check=0)
    assert set(_states(started).values()) == {"ok"}
    project.run("verify", check=0)


def test_start_makes_no_password(project: Project) -> None:
    """It was given at `up`: another one would lock the application out, unasked."""
    project.init("standalone", engine=BUNDLED.path)
    project.env["REDISTOPO_PASSWORD"] = "given-by-the-user"
    project.up()
    project.run("stop", "node1", check=0)
    project.env.clear()
    assert "a password is not known here" in project.run("start", check=1).err
    assert project.servers() == []
    project.env["REDISTOPO_PASSWORD"] = "given-by-the-user"
    project.run("start", check=0)
    with judge.client(project.port, "given-by-the-user") as node:
        assert node.ping()
