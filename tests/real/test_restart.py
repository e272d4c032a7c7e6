"""Nodes restarted on real servers: data and service are kept, or it is refused."""

import threading
from contextlib import suppress
from dataclasses import replace
from typing import NoReturn

import pytest
from redis import Redis
from redis.exceptions import RedisError, ResponseError
from support.engines import BUNDLED, ENGINES
from support.forms import spread
from support.judge import roles
from support.project import Project
from support.waiting import until
from support.writers import writing

from redistopo.errors import Interrupted, RedistopoError
from redistopo.model.planning.rolling import Act, Turn
from redistopo.model.state.observed import NodeSeen, Role
from redistopo.ops.restart_work import Restarted, RestartWork
from redistopo.ops.rolling_handover import hand_over_turns
from redistopo.ops.rolling_restart import restart_nodes, roll
from redistopo.session.live_change import change_request, live_change
from redistopo.session.open import open_session

_CLUSTER = ("cluster", "--formation", "instant", "--node-timeout", "1000")
_OLDEST, _NEWEST = next(iter(sorted(ENGINES))), sorted(ENGINES)[-1]


def _leaders(project: Project) -> list[int]:
    said = roles(project.ports, project.password)
    return [port - project.port + 1 for port, role in said.items() if role == "master"]


def _pids(project: Project) -> list[int]:
    return [project.pid(n) for n in range(1, project.size + 1)]


@pytest.mark.parametrize("name", spread([_NEWEST, _OLDEST], 1))
def test_a_cluster_rolls_under_load(project: Project, name: str) -> None:
    project.init(*_CLUSTER, engine=ENGINES[name].path)
    project.up()
    before = _pids(project)
    with writing(project.ports, project.password, clustered=True) as writers:
        done = project.run("restart", "--rolling", "--json", check=0).json["result"]
    restarted = [one["node"] for one in done["restarted"]]
    assert restarted == [f"node{n}" for n in (4, 5, 6, 1, 2, 3)]
    assert not set(before) & set(_pids(project))
    assert [one["after"] for one in done["handovers"]] == ["node4", "node5", "node6"]
    assert _leaders(project) == [4, 5, 6]
    assert writers.lost() == []
    assert max(map(writers.longest_gap, range(3))) < 1
    assert project.faults() == []


def test_a_replica_that_does_not_stop_keeps_no_other_one_away(project: Project) -> None:
    busy = ("--set", "lua-time-limit=50")
    project.init("cluster", "--formation", "instant", *busy, engine=BUNDLED.path)
    project.up()
    before = _pids(project)
    script = "local n = 0; while true do n = n + 1 end"
    running = threading.Thread(target=_ended, args=(project, script))
    with open_session(change_request("restart", project.root, 4)) as session:
        now = live_change(session)
        running.start()
        with project.client(project.ports[4]) as node:
            until(lambda: _is_busy(node))
            with pytest.raises(RedistopoError, match="node5 is busy running a script"):
                restart_nodes(RestartWork(now=now, seconds=4), ("node4", "node5"))
            node.script_kill()
    running.join()
    changed = [old != new for old, new in zip(before, _pids(project), strict=True)]
    assert changed == [False, False, False, True, False, False]
    until(lambda: not project.faults(), what=project.faults)


def _ended(project: Project, script: str) -> None:
    with project.client(project.ports[4]) as node, suppress(RedisError):
        node.execute_command("READONLY")
        node.eval(script, 0)


def _is_busy(node: "Redis[str]") -> bool:
    try:
        return not node.ping()
    except ResponseError as error:
        return "BUSY" in str(error)


def test_planned_failovers_wait_until_a_primary_is_connected_to_its_replica(
    project: Project,
) -> None:
    project.init(*_CLUSTER, engine=BUNDLED.path)
    project.up()
    with open_session(change_request("restart", project.root, 9)) as session:
        now = live_change(session)
        # as it is for a moment after a restart of node5
        now.seen = replace(now.seen, nodes=tuple(map(_without_link_to_node5, now.seen.nodes)))
        work = RestartWork(now=now, seconds=9, restarted=[_restarted("node5")])
        some = [Turn(act=Act.HAND_OVER, node=f"node{n}") for n in (1, 2, 3)]
        hand_over_turns(work, some)
    assert [one.after for one in work.handovers] == ["node4", "node5", "node6"]
    assert _leaders(project) == [4, 5, 6]
    epochs = set()
    for port in project.ports[3:]:
        with project.client(port) as node:
            epochs.add(node.cluster("info")["cluster_my_epoch"])
    assert len(epochs) == 3
    assert project.faults() == []


def test_ctrl_c_after_the_last_restart_leaves_no_node(project: Project) -> None:
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    project.up()
    with open_session(change_request("restart", project.root, 9)) as session:
        now = live_change(session)

        def interrupted() -> NoReturn:
            raise KeyboardInterrupt

        now.again = interrupted  # as it looks whether all agree
        with pytest.raises(Interrupted, match="every node was restarted") as told:
            roll(RestartWork(now=now, seconds=9), [Turn(act=Act.RESTART, node="node2")])
    assert told.value.hint.startswith("redistopo verify shows")
    project.run("verify", check=0)


def _restarted(name: str) -> Restarted:
    return Restarted(node=name, role=Role.REPLICA, seconds=0.1)


def _without_link_to_node5(node: NodeSeen) -> NodeSeen:
    to = node.port - int(node.name[4:]) + 5
    members = (replace(one, linked=one.linked and one.port != to) for one in node.members)
    return replace(node, members=tuple(members))


def test_a_replication_rolls_under_load_and_has_its_roles_again(project: Project) -> None:
    project.init("replication", "--persistence", "none", engine=BUNDLED.path)
    project.up()
    before = _pids(project)
    with writing(project.ports, project.password, clustered=False) as writers:
        done = project.run("restart", "--rolling", "--restore-roles", check=0)
    assert done.out.count("writes waited") == 2
    assert not set(before) & set(_pids(project))
    assert _leaders(project) == [1]
    assert writers.lost() == []
    assert max(map(writers.longest_gap, range(3))) < 1
    assert project.faults(cluster=False) == []


def test_settings_that_need_a_restart_get_in(project: Project) -> None:
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    project.up()
    project.client().set("kept", "yes")
    project.run("set", "databases", "32", check=0)
    project.crash(2)
    told = project.run("up", check=3).err
    assert "the topology is healthy, but some settings of the topology file need a restart" in told
    assert "redistopo restart --rolling" in told
    # what was started stays: without it no rolling restart would begin
    assert project.client(project.ports[1]).config_get("databases")["databases"] == "32"
    first = project.pid(1)
    done = project.run("restart", "replica", check=0)
    assert "node2: restarted (replica" in done.out
    assert project.client(project.ports[1]).config_get("databases")["databases"] == "32"
    assert project.pid(1) == first
    project.run("restart", "node1", "node2", check=0)
    assert project.client().config_get("databases")["databases"] == "32"
    assert [project.client(port).get("kept") for port in project.ports] == ["yes", "yes"]
    assert "none" in project.run("up", "--dry-run", check=0).out
    assert project.run("verify").code == 0


def test_what_would_lose_data_or_service_is_refused(project: Project) -> None:
    words = ("--replicas", "1", "--persistence", "none")
    project.init("replication", *words, engine=BUNDLED.path)
    project.up()
    project.client().set("kept", "yes")
    before = _pids(project)
    refused = project.run("restart", "node1", check=2)
    assert "it would start empty, and empty its replicas" in refused.err
    assert "redistopo restart --rolling node1" in refused.err
    assert "restart needs a node" in project.run("restart", check=2).err
    assert project.run("restart", "--restore-roles", "node1").code == 2
    assert before == _pids(project)
    project.run("restart", "--rolling", "node1", check=0)
    assert _leaders(project) == [2]
    assert project.client(project.ports[1]).get("kept") == "yes"


def test_a_server_alone(project: Project) -> None:
    project.init("standalone", "--persistence", "rdb", engine=BUNDLED.path)
    project.up()
    project.client().set("kept", "yes")
    before = project.pid(1)
    assert "node1 has no replica" in project.run("restart", "--rolling", check=2).err
    assert project.pid(1) == before
    project.run("restart", "--rolling", "--force", check=0)
    project.run("restart", "primary", check=0)
    assert project.client().get("kept") == "yes"


def test_it_stops_at_the_first_fault(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    leader, second, third = map(project.pid, (1, 2, 3))
    topology = project.root / "redistopo.toml"
    text = topology.read_text()
    topology.write_text(f"{text}\n[nodes.node2]\nmaxmemory = 'lots'\n")
    for words in (["--rolling"], ["node2"], ["--rolling", "--dry-run"]):
        refused = project.run("restart", *words, check=2)
        assert "doesn't start with the configuration of node2" in refused.err
        assert "argument must be a memory value" in refused.err
    # nor is it written for a crash to find
    for words in (["up"], ["up", "--dry-run"]):
        refused = project.run(*words, check=2)
        assert "doesn't start with the configuration of node2" in refused.err
    assert (
        "lots" not in (project.root / ".redistopo" / "nodes" / "node2" / "redis.conf").read_text()
    )
    assert [*map(project.pid, (1, 2, 3))] == [leader, second, third]
    # that it can't be loaded is found only by loading it
    topology.write_text(f"{text}\n[nodes.node2]\nloadmodule = '{topology}'\n")
    failed = project.run("restart", "--rolling", check=1)
    assert "Can't load module from" in failed.err
    assert "it failed at: restart node2" in failed.err
    assert "left: node2, node3, node1" in failed.err
    assert (project.pid(1), project.pid(3)) == (leader, third)
    assert "nothing was restarted" in project.run("restart", "--rolling", check=3).err
    topology.write_text(text)
    project.up()
    project.run("restart", "--rolling", check=0)
    assert project.faults(cluster=False) == []


@pytest.mark.parametrize("shape", ["cluster", "replication"])
def test_it_waits_for_nothing_that_a_dead_node_explains(project: Project, shape: str) -> None:
    short = ("--node-timeout", "1000") if shape == "cluster" else ()
    project.init(shape, *short, engine=BUNDLED.path)
    project.up()
    dead, replica = ("node4", "node5") if shape == "cluster" else ("node1", "node2")
    project.run("pause" if dead == "node1" else "kill", dead, check=0)
    before = project.pid(int(replica[-1]))
    done = project.run("restart", replica, "--timeout", "10s", check=0)
    assert "faults from before remain" in done.out
    if dead == "node4":
        refused = project.run("restart", "--rolling", check=3).err
        assert "not running: node4\n" in refused
        unknown = project.run("call", "--node", "node4 replica", "PING", check=2).err
        assert "so its role is unknown" in unknown
    else:
        project.run("down", check=0)
        stopped = project.run("call", "--node", "primary", "PING", check=2).err
        assert "roles are those of running nodes" in stopped
        assert "don't reply, so none can take over" in project.run("failover", check=1).err
    project.up()
    assert project.pid(int(replica[-1])) != before
