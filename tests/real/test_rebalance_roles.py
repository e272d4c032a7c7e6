"""`rebalance --roles` on real servers, judged by the servers' own replies."""

from support.engines import BUNDLED
from support.judge import roles
from support.project import Project
from support.writers import writing


def _primaries(project: Project) -> list[int]:
    """Their numbers, as in node2."""
    said = roles(project.ports, project.password)
    return [port - project.port + 1 for port, role in said.items() if role == "master"]


def test_the_planned_primaries_are_promoted_under_load(project: Project) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    for node in ("node4", "node6"):
        project.run("failover", node, check=0)
    assert _primaries(project) == [2, 4, 6]
    shown = project.run("rebalance", "--roles", "--dry-run", check=0).out
    assert "promote node1 in place of node4" in shown
    assert _primaries(project) == [2, 4, 6]
    with writing(project.ports, project.password, clustered=True) as writers:
        done = project.run("rebalance", "--roles", "--json", check=0).json["result"]
    assert [one["after"] for one in done["handovers"]] == ["node1", "node3"]
    assert _primaries(project) == [1, 2, 3]
    assert writers.lost() == []
    again = project.run("rebalance", "--roles", check=0)
    assert "primaries are where they belong" in again.out


def test_roles_and_weights_are_two_things(project: Project) -> None:
    wrong = project.run("rebalance", "--roles", "--weight", "shard:1=2", check=2)
    assert "--weight doesn't apply" in wrong.err
