"""Sentinels on real servers: judged by what redis-py hears from them, not by our own checks."""

import re
import signal
import stat
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
from support.engines import BUNDLED, ENGINES, TLS
from support.findings import only
from support.forms import spread
from support.judge import client, roles
from support.project import Project
from support.waiting import until

QUICK = ("--down-after", "1500")
"""Less, and on a loaded machine Sentinels fail over by themselves now and then."""

DOWN = {"s_down", "o_down", "disconnected"}
SLOW = ("--down-after", "60000")
"""So that no Sentinel does anything by itself."""


def _named(project: Project, number: int = 1) -> int:
    """The port of the primary that a Sentinel names."""
    with project.sentinel(number) as node:
        return int(node.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "project")[1])


def _fields(reply: Any) -> dict[str, str]:
    return dict(zip(reply[::2], reply[1::2], strict=True))


def _faults(project: Project) -> list[str]:
    """What the Sentinels themselves find wrong, and where they differ."""
    found, views = [], set()
    for number in range(1, project.sentinels + 1):
        with project.sentinel(number) as node:
            primary = _fields(node.execute_command("SENTINEL", "MASTER", "project"))
            views.add((primary["port"], primary["config-epoch"]))
            known = [("primary", primary)]
            for what, count in (
                ("REPLICAS", project.size - 1),
                ("SENTINELS", project.sentinels - 1),
            ):
                told = [_fields(one) for one in node.execute_command("SENTINEL", what, "project")]
                known += [(what, one) for one in told]
                found += [] if len(told) == count else [f"{number}: {len(told)} {what}"]
            found += [f"{number}: {one}" for _, one in known if DOWN & set(one["flags"].split(","))]
            said = node.execute_command("SENTINEL", "CKQUORUM", "project")
            found += [] if said.startswith("OK") else [said]
    return found + ([f"different views: {views}"] if len(views) > 1 else [])


def _kill(project: Project, *names: str) -> None:
    """These nodes end by SIGKILL, and their processes are gone."""
    folders = {project.root / ".redistopo" / "nodes" / name for name in names}
    doomed = [one for one in project.servers() if Path(one.cwd()) in folders]
    assert len(doomed) == len(names)
    for process in doomed:
        process.send_signal(signal.SIGKILL)
    until(lambda: not any(psutil.pid_exists(one.pid) and _runs(one) for one in doomed))


def _role(project: Project, port: int) -> str:
    """What a node says that it is; "" where a failover hangs up on its clients just now."""
    try:
        return roles([port], project.password)[port]
    except redis.ConnectionError:
        return ""


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _failed(project: Project, words: tuple[str, ...] = ()) -> set[str]:
    """The checks that fail."""
    said = project.run("verify", "--json", "--timeout", "1s", *words).json["result"]
    return {one["check"] for one in said["findings"] if one["status"] == "fail"}


def _open(project: Project) -> list[str]:
    """Files and folders that others than their owner could read."""
    state = project.root / ".redistopo"
    return [str(p) for p in (state, *state.rglob("*")) if stat.S_IMODE(p.lstat().st_mode) & 0o077]


@pytest.mark.parametrize("name", spread(sorted(ENGINES)[::2], 1))
def test_a_killed_primary_is_replaced_and_comes_back_as_a_replica(
    project: Project, name: str
) -> None:
    project.init("sentinel", *QUICK, engine=ENGINES[name].path)
    project.up()
    assert _faults(project) == []
    with project.client() as node:
        node.set("kept", "yes")
        assert node.execute_command("WAIT", 2, 3000) == 2
    _kill(project, "node1")
    until(lambda: all(_named(project, n) != project.port for n in (1, 2, 3)))
    project.up()
    found = roles(project.ports, project.password)
    assert [port for port, role in found.items() if role == "master"] == [_named(project)]
    assert all(project.client(port).get("kept") == "yes" for port in project.ports)
    assert _faults(project) == []
    assert _open(project) == []
    secrets = [path.read_text().strip() for path in project.root.glob(".redistopo/password*")]
    assert len(secrets) == 2
    said = [" ".join(process.cmdline()) for process in project.servers()]
    assert not any(secret in line for secret in secrets for line in said)


@pytest.mark.fault(
    "a primary without persistence fails under Sentinels",
    "`up` lets the Sentinels promote a replica, and then starts the former primary as a replica",
)
def test_up_lets_the_sentinels_choose_before_a_dead_primary_is_back(project: Project) -> None:
    project.init("sentinel", *SLOW, "--persistence", "none", engine=BUNDLED.path)
    project.up()
    with project.client() as node:
        node.set("kept", "yes")
        assert node.execute_command("WAIT", 2, 3000) == 2
    _kill(project, "node1", "sentinel3")
    planned = project.run("plan", "--json").json["result"]["steps"]
    assert [one["do"] for one in planned] == ["start", "failover"]
    project.up()
    assert _named(project) != project.port
    with project.client(project.port) as node:
        assert node.info("replication")["role"] == "slave"
        assert node.get("kept") == "yes"
    assert _faults(project) == []


@pytest.mark.fault(
    "a primary is paused until the Sentinels have promoted a replica",
    "`up` resumes it, and makes it a replica of the new primary at once",
)
def test_a_primary_that_was_frozen_follows_the_new_primary(project: Project) -> None:
    project.init("sentinel", *QUICK, engine=BUNDLED.path)
    project.up()
    psutil.Process(project.pid(1)).send_signal(signal.SIGSTOP)
    until(lambda: all(_named(project, n) != project.port for n in (1, 2, 3)))
    lines = {one["name"]: one for one in project.run("status", "--json").json["result"]["nodes"]}
    new = _named(project)
    assert lines[f"node{new - project.port + 1}"]["role"] == "primary"
    assert lines["sentinel2"]["watches"] == f"127.0.0.1:{new}"
    assert "make node1 follow node" in project.up().err
    assert project.run("up", "--json", check=0).json["result"]["steps"] == []
    found = roles(project.ports, project.password)
    assert [port for port, role in found.items() if role == "master"] == [_named(project)]
    assert _faults(project) == []


def test_a_password_that_sentinels_could_not_keep_is_refused(project: Project) -> None:
    project.init("sentinel", *SLOW, engine=BUNDLED.path)
    project.env["REDISTOPO_PASSWORD"] = "two words"
    assert "which Sentinels can't store" in project.run("up", check=2).err
    assert project.servers() == []


def test_a_folder_that_was_moved_takes_its_sentinels_along(project: Project) -> None:
    project.init("sentinel", *SLOW, "--no-auth", engine=BUNDLED.path)
    project.up()
    near = f"127.0.0.1:{project.port + 10}"
    assert "6 nodes" in project.run("verify", "--connect", near, check=0).out
    project.run("down", check=0)
    old = project.root
    project.root = old.rename(old.with_name("elsewhere"))
    project.up()
    state = project.root / ".redistopo"
    said = [path.read_text() for path in state.glob("nodes/*/*.conf")]
    assert len(said) == 6
    assert not any(f"{old}/" in text for text in said)
    file = project.root / "redistopo.toml"
    file.write_text(file.read_text().replace('name = "project"', 'name = "another"'))
    assert "monitor the primary as project" in project.run("up", check=2).err


def test_who_was_chosen_leads_again_after_all_have_stopped(project: Project) -> None:
    project.init("sentinel", *SLOW, engine=BUNDLED.path)
    project.up()
    with project.sentinel() as node:
        assert node.execute_command("SENTINEL", "FAILOVER", "project") == "OK"
    until(lambda: all(_named(project, n) != project.port for n in (1, 2, 3)))
    new = _named(project)
    with project.client(new) as node:
        node.set("newer", "yes")
    project.crash()
    # the record may say otherwise: who is asked are the Sentinels
    path = project.root / ".redistopo" / "record.json"
    path.write_text(re.sub(r'"primary": "node\d"', '"primary": "node1"', path.read_text()))
    project.up()
    assert _named(project) == new
    assert all(project.client(port).get("newer") == "yes" for port in project.ports)
    refused = project.run("up", "--primary", "node1", check=2)
    assert "the Sentinels name node" in refused.err


@pytest.mark.fault(
    "most Sentinels fail, and one of them has lost its file",
    "`verify` names them; `up` starts them, with the ids that the other Sentinels know",
)
def test_without_a_majority_verify_reports_it_and_up_recovers(project: Project) -> None:
    project.init("sentinel", *SLOW, engine=BUNDLED.path)
    project.up()
    with project.sentinel(2) as node:
        own = node.execute_command("SENTINEL", "MYID")
    _kill(project, "sentinel1", "sentinel2")
    (project.root / ".redistopo" / "nodes" / "sentinel2" / "sentinel.conf").unlink()
    assert {"sentinel.quorum", "failover.ready", "node.alive"} <= _failed(project)
    assert _named(project, 3) == project.port
    project.up()
    with project.sentinel(2) as node:
        assert node.execute_command("SENTINEL", "MYID") == own
    assert _faults(project) == []


def test_a_replica_of_priority_0_is_never_chosen(project: Project) -> None:
    project.init("sentinel", *SLOW, engine=BUNDLED.path)
    file = project.root / "redistopo.toml"
    file.write_text(file.read_text() + "\n[nodes.node2]\nreplica-priority = 0\n")
    done = project.up()
    assert "node3 would take over, but not node2" in done.out
    _kill(project, "node1")
    told = only(
        project.run("verify", "--no-write", "--json", "--timeout", "0"), "failover.ready", "ok"
    )
    assert told["evidence"].startswith("node3 takes over from its primary, which is down")
    project.up()
    assert _named(project) == project.ports[2]


def test_a_setting_changed_at_a_sentinel_is_seen_and_set_back(project: Project) -> None:
    project.init("sentinel", *SLOW, engine=BUNDLED.path)
    project.up()
    with project.sentinel(2) as node:
        node.execute_command("SENTINEL", "SET", "project", "quorum", "1")
        own = node.execute_command("SENTINEL", "MYID")
    file = project.root / ".redistopo" / "nodes" / "sentinel2" / "sentinel.conf"
    assert "quorum is 1, rendered: 2" in project.run("verify", check=3).out
    project.up()
    assert f"sentinel myid {own}" in file.read_text()
    assert f"sentinel monitor project 127.0.0.1 {project.port} 2" in file.read_text()
    topology = project.root / "redistopo.toml"
    topology.write_text(topology.read_text().replace("quorum = 2", "quorum = 3"))
    project.up()
    with project.sentinel(3) as node:
        assert _fields(node.execute_command("SENTINEL", "MASTER", "project"))["quorum"] == "3"


OLD_AND_NEW = [name for name in ENGINES if "6.2" in name or "9." in name] or [*ENGINES]


@pytest.mark.parametrize("name", spread(OLD_AND_NEW, 1))
def test_with_acl_each_has_its_own_rights(project: Project, name: str) -> None:
    project.init("sentinel", *SLOW, "--acl", engine=ENGINES[name].path)
    project.up()
    sentinel = project.port + 10
    with client(sentinel, project.password) as node:
        node.response_callbacks.clear()
        assert node.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "project")
        for words in (("SENTINEL", "FAILOVER", "project"), ("SENTINEL", "CONFIG", "GET", "*")):
            with pytest.raises(Exception, match="permission"):
                node.execute_command(*words)
    with client(project.port, project.secret("sentinel"), user="sentinel") as node:
        for words in (("GET", "key"), ("CONFIG", "GET", "*"), ("FLUSHALL",)):
            with pytest.raises(Exception, match="permission"):
                node.execute_command(*words)
    with client(sentinel, project.secret("admin"), user="admin") as node:
        node.execute_command("SENTINEL FAILOVER", "project")
    # what CONFIG REWRITE made of their files is read and written as well
    until(lambda: _role(project, project.port) == "slave")
    project.run("secret", "rotate", check=0)


@pytest.mark.skipif(TLS is None, reason="no server built with TLS is here")
def test_by_tls_alone_they_fail_over_too(project: Project) -> None:
    assert TLS is not None
    project.init("sentinel", *SLOW, "--tls", engine=TLS.path)
    project.up()
    for port in (project.port, project.port + 10):
        with pytest.raises(redis.ConnectionError):
            client(port, project.password).ping()
    _kill(project, "node1")
    project.up()
    said = project.run("verify", "--json", check=0).json["result"]["findings"]
    found = {one["check"]: one["evidence"] for one in said}
    assert "name node1" not in found["sentinel.primary"]
    assert found["access.tls"].startswith("6 of 6")


def test_a_new_password_reaches_sentinels_that_run_and_that_do_not(project: Project) -> None:
    project.init("sentinel", *SLOW, engine=BUNDLED.path)
    project.up()
    before = project.password
    _kill(project, "sentinel1")
    project.run("secret", "rotate")
    assert project.password != before
    project.up()
    for number in (1, 2, 3):
        with project.sentinel(number) as node:
            node.execute_command("SENTINEL", "MASTER", "project")
            text = project.root / ".redistopo" / "nodes" / f"sentinel{number}" / "sentinel.conf"
            assert before not in text.read_text()
    assert _faults(project) == []
    own = project.run("secret", "show", "--user", "sentinel", check=0).out.strip()
    project.run("bundle", "--out", "bundle.tar.gz", check=0)
    project.run("verify", "--connect", f"127.0.0.1:{project.port + 10}", check=1)
    assert own != project.password


def test_a_second_primary_that_sentinels_monitor_changes_nothing_of_ours(project: Project) -> None:
    """Each Sentinel lists the two in an order of its own; the other one isn't part of this."""
    project.init("sentinel", engine=BUNDLED.path)
    project.up()
    outside = str(project.port + 7)
    for number in (1, 2, 3):
        for name in ("aaa", "other", "zzz"):
            words = ("SENTINEL", "MONITOR", name, "127.0.0.1", outside, "2")
            assert project.sentinel(number).execute_command(*words)
    project.run("verify", "--timeout", "0s", check=0)
    project.up()
    project.run("down", check=0)
    project.up()
    project.run("secret", "rotate", check=0)
    assert project.run("plan", check=0).out.endswith("everything runs as planned.\n")
    assert len(project.sentinel().execute_command("SENTINEL MASTERS")) == 4
