"""Drills where Sentinels fail over: what they published, who voted, what was lost."""

from pathlib import Path

from support.drilled import at, left_over, part, report
from support.engines import BUNDLED
from support.judge import roles
from support.project import Project
from support.waiting import until

QUICK = ("--down-after", "1000")


def test_sentinels_fail_over(project: Project) -> None:
    project.init("sentinel", *QUICK, engine=BUNDLED.path)
    project.up()
    found = report(project, "--restore-roles")
    assert found["passed"], found["reasons"]
    told = [f"{one['source'][:8]} {one['text']}" for one in found["moments"]]
    assert "sentinel +sdown node1" in told
    assert any(one.startswith("sentinel +odown node1 (") for one in told)
    assert any("+switch-master" in one for one in told)
    assert 0.5 < at(found, "suspected")[0] <= at(found, "failed")[0] <= at(found, "promoted")[0]
    assert part(found, "writes")["unavailable"] > 1000
    now = roles(project.ports, project.password)
    assert now[project.port] == "master"  # once more
    assert list(now.values()).count("master") == 1
    assert left_over(project) == []
    # nobody misses a single Sentinel
    found = report(project, "--node", "sentinel2", "--fault", "freeze", "--max-downtime", "3s")
    assert part(found, "writes")["unavailable"] == 0
    assert "sentinel" in found["target"]
    project.run("verify", check=0)


def test_sentinels_that_would_not_fail_over(project: Project) -> None:
    project.init("sentinel", *QUICK, engine=BUNDLED.path)
    project.up()
    project.run("drill", "failover", "--node", "sentinel1", "--fault", "partition", check=2)
    for port in project.ports[1:]:
        with project.client(port) as node:
            node.config_set("replica-priority", 0)
    error = project.run("drill", "failover", "--json", check=3).json["error"]
    assert "node2 is never promoted (replica-priority 0)" in error["detail"]
    for port in project.ports[1:]:
        with project.client(port) as node:
            node.config_set("replica-priority", 100)
    for process in project.servers():
        if Path(process.cwd()).name in ("sentinel1", "sentinel2"):
            process.kill()
    until(lambda: len(project.servers()) == 4)
    error = project.run("drill", "failover", "--json", check=3).json["error"]
    assert "1 of 3 Sentinels would be left to vote, and 2 are needed" in error["detail"]
    assert "redistopo up starts sentinel1, sentinel2" in error["hint"]
    assert roles(project.ports, project.password)[project.port] == "master"
