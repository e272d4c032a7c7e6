"""verify against real faults: each one made on real servers, each one named."""

import signal
from typing import Any

import psutil
import pytest
from support.engines import BUNDLED, ENGINES
from support.forms import FULL
from support.project import Project
from support.waiting import until


def test_verify_before_up_and_after_down(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    assert "redistopo up" in project.run("verify", check=1).err
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


@pytest.mark.parametrize(("engine", "shape"), PAIRS if FULL else PAIRS[::2])
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
    done = project.run("verify", "--connect", f"127.0.0.1:{project.port}", check=1)
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
    done = project.run("verify", "--json", "--timeout", "8s", check=3)
    proofs = [one for one in done.json["result"]["findings"] if one["check"] == "data.proof"]
    assert [one["status"] for one in proofs] == ["ok", "ok", "ok"]


def test_what_follows_from_a_dead_process_is_folded_under_it(project: Project) -> None:
    project.init("cluster", "--node-timeout", "1000", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    project.client(project.port + 1).config_set("maxclients", 77)
    project.crash(1)
    until(lambda: project.client(project.port + 3).info("replication")["role"] == "master")
    told = project.run("verify", "--timeout", "0s", "--json", check=3).json["result"]["findings"]
    failed = {f"{one['check']} {one['subject']}": one for one in told if one["status"] == "fail"}
    roots = {name for name, one in failed.items() if not one["because_of"]}
    assert roots == {"node.alive node1", "config.drift node2"}
    follow = [one["because_of"] for one in failed.values() if one["because_of"]]
    assert len(follow) > 8
    assert all(one == ["node.alive node1"] for one in follow)
    lines = project.run("verify", "--timeout", "0s", check=3).out.splitlines()
    assert lines[-2].startswith("fail node.alive node1:")
    assert lines[-1].startswith("     Next: redistopo up")
    assert "cluster.links " not in "\n".join(lines).split("Unhealthy")[0]
    assert len(lines) < 40
    everything = project.run("verify", "--timeout", "0s", "--all", check=3).out
    assert everything.count(" cluster.links ") == 5
