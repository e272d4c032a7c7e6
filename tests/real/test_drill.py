"""Drills on real clusters: each fault, measured, and mended; judged by raw redis-py."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from xml.etree import ElementTree as Xml

import pytest
from redis.exceptions import RedisError
from support.drilled import at, cluster, left_over, part, report
from support.editing import own_templates
from support.engines import BUNDLED, ENGINES
from support.forms import spread
from support.judge import client, roles
from support.project import Project

_PAIRS = spread(list(zip(("kill", "freeze", "shutdown"), ENGINES, strict=False)), 2)
LAST = list(ENGINES.values())[-1]


@pytest.mark.parametrize(("fault", "engine"), _PAIRS)
def test_a_replica_takes_over(project: Project, fault: str, engine: str) -> None:
    cluster(project, engine=ENGINES[engine].path)
    first = project.port
    found = report(project, "--fault", fault, "--shard", "1")
    assert found["passed"], found["reasons"]
    assert roles(project.ports, project.password)[first] == "slave"
    assert project.faults() == []
    assert left_over(project) == []
    for name in ("writes", "reads"):
        assert 500 < part(found, name)["unavailable"] < 10_000
    failed, promoted = at(found, "failed")[0], at(found, "promoted")[0]
    assert 0 < min(at(found, "suspected")) <= failed <= promoted < found["healed"]
    assert promoted < part(found, "writes")["gaps"][-1]["first_good"] + 0.05
    assert found["roles_before"]["node1"] == "primary"
    assert found["roles_after"]["node1"] == "replica"
    assert not (project.root / ".redistopo" / "drill.json").exists()


@contextmanager
def _raw_writer(project: Project, prefix: str) -> Iterator[list[str]]:
    """Somebody else's client, on one connection to node1; what it was told is written."""
    written: list[str] = []
    over = Event()

    def write() -> None:
        with client(project.port, project.password) as node:
            for number in range(10**6):
                if over.wait(0.005):
                    return
                try:
                    # {3} lies in the first shard
                    node.set(f"{prefix}{number}{{3}}", "yes")
                    written.append(f"{prefix}{number}{{3}}")
                except RedisError:
                    continue

    thread = Thread(target=write)
    thread.start()
    try:
        yield written
    finally:
        over.set()
        thread.join()


def _missing(project: Project, port: int, keys: list[str]) -> list[str]:
    with project.client(port) as node:
        return [key for key in keys if not node.exists(key)]


def test_what_a_cut_off_primary_took_is_lost_and_told(project: Project) -> None:
    cluster(project, engine=BUNDLED.path)
    with _raw_writer(project, "raw") as written:
        found = report(project, "--fault", "partition", "--restore-roles")
    # the raw client saw the same
    gone = _missing(project, project.port, written)
    assert gone
    assert found["writes"]["lost"] > 0
    assert found["writes"]["lost"] < found["writes"]["acknowledged"]
    assert all(one["acknowledged"] > -0.1 for one in found["writes"]["examples"])
    assert roles(project.ports, project.password)[project.port] == "master"
    assert project.faults() == []
    # and none is lost where each write waits for a replica
    found = report(project, "--fault", "partition", "--wait-replicas", "1")
    assert found["writes"]["acknowledged"] > 100
    assert found["writes"]["lost"] == 0
    assert "WAIT" in part(found, "writes")["errors"]
    assert project.faults() == []


def test_without_a_fault_nobody_is_away(project: Project) -> None:
    cluster(project, engine=BUNDLED.path)
    found = report(project, "--fault", "none")
    assert [one["unavailable"] for one in found["traffic"]] == [0, 0, 0, 0]
    assert found["writes"]["lost"] == 0
    assert at(found, "promoted") == []
    assert project.faults() == []


def test_a_budget_that_is_exceeded_fails_the_drill(project: Project, tmp_path: Path) -> None:
    cluster(project, "--acl", engine=LAST.path)
    xml, page = tmp_path / "drill.xml", tmp_path / "deep" / "drill.html"
    words = ("--max-downtime", "500ms", "--junit", str(xml), "--report", str(page))
    found = report(project, *words, check=3)
    assert not found["passed"]
    suite = Xml.parse(xml).getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    assert "<svg" in page.read_text()
    timeline = (project.root / ".redistopo" / "events.jsonl").read_text()
    assert any(json.loads(line)["run"] == "drill" for line in timeline.splitlines())
    assert project.run("drill", "failover", "--report", "drill.pdf", check=2)


def test_the_reports_are_of_the_projects_own_templates(project: Project) -> None:
    project.init("cluster", "--node-timeout", "1000", "--formation", "instant", engine=BUNDLED.path)
    page = own_templates(project).parent / "report" / "drill.html.j2"
    page.write_text(page.read_text().replace("</body>", "<p>of our own</p></body>"))
    project.up()
    project.run("drill", "failover", "--report", "mine.html", seconds=120, check=0)
    assert "<p>of our own</p>" in (project.root / "mine.html").read_text()
