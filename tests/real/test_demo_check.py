"""`demo --check` as a user runs it: the pattern measured, a primary stopped, all whole again."""

import signal
from typing import Any

from support.engines import BUNDLED
from support.judge import roles
from support.project import Project
from support.waiting import until

QUICK = ("demo", "--check", "--ttl", "1s", "--db-delay", "50ms")


def _keys(project: Project) -> list[str]:
    """Keys that a check left, on any server."""
    left: list[str] = []
    for port in project.ports:
        with project.client(port) as client:
            left += client.scan_iter("redistopo-check*")
    return left


def _pattern(result: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["what"], one["source"]) for one in result["pattern"]["asked"]]


_PROMISED = [
    ("miss", "database"),
    ("hit", "cache"),
    ("hit again", "cache"),
    ("miss again", "database"),
]


def test_a_cluster(project: Project) -> None:
    project.init("cluster", "--node-timeout", "1000", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    result = project.run(*QUICK, "--json", check=0).json["result"]
    assert _pattern(result) == _PROMISED
    assert result["pattern"]["ratio"] > 2
    assert 0 < result["pattern"]["expired"] <= 1.5
    with project.client() as client:
        for home in result["homes"]:
            assert client.execute_command("CLUSTER", "KEYSLOT", home["key"]) == home["slot"]
    took = result["takeover"]
    ours = [home["node"] for home in result["homes"]]
    assert took["node"] == max(ours, key=ours.count)
    assert took["keys"] == took["kept"] == ours.count(took["node"])
    # at the servers: the heir leads, the node that was stopped follows it
    ports = {
        one: project.port + int(took[one].removeprefix("node")) - 1 for one in ("node", "heir")
    }
    found = roles(project.ports, project.password)
    assert (found[ports["heir"]], found[ports["node"]]) == ("master", "slave")
    assert 1.0 < took["promoted"] < 15
    assert took["degraded"] > 0
    assert project.faults() == []
    assert _keys(project) == []
    # Ctrl-C while the primary is away
    running = project.begin(*QUICK)
    assert running.stderr is not None
    while "ok: stop" not in (line := running.stderr.readline()):
        assert line
    running.send_signal(signal.SIGINT)
    assert running.wait(60) == 130
    running.communicate()
    assert project.faults() == []
    assert _keys(project) == []
    # a check stops nothing where not all is well
    project.crash(4)
    done = project.run(*QUICK, check=3)
    assert "FAIL  no primary was stopped, for not all is well: node4" in done.out
    assert len(project.servers()) == 5


def test_sentinels(project: Project) -> None:
    project.init("sentinel", "--down-after", "1000", engine=BUNDLED.path)
    project.up()
    done = project.run(*QUICK, check=0)
    assert "node1 was stopped, with 8 of these items" in done.out
    assert "8 of them kept" in done.out
    assert "node1 runs again, and every check of `redistopo verify` passes." in done.out
    assert "PASS  cache-aside works" in done.out
    assert list(roles(project.ports, project.password).values()).count("master") == 1
    assert roles([project.port], project.password) == {project.port: "slave"}
    assert _keys(project) == []


def test_where_nobody_takes_over(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    done = project.run(*QUICK, check=0)
    assert (
        "No primary was stopped: in a replication without Sentinels nobody takes over" in done.out
    )
    pids = [project.pid(n) for n in (1, 2, 3)]
    project.env["REDISTOPO_PASSWORD"] = project.password
    at = f"redis://127.0.0.1:{project.port}"
    result = project.run(*QUICK, "--json", "--connect", at, check=0).json["result"]
    assert _pattern(result) == _PROMISED
    assert result["takeover"] is None
    assert "isn't ours to break" in result["unshown"]
    assert [project.pid(n) for n in (1, 2, 3)] == pids
    # a server that takes nothing in is no cache
    with project.client() as client:
        client.config_set("maxmemory", 1)
    done = project.run(*QUICK, check=3)
    assert "FAIL  miss: the cache couldn't be used" in done.out
    assert "PASS" not in done.out


def test_nothing_runs(project: Project) -> None:
    assert "no redistopo.toml" in project.run(*QUICK, check=2).err
    project.init("standalone", engine=BUNDLED.path)
    done = project.run(*QUICK, check=1)
    assert "Next: start it: redistopo up" in done.err
    project.up()
    assert "--ttl 0.5s at least" in project.run("demo", "--check", "--ttl", "0s", check=2).err
    project.crash()
    done = project.run(*QUICK, check=1)
    assert "no node of project answers" in done.err
    assert "Next: start it: redistopo up" in done.err
    until(lambda: not project.servers())
