"""Drills of growth on real topologies: what they report, and that all is as before afterwards;
judged by raw redis-py and an independent writer."""

import signal
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
from support.drilled import left_over
from support.engines import ATOMIC, BUNDLED, WINDOWS
from support.forms import FULL
from support.grown import fill, read, shards, slots
from support.judge import roles
from support.output_schema import document
from support.project import Project
from support.waiting import until
from support.writers import writing

PATIENT = ("--max-wait", "20s")
"""On a busy machine a client may wait for its turn."""

_ENGINES = [ATOMIC] if not FULL else [ATOMIC, WINDOWS, BUNDLED]


def _grow(project: Project, *words: str, check: int = 0) -> dict[str, Any]:
    done = project.run("drill", "grow", "--json", *words, check=check, seconds=120)
    found: dict[str, Any] = document(done.out)["result"]
    return found


def _files(project: Project) -> dict[str, str]:
    """What a drill must leave as it was: the topology file, our record, and the nodes' folders."""
    state = project.root / ".redistopo"
    texts = {path.name: path.read_text() for path in (project.root / "redistopo.toml",)}
    texts |= {path.name: path.read_text() for path in state.glob("*.json")}
    return texts | {path.name: "" for path in (state / "nodes").iterdir()}


def _cluster(project: Project, engine: str) -> None:
    words = ("--shards", "2", "--node-timeout", "2000", "--formation", "instant")
    project.init("cluster", *words, engine=engine)
    project.up()


@pytest.mark.parametrize("engine", [one.path for one in _ENGINES])
def test_a_shard_comes_and_goes(project: Project, tmp_path: Path, engine: str) -> None:
    _cluster(project, engine)
    data, files, table = fill(project, 3000), _files(project), (shards(project), slots(project))
    assert "node5" in project.run("drill", "grow", "--dry-run", check=0).out
    assert _files(project) == files
    page, xml = tmp_path / "grow.html", tmp_path / "grow.xml"
    with writing(project.ports, project.password, clustered=True) as writers:
        words = (*PATIENT, "--report", str(page), "--junit", str(xml))
        found = _grow(project, *words)
    assert found["passed"], found["reasons"]
    assert writers.lost() == []
    # a third of the slots, with their keys, as many as came back
    phases = {one["name"]: one for one in found["phases"]}
    assert [*phases] == ["before", "out", "between", "in", "after"]
    assert phases["out"]["slots"] == phases["in"]["slots"] == round(16384 / 3)
    assert phases["out"]["keys"] >= len(data) / 4
    assert phases["in"]["keys"] >= len(data) / 4
    assert (found["writes"]["lost"], found["missing"], found["writes"]["unchecked"]) == (0, 0, 0)
    assert found["writes"]["acknowledged"] > 100
    assert 0 < phases["out"]["longest_write"] < 20_000
    assert found["roles_before"] == found["roles_after"]
    # nodes, slots, data and files are as before
    assert (shards(project), slots(project)) == table
    assert project.faults() == []
    assert _files(project) == files
    assert len(project.servers()) == project.size
    assert left_over(project) == []
    assert read(project, data) == data
    assert "Growth drill: add and remove one shard: node5, node6" in page.read_text()
    suite = Xml.parse(xml).getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("1", "0")


_SHAPES = [("replication", ()), ("sentinel", ("--sentinels", "3"))]


@pytest.mark.skipif(not FULL, reason="the steps of `scale`, and the load of the other test")
@pytest.mark.parametrize(("shape", "words"), _SHAPES)
def test_a_replica_comes_and_goes(project: Project, shape: str, words: tuple[str, ...]) -> None:
    project.init(shape, "--replicas", "1", *words, engine=BUNDLED.path)
    project.up()
    files, before = _files(project), roles(project.ports, project.password)
    found = _grow(project, "--max-wait", "1ms", check=3)
    assert not found["passed"]
    assert all("a client waited for" in one for one in found["reasons"]), found["reasons"]
    assert "one replica: node3" in found["target"]
    assert (found["writes"]["lost"], found["missing"]) == (0, 0)
    assert roles(project.ports, project.password) == before
    assert _files(project) == files
    assert project.faults(cluster=False) == []
    assert left_over(project) == []


def test_what_has_no_growth_is_refused(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    assert "no shards and no replicas" in project.run("drill", "grow", check=2).err


_ENDS = (("kill", "load"), ("kill", "start"), ("kill", "move"), ("int", "move"), ("kill", "end"))


def _ended(project: Project, how: str, phase: str) -> None:
    """A drill ends as it begins a step of that name."""
    process: subprocess.Popen[str] = project.begin("drill", "grow", "--json", *PATIENT)
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if '"started"' in line and f'"text": "{phase}' in line:
            break
    else:
        out, err = process.communicate(timeout=120)
        raise AssertionError(f"no step {phase!r}: {process.returncode} {seen} {out} {err}")
    process.send_signal(signal.SIGKILL if how == "kill" else signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == (-9 if how == "kill" else 130), (out, err)


@pytest.mark.fault(
    "a drill of growth is killed, or ended by Ctrl-C, while nodes and slots come or go",
    "Ctrl-C takes the change back; after a kill the next `up`, or `undo`, does: nodes, slots and "
    "the file are as before, no key is lost, and no key of the load is left",
)
def test_a_drill_that_ends_early_is_taken_back(project: Project) -> None:
    _cluster(project, ATOMIC.path)
    data, table = fill(project, 300), (shards(project), slots(project))
    text = (project.root / "redistopo.toml").read_text()
    for n, (how, phase) in enumerate(_ENDS if FULL else _ENDS[2:3]):
        _ended(project, how, phase)
        if how == "kill":
            assert "a drill isn't finished" in project.run(
                "scale", "--shards", "4", check=1
            ).err or ("an earlier change isn't finished" in project.run("rebalance", check=1).err)
            project.run("undo" if n % 2 and project.job.exists() else "up", check=0)
        until(lambda: project.faults() == [], what="healthy by the suite's own judge")
        assert (project.root / "redistopo.toml").read_text() == text
        assert (shards(project), slots(project)) == table, (how, phase)
        assert len(project.servers()) == project.size
        assert read(project, data) == data
        assert left_over(project) == []
        assert {path.name for path in (project.root / ".redistopo").glob("*.json")} == {
            "record.json"
        }
