"""verify against real faults: each one made on real servers, each one named."""

import signal
import time
from typing import Any

import psutil
import pytest
import redis
from support import judge
from support.engines import BUNDLED, ENGINES, INSTALLED
from support.findings import found_in, only
from support.forms import spread
from support.project import Project
from support.remedies import type_line
from support.waiting import until

from redistopo.model.protocol.engine import Product, Version


def test_verify_before_up_and_after_down(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    assert "redistopo up" in project.run("verify", check=3).err
    project.up()
    project.run("down", check=0)
    done = project.run("verify", "--json", check=3)
    alive = [one for one in done.json["result"]["findings"] if one["check"] == "node.alive"]
    assert len(alive) == 3
    assert all(one["status"] == "fail" for one in alive)


def test_no_write_leaves_the_data_alone(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    with project.client() as client:
        before = client.info("replication")["master_repl_offset"]
        commands = client.info("commandstats").get("cmdstat_set")
        project.run("verify", "--no-write", check=0)
        assert client.info("commandstats").get("cmdstat_set") == commands
        assert client.dbsize() == 0
        project.run("verify", check=0)
        assert client.info("commandstats").get("cmdstat_set") != commands
        assert client.dbsize() == 0
        assert client.info("replication")["master_repl_offset"] >= before


PAIRS = [(one, shape) for one in ENGINES for shape in ("cluster", "replication", "standalone")]


@pytest.mark.parametrize(("engine", "shape"), spread(PAIRS, 5))
def test_any_topology_by_any_of_its_addresses(project: Project, engine: str, shape: str) -> None:
    extra = ("--formation", "instant") if shape == "cluster" else ()
    project.init(shape, *extra, engine=ENGINES[engine].path)
    project.up()
    password = project.password
    project.env["REDISTOPO_PASSWORD"] = password
    elsewhere = project.root / "elsewhere"
    elsewhere.mkdir()
    for port in (project.ports[0], project.ports[-1]):
        done = project.run(
            "verify", "--connect", f"127.0.0.1:{port}", "--dir", elsewhere, "--json", check=0
        )
        assert done.json["result"]["shape"] == shape
        assert done.json["result"]["nodes"] == project.size
        assert password not in done.out + done.err


def test_connect_with_a_wrong_password_or_none(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    at = f"127.0.0.1:{project.port}"
    none = project.run("verify", "--connect", at, check=1)
    assert "REDISTOPO_PASSWORD" in none.err
    project.env["REDISTOPO_PASSWORD"] = "wrong"
    assert "password" in project.run("verify", "--connect", at, check=1).err


def test_connect_to_nobody(project: Project) -> None:
    done = project.run("verify", "--connect", f"127.0.0.1:{project.port}", check=3)
    assert "doesn't reply" in done.err
    assert "is not an address" in project.run("verify", "--connect", "nonsense", check=2).err


def test_junit_tells_failures(project: Project) -> None:
    from xml.etree import ElementTree as Xml

    project.init("replication", engine=BUNDLED.path)
    project.up()
    psutil.Process(project.pid(3)).send_signal(signal.SIGKILL)
    project.run("verify", "--junit", "out/report.xml", check=3)
    suite = Xml.parse(project.root / "out" / "report.xml").getroot()
    failures: list[Any] = suite.findall("testcase/failure")
    assert int(suite.get("failures", 0)) == len(failures) > 0
    assert int(suite.get("tests", 0)) == len(suite.findall("testcase"))


def test_any_topology_by_a_host_name(project: Project) -> None:
    """Servers tell addresses; a name that was typed must not make a second node of one."""
    project.init("replication", engine=BUNDLED.path)
    project.up()
    project.env["REDISTOPO_PASSWORD"] = project.password
    done = project.run("verify", "--connect", f"localhost:{project.port}", "--json", check=0)
    assert done.json["result"]["nodes"] == 3


def test_a_replica_whose_primary_is_dead_is_a_fault_not_a_failure(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    project.env["REDISTOPO_PASSWORD"] = project.password
    psutil.Process(project.pid(1)).send_signal(signal.SIGKILL)
    done = project.run(
        "verify", "--connect", f"127.0.0.1:{project.port + 1}", "--json", "--timeout", "1s", check=3
    )
    failed = {one["check"] for one in done.json["result"]["findings"] if one["status"] == "fail"}
    assert "node.alive" in failed
    assert "redistopo up" not in done.out


def test_the_data_proof_finds_a_way_in_past_a_dead_node(project: Project) -> None:
    project.init("cluster", "--node-timeout", "1000", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    psutil.Process(project.pid(1)).send_signal(signal.SIGKILL)
    until(lambda: project.client(project.port + 3).info("replication")["role"] == "master")
    for number in range(1, 6):  # which may learn it later, and refuse keys until then
        node = project.client(project.port + number)
        until(lambda node=node: node.execute_command("CLUSTER INFO")["cluster_state"] == "ok")
    done = project.run("verify", "--json", "--timeout", "8s", check=3)
    proofs = [one for one in done.json["result"]["findings"] if one["check"] == "data.proof"]
    assert [one["status"] for one in proofs] == ["ok", "ok", "ok"], proofs


def test_what_follows_from_a_dead_process_is_folded_under_it(project: Project) -> None:
    project.init("cluster", "--node-timeout", "1000", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    project.client(project.port + 1).config_set("cluster-node-timeout", 1001)
    project.crash(1)

    def failing() -> dict[str, Any]:
        done = project.run("verify", "--timeout", "0s", "--json", check=3)
        found = done.json["result"]["findings"]
        return {f"{one['check']} {one['subject']}": one for one in found if one["status"] == "fail"}

    until(lambda: len(failing()) > 10 and not any("agreement" in one for one in failing()))
    failed = failing()
    roots = {name for name, one in failed.items() if not one["because_of"]}
    assert roots == {"node.alive node1", "config.drift node2"}
    follow = [one["because_of"] for one in failed.values() if one["because_of"]]
    assert len(follow) > 8
    assert all(one == ["node.alive node1"] for one in follow)
    project.client(project.port + 1).config_set("cluster-node-timeout", 1000)
    lines = project.run("verify", "--timeout", "0s", check=3).out.splitlines()
    assert lines[-2].startswith("fail node.alive node1:")
    assert lines[-1].startswith("     Next: redistopo up")
    assert "cluster.links " not in "\n".join(lines).split("Unhealthy")[0]
    assert len(lines) < 40
    everything = project.run("verify", "--timeout", "0s", "--all", check=3).out
    assert everything.count(" cluster.links ") == 5


def test_a_full_server_is_named_at_once_with_the_command_that_helps(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    project.run("set", "maxmemory=1mb", check=0)
    with project.client() as client, pytest.raises(redis.ResponseError, match="maxmemory"):
        client.set("key", "value")
    began = time.monotonic()
    done = project.run("up", "--json", check=3)
    assert time.monotonic() - began < 10
    assert "maxmemory 1.0 MiB, maxmemory-policy noeviction" in done.out
    remedy = only(project.run("verify", "--json", check=3), "memory.full", "fail")["hint"]
    old = project.password
    project.run("secret", "rotate", "--keep-old", check=3)
    for password in (old, project.password):
        assert judge.client(project.port, password).ping()
    project.run(*remedy.partition("redistopo ")[2].split(), check=0)
    project.run("secret", "rotate", check=0)
    with project.client() as client:
        assert client.set("key", "value")
    project.up()


def test_a_setting_changed_by_hand_on_one_node_or_all_is_told(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    project.client(project.port + 1).config_set("maxmemory", "9mb")
    found = only(project.run("verify", "--json", check=0), "config.uneven", "warn")
    assert (found["subject"], found["evidence"].split(" (")[0]) == (
        "node2",
        "maxmemory is 9437184, not 0",
    )
    undo = found["hint"].partition("to undo it: redistopo ")[2].split()
    project.run(*undo, check=0)
    assert project.client(project.port + 1).config_get("maxmemory") == {"maxmemory": "0"}
    for port in project.ports:
        project.client(port).config_set("min-replicas-to-write", 1)
    done = project.run("verify", "--json", check=0)
    assert {one["subject"] for one in found_in(done, "config.uneven", "warn")} == {
        "node1",
        "node2",
        "node3",
    }


def test_another_engine_than_asked_for_is_told(project: Project) -> None:
    old = next(iter(INSTALLED.values()))
    new = next(one for one in INSTALLED.values() if one.product is not old.product)
    project.init("replication", engine=old.name)
    project.up()
    path = project.root / "redistopo.toml"
    path.write_text(path.read_text().replace(f'"{old.name}"', f'"{new.name}"'))
    for words in (("up",), ("plan",), ("up", "--dry-run")):
        done = project.run(*words, check=0)
        assert f"asks for {new.name}" in done.out + done.err, words
    project.run("restart", "--rolling", "node2", check=0)
    versions = {project.client(port).info("server")["redis_version"] for port in project.ports}
    found = only(project.run("verify", "--json", check=0), "node.versions", "warn")
    assert len(versions) == 2
    assert f"{new.title} on node2" in found["evidence"]
    project.run(*found["hint"].split()[1:], check=0)
    only(project.run("verify", "--json", check=0), "node.versions", "ok")


def test_a_user_that_may_not_write_makes_nothing_unhealthy(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    for port in project.ports:
        with project.client(port) as client:
            client.acl_setuser(
                "mon", enabled=True, passwords=["+x"], categories=["+@all", "-@write"]
            )
    project.env |= {"REDISTOPO_PASSWORD": "x"}
    at = f"127.0.0.1:{project.port}"
    done = project.run("verify", "--connect", at, "--user", "mon", "--json", check=0)
    found = only(done, "data.proof", "warn")
    assert "not proven" in found["evidence"]
    assert "--no-write" in found["hint"]


@pytest.mark.parametrize("engine", spread(list(ENGINES), 2))
def test_a_primary_that_refuses_writes_for_lack_of_replicas_is_a_fault_also_without_a_write(
    project: Project, engine: str
) -> None:
    project.init("replication", "--replicas", "1", engine=ENGINES[engine].path)
    project.up()
    with project.client() as node:
        node.config_set("min-replicas-to-write", 2)
        with pytest.raises(redis.ResponseError, match="Not enough good replicas"):
            node.set("key", "1")
        done = project.run("verify", "--no-write", "--json", "--timeout", "0", check=3)
        found = only(done, "replication.shape", "fail")
        assert "min-replicas-to-write is 2, it has 1 replica " in found["evidence"]
        node.config_set("min-replicas-to-write", 0)


@pytest.mark.skipif(
    BUNDLED.product is not Product.VALKEY or BUNDLED.version < Version(8, 1),
    reason="INFO has no pause in Redis, and before Valkey 8.1",
)
def test_paused_commands_are_named_as_the_reason_for_which_no_write_is_proven(
    project: Project,
) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    with project.client() as node:
        node.execute_command("CLIENT", "PAUSE", 60000, "WRITE")
        done = project.run("verify", "--json", "--timeout", "0", check=3)
        fault = only(done, "data.proof", "fail")
        assert "commands are paused for" in fault["evidence"]
        type_line(project, fault["hint"])
        assert node.set("key", "1")
