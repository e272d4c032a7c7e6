"""`demo --check` as a user runs it: the pattern measured, a primary stopped, all whole again."""

import signal
import subprocess
from typing import Any

from support.engines import BUNDLED
from support.judge import roles
from support.project import Project
from support.waiting import until

QUICK = ("demo", "--check", "--ttl", "1s", "--db-delay", "50ms")


def _holds(project: Project, node: int) -> bool:
    """Whether this node leads, and has a key of a check."""
    with project.client(project.port + node - 1) as client:
        leads = client.info("replication")["role"] == "master"
        return leads and bool(client.keys("redistopo-check*"))


def _await(running: subprocess.Popen[str], words: str) -> str:
    """The line with these words, once it was told."""
    assert running.stderr is not None
    while words not in (line := running.stderr.readline()):
        assert line
    return line


def _keys(project: Project, but: int = 0) -> list[str]:
    """Keys that a check left, on any server that runs."""
    left: list[str] = []
    for node, port in enumerate(project.ports, 1):
        if node == but:
            continue
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
    assert took["promoted"] <= took["written"]  # who takes writes leads
    assert took["degraded"] > 0
    assert project.faults() == []
    assert _keys(project) == []
    # Ctrl-C while the primary is away
    running = project.begin(*QUICK)
    victim = _await(running, "ok: stop").split("stop ")[1].split(",")[0]
    running.send_signal(signal.SIGINT)
    assert running.wait(60) == 130
    _out, err = running.communicate()
    assert f"interrupted; {victim}, which was stopped, runs again, and every check passes" in err
    assert project.faults() == []
    assert _keys(project) == []
    # two at once would measure each other's outage; Ctrl-C before anything is stopped
    running = project.begin("demo", "--check", "--ttl", "60s", "--db-delay", "50ms")
    _await(running, "ok: request it again")
    assert _keys(project)
    refused = project.run(*QUICK, check=1)
    assert f"`redistopo demo --check` (pid {running.pid}) is already running" in refused.err
    running.send_signal(signal.SIGTERM)
    assert running.wait(60) == 130
    assert "interrupted while no node was stopped" in running.communicate()[1]
    assert _keys(project) == []
    # the primary of its key dies by another hand: the key is removed where it lives then
    running = project.begin("demo", "--check", "--ttl", "60s", "--db-delay", "50ms")
    _await(running, "ok: request it again")
    dead = next(n for n in range(1, 7) if _holds(project, n))
    project.crash(dead)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 3
    assert "FAIL  miss again: the cache could not be used" in out
    assert "may be left" not in err
    assert _keys(project, but=dead) == []
    # a check stops nothing where not all is well
    done = project.run(*QUICK, check=3)
    assert f"FAIL  no primary was stopped, because a check fails: node{dead}" in done.out
    assert len(project.servers()) == 5


def test_sentinels(project: Project) -> None:
    # on a busy machine, 1 s of silence would be a second failover, back to node1
    project.init("sentinel", "--down-after", "3000", engine=BUNDLED.path)
    project.up()
    done = project.run(*QUICK, check=0)
    assert "node1 was stopped; it had 8 of these items" in done.out
    assert "8 of them were kept" in done.out
    assert "node1 runs again, and every check of `redistopo verify` passes." in done.out
    (verdict,) = [line for line in done.out.splitlines() if line.startswith("PASS")]
    assert verdict.startswith("PASS  cache-aside works")
    assert "takeover" not in verdict
    assert list(roles(project.ports, project.password).values()).count("master") == 1
    assert roles([project.port], project.password) == {project.port: "slave"}
    assert _keys(project) == []


def test_where_nobody_takes_over(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    done = project.run(*QUICK, check=0)
    assert (
        "No primary was stopped: in a replication without Sentinels no replica takes " in done.out
    )
    assert done.out.endswith(" times as long as a hit; no failover was tried\n")
    pids = [project.pid(n) for n in (1, 2, 3)]
    project.env["REDISTOPO_PASSWORD"] = project.password
    at = f"redis://127.0.0.1:{project.port}"
    result = project.run(*QUICK, "--json", "--connect", at, check=0).json["result"]
    assert _pattern(result) == _PROMISED
    assert result["takeover"] is None
    assert "belongs to another owner" in result["unshown"]
    assert [project.pid(n) for n in (1, 2, 3)] == pids
    # a server that takes nothing in is no cache
    with project.client() as client:
        client.config_set("maxmemory", 1)
    done = project.run(*QUICK, check=3)
    assert "FAIL  miss: the cache could not be used" in done.out
    assert "PASS" not in done.out


def test_nothing_runs(project: Project) -> None:
    assert "no redistopo.toml" in project.run(*QUICK, check=2).err
    assert (
        "--database doesn't go with --check" in project.run(*QUICK, "--database", "x", check=2).err
    )
    project.init("standalone", engine=BUNDLED.path)
    done = project.run(*QUICK, check=1)
    assert "Next: start it: redistopo up" in done.err
    project.up()
    assert "at least --ttl 0.5s" in project.run("demo", "--check", "--ttl", "0s", check=2).err
    project.crash()
    done = project.run(*QUICK, check=1)
    assert "no node of project replies" in done.err
    assert "Next: start it: redistopo up" in done.err
    until(lambda: not project.servers())
