"""Directives set on real servers and in the topology file: in both, or in neither."""

import tomllib
from typing import Any

import pytest
from support.engines import BUNDLED, ENGINES
from support.project import Project


def _file(project: Project) -> dict[str, Any]:
    return tomllib.loads((project.root / "redistopo.toml").read_text())


def _live(project: Project, directive: str) -> list[str]:
    return [project.client(port).config_get(directive)[directive] for port in project.ports]


def _no_steps(project: Project) -> bool:
    return "none" in project.run("up", "--dry-run", check=0).out


@pytest.mark.parametrize("name", [min(ENGINES), max(ENGINES)])
def test_on_each_engine(project: Project, name: str) -> None:
    """What is live, what waits for a restart, and what is refused: versions tell it otherwise."""
    project.init("replication", "--replicas", "1", engine=ENGINES[name].path)
    project.up()
    project.run("set", "maxmemory", "100mb", check=0)
    assert _live(project, "maxmemory") == ["104857600"] * 2
    assert _file(project)["redis"] == {"maxmemory": "100mb"}
    assert "already" in project.run("set", "maxmemory", "104857600", check=0).out
    project.run("set", "save", "900 1 300 10", check=0)
    assert _live(project, "save") == ["900 1 300 10"] * 2
    project.run("set", "client-output-buffer-limit", "replica", "300mb", "64mb", "60", check=0)
    assert all(
        "314572800 67108864 60" in one for one in _live(project, "client-output-buffer-limit")
    )
    assert _no_steps(project)
    waits = project.run("set", "databases", "32", "--json", check=0).json["result"]
    assert waits["waiting"] == ["node1", "node2"]
    before = (project.root / "redistopo.toml").read_bytes()
    for words, says in (
        (("maxmemory", "lots"), "node1 refuses that value of maxmemory"),
        (("maxmemry", "1"), "did you mean maxmemory"),
        (("hz", "100000"), "node1"),  # refused, or made 500 of
        (("tcp-backlog", "many"), "doesn't start with the configuration of node1"),
    ):
        refused = project.run("set", *words, check=2)
        assert says in refused.err
        assert "ok: set" not in refused.err
    assert _live(project, "hz") == ["10", "10"]
    assert (project.root / "redistopo.toml").read_bytes() == before
    project.run("down", check=0)
    project.up()
    assert _live(project, "databases") == ["32", "32"]
    assert _live(project, "save") == ["900 1 300 10"] * 2
    assert project.run("verify").code == 0


def test_on_single_nodes(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    topology = project.root / "redistopo.toml"
    topology.chmod(0o640)
    comments = [line for line in topology.read_text().splitlines() if line.startswith("#")]
    project.run("set", "hz", "20", "--node", "replica", check=0)
    assert _live(project, "hz") == ["10", "20", "20"]
    done = project.run("set", "hz", "30", check=0)
    assert "overridden by their own value on node2, node3" in done.out
    assert _live(project, "hz") == ["30", "20", "20"]
    assert _file(project)["redis"] == {"hz": 30}
    assert _file(project)["nodes"] == {"node2": {"hz": 20}, "node3": {"hz": 20}}
    kept = topology.read_text().splitlines()
    assert [line for line in kept if line.startswith("#")] == comments
    assert topology.stat().st_mode & 0o777 == 0o640
    project.run("failover", "node2", check=0)
    project.run("set", "save", "60 5", check=0)  # files that bear the former roles
    assert _no_steps(project)
    assert project.run("verify").code == 0


def test_one_refusal_undoes_all(project: Project) -> None:
    project.init("replication", "--replicas", "1", "--acl", engine=BUNDLED.path)
    project.up()
    admin = (project.root / ".redistopo" / "password.admin").read_text().strip()
    before = (project.root / "redistopo.toml").read_bytes()
    with project.client(project.ports[1]) as node:
        node.execute_command("AUTH", "admin", admin)
        node.execute_command("ACL", "SETUSER", "admin", "-config|set")
        refused = project.run("set", "maxmemory", "100mb", check=2)
        assert "node2 refuses" in refused.err
        node.execute_command("ACL", "SETUSER", "admin", "+config|set")
    with project.client() as node:
        node.execute_command("AUTH", "admin", admin)
        assert node.config_get("maxmemory")["maxmemory"] == "0"
    assert (project.root / "redistopo.toml").read_bytes() == before


def test_what_is_not_for_it(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.run("set", "maxmemory", "1gb", check=0)  # nothing was started: the file alone
    project.up()
    assert _live(project, "maxmemory") == [str(1024**3)]
    for words, says in (
        (("requirepass", "x"), "redistopo secret rotate"),
        (("port", "7000"), "is set by redistopo itself"),
        (("hz", "20", "--node", "node9"), "'node9' is not a node"),
    ):
        assert says in project.run("set", *words, check=2).err
    topology = project.root / "redistopo.toml"
    topology.write_text(topology.read_text() + "\n[redis2]\n")
    refused = project.run("set", "hz", "20", check=2)
    assert "redis2" in refused.err
    assert _live(project, "hz") == ["10"]
    topology.write_text(topology.read_text().replace("[redis2]", ""))
    project.run("down", check=0)
    assert "at the next start of node1" in project.run("set", "hz", "20", check=0).out
    project.up()
    assert _live(project, "hz") == ["20"]
