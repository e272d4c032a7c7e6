"""A cluster node's nodes.conf that is damaged or lost, and `up --rebuild`."""

from pathlib import Path

import psutil
import pytest
from support.engines import BUNDLED, ENGINES
from support.forms import spread
from support.judge import roles
from support.kept import keep, kept
from support.project import Project
from support.waiting import until

OLDEST_AND_NEWEST = [min(ENGINES), max(ENGINES)]
"""Without and with shard ids in nodes.conf (since Redis 7.2)."""


def _id(project: Project) -> str:
    with project.client() as node:
        return str(node.execute_command("CLUSTER MYID"))


def _damage_own_line(table: Path) -> str:
    """The node's own line has fewer than eight fields, which every server refuses
    (cluster_legacy.c, clusterLoadConfig); what the table says now."""
    lines = table.read_text().splitlines(keepends=True)
    mine = next(number for number, line in enumerate(lines) if "myself" in line)
    lines[mine] = lines[mine].partition("myself")[0] + "myse\n"
    table.write_text("".join(lines))
    return table.read_text()


@pytest.mark.fault(
    "a line in a node's `nodes.conf` is damaged, so that the server does not start",
    "the node and the file are named; `up --rebuild NODE` creates it from another node's, "
    "with the same id, and keeps the damaged one",
)
@pytest.mark.parametrize("engine", spread(sorted(ENGINES), 1))
def test_a_damaged_table(project: Project, engine: str) -> None:
    project.init("cluster", "--formation", "instant", engine=ENGINES[engine].path)
    project.up()
    keep(project)
    identity = _id(project)
    project.run("down", check=0)
    table = project.folder(1) / "nodes.conf"
    damaged = _damage_own_line(table)
    refused = project.run("up", check=1)
    assert str(table) in refused.err
    assert "redistopo up --rebuild node1" in refused.err
    assert table.read_text() == damaged
    assert project.servers() == []
    project.up("--rebuild", "node1")
    assert project.faults() == []
    assert _id(project) == identity
    assert (project.folder(1) / "nodes.conf.damaged").read_text() == damaged
    assert kept(project) == "yes"


@pytest.mark.fault(
    "a node's `nodes.conf` is truncated; at the end of a line, servers do not notice",
    "the node is not started, because it could stay isolated, or vote twice; `--rebuild` "
    "creates the file again",
)
def test_a_table_that_was_cut(project: Project) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    keep(project)
    identity = _id(project)
    project.run("down", check=0)
    table = project.folder(1) / "nodes.conf"
    whole = table.read_text()
    nodes = whole.partition("vars ")[0]
    mine = next(line for line in nodes.splitlines(keepends=True) if "myself" in line)
    for cut in (nodes[: len(nodes) // 2], nodes, mine):
        table.write_text(cut)
        refused = project.run("up", check=1)
        assert f"{table} is cut off" in refused.err
        assert "redistopo up --rebuild node1" in refused.err
        assert table.read_text() == cut
        assert project.servers() == []
    project.up("--rebuild", "node1")
    assert project.faults() == []
    assert _id(project) == identity
    assert (project.folder(1) / "nodes.conf.damaged").read_text() == mine
    assert kept(project) == "yes"


@pytest.mark.fault(
    "a node's `nodes.conf` is empty or missing, and a replica was promoted in the meantime",
    "the node is not started, because it would get a new id; `--rebuild` makes it a replica "
    "of the current primary",
)
@pytest.mark.parametrize("engine", spread(OLDEST_AND_NEWEST, 1))
def test_a_lost_table_after_a_takeover(project: Project, engine: str) -> None:
    project.init(
        "cluster", "--formation", "instant", "--node-timeout", "1000", engine=ENGINES[engine].path
    )
    project.up()
    psutil.Process(project.pid(1)).kill()
    heir = project.port + 3
    until(lambda: project.client(heir).info("replication")["role"] == "master")
    until(lambda: project.client(heir).cluster("INFO")["cluster_state"] == "ok")
    keep(project, "newer", heir)
    (project.folder(1) / "nodes.conf").unlink()
    refused = project.run("up", check=1)
    assert "node1 would start as a new node" in refused.err
    assert project.run("up", "--dry-run").code == 1
    project.up("--rebuild", "node1")
    assert project.faults() == []
    assert roles(project.ports, project.password)[project.port] == "slave"
    assert kept(project, heir) == "newer"


@pytest.mark.fault(
    "`--rebuild` names a node that runs, that does not exist, or whose `nodes.conf` is intact",
    "no file is touched",
)
def test_rebuild_without_a_cause(project: Project) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    project.run("down", check=0)
    before = (project.folder(2) / "nodes.conf").read_text()
    assert project.run("up", "--rebuild", "node9", check=2).err.count("node1, node2")
    done = project.up("--rebuild", "node2")
    assert "is usable and was left unchanged" in done.err
    assert "is usable and was left unchanged" in project.up("--rebuild", "node2").err
    assert not (project.folder(2) / "nodes.conf.damaged").exists()
    assert before.split()[0] in (project.folder(2) / "nodes.conf").read_text()
