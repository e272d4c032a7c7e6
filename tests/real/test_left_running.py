"""A formed topology that `up` can't make healthy keeps running, and what `up` names repairs it."""

import json
import shlex
import time
from contextlib import closing

import pytest
import redis
from support import judge
from support.byhand import ByHand, listening
from support.engines import BUNDLED
from support.findings import found_in
from support.forms import FULL
from support.project import Done, Project
from support.waiting import until


def _nodes(project: Project, port: int) -> str:
    client = project.client(port)
    client.response_callbacks.clear()
    return str(client.execute_command("CLUSTER NODES"))


def _next(done: Done) -> list[str]:
    """The command that the error names, without what it would lose."""
    line = next(line for line in done.err.splitlines() if line.startswith("  Next: "))
    return shlex.split(line.partition("redistopo ")[2].partition("   (")[0])


def test_a_topology_that_was_never_formed_is_stopped_again(project: Project) -> None:
    project.init("replication", "--set", "min-replicas-to-write=5", engine=BUNDLED.path)
    began = time.monotonic()
    done = project.run("up", check=3)
    assert time.monotonic() - began < 15
    assert "min-replicas-to-write is 5, it has 2 replicas" in done.err
    assert project.servers() == []
    assert "redistopo set min-replicas-to-write=2" in done.err


@pytest.mark.skipif(not FULL, reason="`up` waits for its whole limit")
def test_a_first_up_that_fails_names_what_starts_the_servers_again(
    project: Project, by_hand: ByHand
) -> None:
    """A node of another cluster is met before all nodes agree."""
    stranger = project.port + 20
    by_hand.start(stranger, "--cluster-enabled", "yes")
    listening(stranger)
    project.init("cluster", "--formation", "redis-cli", engine=BUNDLED.path)
    limit = ("--timeout", "15s")
    up = project.begin("up", "--json", *limit)
    assert up.stderr is not None
    for line in up.stderr:
        if json.loads(line)["text"].startswith("wait until every node"):
            break
    project.client().execute_command("CLUSTER", "MEET", "127.0.0.1", stranger)
    out, _ = up.communicate(timeout=60)
    hint = json.loads(out)["error"]["hint"]
    assert hint.startswith("redistopo up, which begins again; if it fails too: ")
    assert "redistopo call CLUSTER FORGET" in hint
    assert len(project.servers()) == 1  # the stranger
    project.up()
    assert project.faults() == []


@pytest.mark.parametrize(
    ("directive", "cause", "remedy"),
    [
        ('maxmemory = "1mb"', "memory.full node1: refuses writes", "redistopo set maxmemory="),
        (
            "min-replicas-to-write = 3",
            "min-replicas-to-write is 3, it has 1 replica ",
            "redistopo set min-replicas-to-write=1",
        ),
    ],
)
def test_a_formed_cluster_that_refuses_writes_is_left_running_and_repaired_by_what_up_names(
    project: Project, directive: str, cause: str, remedy: str
) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    project.run("down", check=0)
    path = project.root / "redistopo.toml"
    path.write_text(path.read_text().replace("[redis]", f"[redis]\n{directive}"))
    began = time.monotonic()
    done = project.run("up", check=3)
    assert time.monotonic() - began < 15
    assert cause in done.err
    assert len(project.servers()) == 6
    assert remedy in done.err
    project.run("set", next(word for word in _next(done) if "=" in word).strip(","), check=0)
    with closing(redis.RedisCluster("127.0.0.1", project.port, password=project.password)) as one:
        assert one.set("writable", "1")


@pytest.mark.parametrize(("was", "now"), [("false", "true"), ("true", "false")])
def test_changed_auth_is_refused_at_once_and_by_the_dry_run(
    project: Project, was: str, now: str
) -> None:
    project.init("replication", engine=BUNDLED.path)
    path = project.root / "redistopo.toml"
    start = path.read_text().replace("# auth = true", "auth = true")
    path.write_text(start.replace("auth = true", f"auth = {was}"))
    project.up()
    path.write_text(start.replace("auth = true", f"auth = {now}"))
    for words in (("up",), ("up", "--dry-run")):
        assert f"servers run with auth = {was}" in project.run(*words, check=2).err
    assert f"servers run with auth = {was}" in project.run("plan", check=0).out
    project.run("down", check=0)
    project.up()
    anonymous = judge.client(project.port)
    if now == "false":
        assert anonymous.ping()
    else:
        with pytest.raises(Exception, match="Authentication"):
            anonymous.ping()


def test_what_servers_run_with_is_not_judged_by_a_file_that_was_cut(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    conf = project.folder(2) / "redis.conf"
    whole = conf.read_text()
    conf.write_text(whole[: whole.index("requirepass")])
    project.up()
    assert project.client(project.port + 1).ping()


def test_failover_disabled_on_purpose_is_a_warning(project: Project) -> None:
    words = ("--formation", "instant", "--set", "cluster-replica-no-failover=yes")
    project.init("cluster", *words, engine=BUNDLED.path)
    project.up()
    assert "cluster-replica-no-failover is set" in project.run("verify", check=0).out


def test_a_replica_moved_to_another_primary_is_moved_back_by_what_verify_names(
    project: Project,
) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    replica = next(p for p in project.ports if "myself,slave" in _nodes(project, p))
    ids = [project.client(port).execute_command("CLUSTER MYID") for port in project.ports]
    line = next(one for one in _nodes(project, replica).splitlines() if "myself" in one)
    old = line.split()[3]
    other = next(one for one in ids[:3] if one != old)
    assert project.client(replica).execute_command("CLUSTER REPLICATE", other)
    done = project.run("verify", "--json", "--timeout", "2s", check=3)
    hint = next(
        one["hint"]
        for one in found_in(done, "replication.shape", "fail")
        if "CLUSTER REPLICATE" in one["hint"]
    )
    project.run(*hint.split()[1:], check=0)
    until(lambda: project.faults() == [])
    project.run("verify", check=0)
