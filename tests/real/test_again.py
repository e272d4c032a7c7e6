"""`up` and `down` over and over: nothing twice, nothing lost, roles as the servers say."""

import json
import os
import shutil
import signal
from contextlib import suppress
from itertools import product
from pathlib import Path

import psutil
import pytest
from support.editing import edit
from support.engines import BUNDLED
from support.forms import spread
from support.judge import roles
from support.project import Project
from support.steps import reach
from support.waiting import until

from redistopo.errors import NodeDied, Unreachable
from redistopo.execute.create_instantly import form_instantly
from redistopo.host.all_processes import all_processes
from redistopo.model.planning.form_cluster import form_step
from redistopo.session.live_change import live_change
from redistopo.session.open import open_session
from redistopo.session.session import SessionRequest


def test_up_twice_does_nothing_the_second_time(project: Project) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    before = sorted(process.pid for process in project.servers())
    again = project.up()
    assert "nothing to do" in again.out
    assert sorted(process.pid for process in project.servers()) == before
    assert project.run("up", "--dry-run", check=0).out.startswith("Steps: none")
    # primaries that votes have promoted before their takeover, as beside nodes that start late
    former = roles(project.ports, project.password)
    with open_session(SessionRequest(root=project.root)) as session:
        plan = session.plan()
        form_instantly(session.context(plan), form_step(plan))
    project.up()  # restores the lower node timeout
    assert roles(project.ports, project.password) == former


def test_a_server_that_ends_under_a_command_is_named_with_what_starts_it(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    pid, asked = project.pid(1), SessionRequest(root=project.root, lock="set")

    def ask_before_and_after() -> None:
        with open_session(asked) as session:
            address = session.targets[0].endpoint
            session.client.execute(address, [("PING",)])
            os.kill(pid, signal.SIGKILL)
            until(lambda: not psutil.pid_exists(pid))
            session.client.execute(address, [("PING",)])

    with pytest.raises(Unreachable) as silent:
        ask_before_and_after()
    assert silent.value.detail.startswith("node1: ")
    assert silent.value.hint == "redistopo up, then the same command again"
    match = "exited before all nodes agreed"
    with pytest.raises(NodeDied, match=match) as ended, open_session(asked) as session:
        live_change(session).await_health()
    assert ended.value.hint.startswith("redistopo up starts it again; its log: ")
    project.run("up", check=0)
    project.run("verify", check=0)


def test_down_twice_is_fine(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    project.run("down", check=0)
    again = project.run("down", check=0)
    assert "Nothing was running" in again.out


def test_a_killed_node_comes_back_with_its_data_and_its_id(project: Project) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    with project.client() as client:
        identity = client.execute_command("CLUSTER MYID")
        client.set("{06S}kept", "yes")  # slot 0, on node1
    others = {process.pid for process in project.servers()} - {project.pid(1)}
    project.crash(1)
    project.up()
    assert project.faults() == []
    with project.client() as client:
        assert client.execute_command("CLUSTER MYID") == identity
    assert others <= {process.pid for process in project.servers()}


def test_all_nodes_killed_at_once_come_back(project: Project) -> None:
    project.init("cluster", "--formation", "redis-cli", engine=BUNDLED.path)
    project.up()
    before = _owners(project)
    for process in project.servers():
        process.send_signal(signal.SIGKILL)
    project.up()
    assert project.faults() == []
    assert _owners(project) == before


def _owners(project: Project) -> set[tuple[str, str]]:
    with project.client() as client:
        told = client.execute_command("CLUSTER NODES").values()
        return {(str(said["node_id"]), str(said["slots"])) for said in told}


def test_a_failover_outlives_down_and_up(project: Project) -> None:
    """Roles are the servers', not the ones first planned."""
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    with project.client(project.port + 3) as replica:
        replica.execute_command("CLUSTER FAILOVER")
    both = project.port + 3, project.port
    until(
        lambda: [roles(project.ports, project.password)[one] for one in both] == ["master", "slave"]
    )
    project.run("down", check=0)
    project.up()
    assert roles(project.ports, project.password)[project.port + 3] == "master"
    assert project.run("verify").code == 0


@pytest.mark.parametrize("everyone", [True, False], ids=["all stopped", "old primary stopped"])
def test_a_promoted_replica_stays_primary(project: Project, everyone: bool) -> None:
    """In a replication nobody but the record remembers who was promoted."""
    project.init("replication", engine=BUNDLED.path)
    project.up()
    first, second, third = project.ports
    for port, target in ((second, ("NO", "ONE")), (third, ("127.0.0.1", second))):
        with project.client(port) as client:
            client.execute_command("REPLICAOF", *target)
    with project.client(second) as client:
        client.set("written", "after the promotion")
    with project.client(first) as client:
        client.execute_command("REPLICAOF", "127.0.0.1", second)
    if everyone:
        project.run("down", check=0)
    else:
        psutil.Process(project.pid(1)).send_signal(signal.SIGKILL)
    project.up()
    assert roles(project.ports, project.password) == {
        first: "slave", second: "master", third: "slave",
    }  # fmt: skip
    with project.client(first) as client:
        assert client.get("written") == "after the promotion"


def test_a_changed_setting_is_applied_live(project: Project) -> None:
    project.init("replication", "--set", "maxmemory=50mb", engine=BUNDLED.path)
    project.up()
    edit(project, '"50mb"', '"60mb"')
    assert "maxmemory" in project.run("up", "--dry-run", check=0).out
    project.up()
    with project.client() as client:
        assert client.config_get("maxmemory") == {"maxmemory": str(60 * 1024 * 1024)}


def test_another_layout_in_the_file_is_refused(project: Project) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    edit(project, 'shape = "cluster"', 'shape = "replication"')
    edit(project, "shards = 3", "shards = 1")
    refused = project.run("up", check=2)
    assert "no longer describes" in refused.err
    assert project.faults() == []


def test_a_half_made_cluster_without_keys_is_made_anew(project: Project) -> None:
    project.init("cluster", "--formation", "redis-cli", engine=BUNDLED.path)
    project.up()
    _half_made(project)
    project.up()
    assert project.faults() == []


@pytest.mark.fault(
    "the formation of a cluster was interrupted, and it holds keys",
    "it is never formed again; `up` reports what is wrong",
)
def test_a_half_made_cluster_with_keys_is_kept(project: Project) -> None:
    project.init("cluster", "--formation", "redis-cli", engine=BUNDLED.path)
    project.up()
    _half_made(project)
    with project.client() as client:
        client.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)
        until(lambda: client.cluster("INFO")["cluster_state"] == "ok")
        client.set("precious", "yes")
    failed = project.run("up", "--timeout", "3s", check=3)
    assert "not healthy" in failed.err
    with project.client() as client:
        assert client.get("precious") == "yes"


def _half_made(project: Project) -> None:
    """All nodes run, on record as never formed, and none knows another."""
    record = project.root / ".redistopo" / "record.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "formed": False}))
    for port in project.ports:
        with project.client(port) as client:
            client.execute_command("CLUSTER RESET HARD")


@pytest.mark.fault(
    "redistopo is killed during the formation of the cluster",
    "its redis-cli ends with it; the next `up` finishes healthy with the same servers",
)
@pytest.mark.parametrize(
    ("formation", "step"),
    spread([*product(["redis-cli", "instant"], ["form", "start", "wait"])], 2),
)
def test_a_redistopo_killed_half_way_is_taken_up_again(
    project: Project, step: str, formation: str
) -> None:
    project.init("cluster", "--formation", formation, engine=BUNDLED.path)
    up = project.begin("up", "--json")
    reach(up, step)
    if (formation, step) == ("redis-cli", "form"):
        until(lambda: _working_in(project.root / ".redistopo"))
    up.kill()
    up.communicate()
    until(lambda: _working_in(project.root / ".redistopo") == [], 3)
    project.up()
    assert project.faults() == []
    assert len(project.servers()) == 6


def _working_in(folder: Path) -> list[str]:
    """Names of the processes with that working folder: of helpers, not of servers."""
    found = []
    for process in all_processes():
        with suppress(psutil.Error, OSError):
            if Path(process.cwd()).samefile(folder):
                found.append(process.name())
    return found


def test_a_redistopo_killed_right_after_a_launch_leaves_no_orphan(project: Project) -> None:
    """A server whose pid never got on record is found by its folder."""
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    mark = project.folder(1) / "process.json"
    mark.write_text(json.dumps({**json.loads(mark.read_text()), "pid": 0, "launching": True}))
    assert "nothing to do" in project.up().out
    project.run("down", check=0)
    assert project.servers() == []


@pytest.mark.fault(
    "two `up` run at the same time",
    "one waits for the other and names it; one topology",
)
def test_two_ups_at_once_make_one_topology(project: Project) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    first = project.begin("up", "--json")
    reach(first, "start")
    first.send_signal(signal.SIGSTOP)  # so that the second one meets it at work
    second = project.begin("up")
    assert second.stderr is not None
    assert "waiting for `redistopo up`" in second.stderr.readline()
    edit(project, "\n[redis]", "\n[redis]\ntimeout = 600")  # what waits uses the file as it is then
    first.send_signal(signal.SIGCONT)
    first.communicate(timeout=90)
    _out, err = second.communicate(timeout=90)
    assert [first.returncode, second.returncode] == [0, 0], err
    for port in project.ports:
        assert project.client(port).config_get("timeout") == {"timeout": "600"}
    assert len(project.servers()) == 6
    assert project.faults() == []


def test_a_copy_of_a_running_project_does_not_stop_the_original(
    project: Project, tmp_path: Path
) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    copy = Project(tmp_path / "copy", project.port)
    # what a rewrite of the log has open comes and goes
    transient = shutil.ignore_patterns("temp-*", "appendonlydir")
    shutil.copytree(project.root, copy.root, ignore=transient)
    done = copy.run("down", check=0)
    assert "Nothing was running" in done.out
    assert project.faults(cluster=False) == []


def test_a_password_taken_away_in_the_file_is_told_apart(project: Project) -> None:
    """The servers still ask for it: every verb says so, none breaks."""
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    edit(project, "# auth = true", "auth = false")
    assert project.run("plan").code == 0
    refused = project.run("up", check=2)  # at once
    assert "redistopo down, then up" in refused.err
    project.run("down", check=0)
    project.up()
    assert project.run("verify").code == 0


def test_dry_run_refuses_what_up_would_refuse(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    edit(project, "replicas = 2", "replicas = 1")
    edit(project, f"port = {project.port}", f"port = {project.port + 10}")
    assert "other addresses" in project.run("up", "--dry-run", check=2).err
    edit(project, f"port = {project.port + 10}", f"port = {project.port}")
    edit(project, BUNDLED.path, "redis 9.9")
    assert project.run("up", "--dry-run").code == 4


def test_plan_shows_the_roles_that_are(project: Project) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    with project.client(project.port + 3) as replica:
        replica.execute_command("CLUSTER FAILOVER")
    both = project.port + 3, project.port
    until(
        lambda: [roles(project.ports, project.password)[one] for one in both] == ["master", "slave"]
    )
    nodes = {
        one["name"]: one for one in project.run("plan", "--json").json["result"]["plan"]["nodes"]
    }
    assert (nodes["node4"]["role"], nodes["node1"]["follows"]) == ("primary", "node4")


def test_an_old_trouble_in_the_log_is_not_told_again(project: Project) -> None:
    project.init("standalone", "--set", "first-mistake=1", engine=BUNDLED.path)
    assert "first-mistake" in project.run("up", check=2).err
    edit(project, "first-mistake", "second-mistake")
    again = project.run("up", check=2)
    assert "second-mistake" in again.err
    assert "first-mistake" not in again.err
