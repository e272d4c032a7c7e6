"""Several drills in a row, by a scenario file."""

from pathlib import Path
from xml.etree import ElementTree as Xml

from support.drilled import cluster, left_over
from support.engines import BUNDLED
from support.judge import roles
from support.project import Project

_SCENARIO = """
max_downtime = "6s"
restore_roles = true
[[drill]]
each = "shard:1"
[[drill]]
nodes = ["shard:1 primary", "shard:2 primary"]
[[drill]]
nodes = "node9"
"""


def test_drills_in_a_row(project: Project, tmp_path: Path) -> None:
    cluster(project, engine=BUNDLED.path)
    file, xml = tmp_path / "drills.toml", tmp_path / "drills.xml"
    file.write_text(_SCENARIO)
    words = ("--json", "--junit", str(xml), "--report", str(tmp_path / "drills.html"))
    found = project.run("drill", "all", str(file), *words, check=3).json["result"]
    # the primary and the replica of shard 1; two primaries at once; nobody
    assert [one["nodes"] for one in found["drills"]] == [
        ["node1"],
        ["node4"],
        ["node1", "node2"],
        ["node9"],
    ]
    assert [one["done"] for one in found["drills"]] == [True, True, False, False]
    assert [one["report"]["passed"] for one in found["drills"]] == [True, True, False, False]
    assert "1 of 3 primaries" in found["drills"][2]["report"]["reasons"][0]
    suite = Xml.parse(xml).getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("4", "2")
    assert (tmp_path / "drills.html").read_text().count("<svg") >= 2
    assert roles(project.ports, project.password)[project.port] == "master"
    assert project.faults() == []
    assert left_over(project) == []
    project.run("down", check=0)
    for words in ((), ("--dry-run",)):  # of optional drills, none would select a node
        assert "redistopo up brings it back" in project.run("drill", "all", *words, check=2).err


def test_a_wrong_scenario_is_told_whole_and_hurts_nobody(project: Project, tmp_path: Path) -> None:
    project.init("replication", engine=BUNDLED.path)
    file = tmp_path / "drills.toml"
    file.write_text('rate = 0\n[[drill]]\nfault = "flood"\n')
    done = project.run("drill", "all", str(file), check=2)
    assert "3 problems" in done.err
    for key in ("rate", "drill 1.fault", "drill 1:"):
        assert key in done.err
    assert "no scenario" in project.run("drill", "all", "none.toml", check=2).err
