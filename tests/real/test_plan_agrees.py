"""Before and after each `up`, the placement, roles and slots in `plan --json` are those of raw
servers: 20 clusters formed by each method in the whole form, 3 in the gate."""

from typing import Any

import pytest
from support import judge
from support.engines import BUNDLED
from support.forms import spread
from support.project import Project
from support.waiting import until

Placement = dict[str, tuple[str, str, str]]
"""Node -> its role, the primary that it follows, its slots."""

SIZES = [(3, 1), (4, 1), (3, 2), (5, 1), (3, 3)]
ROUNDS = spread([SIZES[number % len(SIZES)] for number in range(20)], 2)


def _raw(project: Project) -> Placement:
    """By each server's own CLUSTER NODES line."""
    found = {}
    for number, port in enumerate(project.ports, 1):
        client = judge.client(port, project.password)
        client.response_callbacks.clear()
        with client:
            text = str(client.execute_command("CLUSTER", "NODES"))
        lines = {line.split()[0]: line.split() for line in text.splitlines()}
        mine = next(words for words in lines.values() if "myself" in words[2])
        lead = ""
        if "slave" in mine[2]:
            at = int(lines[mine[3]][1].partition("@")[0].rpartition(":")[2])
            lead = f"node{at - project.port + 1}"
        role = "replica" if lead else "primary"
        found[f"node{number}"] = (role, lead, ",".join(mine[8:]))
    return found


def _told(result: dict[str, Any]) -> Placement:
    """By a JSON document: in its nodes, and the same in its shards."""
    plan = result["plan"]
    slots = {shard["primary"]: shard["slots"] or "" for shard in plan["shards"]}
    slots |= result.get("slots", {})
    follows = {name: one["primary"] for one in plan["shards"] for name in one["replicas"]}
    assert follows == {one["name"]: one["follows"] for one in plan["nodes"] if one["follows"]}
    numbers = {name: one["number"] for one in plan["shards"] for name in one["replicas"]}
    numbers |= {one["primary"]: one["number"] for one in plan["shards"]}
    assert numbers == {one["name"]: one["shard"] for one in plan["nodes"] if one["shard"]}
    return {
        one["name"]: (one["role"], one["follows"], slots.get(one["name"], ""))
        for one in plan["nodes"]
    }


def _plan(project: Project) -> dict[str, Any]:
    found: dict[str, Any] = project.run("plan", "--json", check=0).json["result"]
    return found


@pytest.mark.parametrize(("number", "size"), list(enumerate(ROUNDS)))
@pytest.mark.parametrize("formation", spread(["instant", "redis-cli"], 1))
def test_plan_dry_run_and_up_agree_with_raw_servers(
    project: Project, formation: str, number: int, size: tuple[int, int]
) -> None:
    shards, replicas = size
    words = ("--formation", formation, "--shards", str(shards), "--replicas", str(replicas))
    project.init("cluster", *words, engine=BUNDLED.path)
    ahead = _plan(project)
    dry = project.run("up", "--dry-run", "--json", check=0).json["result"]
    done = project.run("up", "--json", check=0).json["result"]
    raw = _raw(project)
    assert [one["do"] for one in done["steps"]] == [one["do"] for one in ahead["steps"]]
    assert dry == ahead
    if formation == "instant":
        assert ahead["replicas_by"] == ""
        assert _told(ahead) == raw
    else:  # which primary a replica follows isn't known yet, and not said
        assert ahead["replicas_by"] == "redis-cli"
        assert _told(ahead) == {name: (role, "", slots) for name, (role, _, slots) in raw.items()}
    assert _told(done) == raw
    assert _told(_plan(project)) == raw
    if number == 0:  # roles change, then all stop: nodes.conf has what isn't asked any more
        replica = next(name for name, (role, *_rest) in raw.items() if role == "replica")
        project.run("failover", replica, check=0)
        raw = _raw(project)
        assert raw[replica][0] == "primary"
        assert _told(_plan(project)) == raw
        project.run("down", check=0)
        assert _told(_plan(project)) == raw
        assert _told(project.run("up", "--json", check=0).json["result"]) == raw == _raw(project)


def test_plan_of_a_cluster_with_a_primary_down_is_what_up_makes_of_it(project: Project) -> None:
    words = ("--formation", "redis-cli", "--node-timeout", "1000")
    project.init("cluster", *words, engine=BUNDLED.path)
    project.up()
    project.run("kill", "node1", check=0)
    others = project.ports[1:]
    until(lambda: list(judge.roles(others, project.password).values()).count("master") == 3)
    ahead = _told(_plan(project))
    project.up()
    assert ahead == _raw(project)
    assert ahead["node1"][0] == "replica"


@pytest.mark.parametrize("shape", ["replication", "sentinel"])
def test_plan_of_a_replication_has_the_roles_of_now_and_of_its_end(
    project: Project, shape: str
) -> None:
    def told(result: dict[str, Any]) -> dict[int, str]:
        nodes = result["plan"]["nodes"]
        assert {one["follows"] for one in nodes if one["role"] == "replica"} == {"node2"}
        roles = {one["endpoint"][1]: one["role"] for one in nodes if one["role"] != "sentinel"}
        return {at: {"primary": "master", "replica": "slave"}[role] for at, role in roles.items()}

    project.init(shape, engine=BUNDLED.path)
    project.up()
    project.run("failover", "node2", check=0)
    raw = judge.roles(project.ports, project.password)
    assert told(_plan(project)) == raw
    assert told(project.run("up", "--json", check=0).json["result"]) == raw
    project.run("down", check=0)
    assert told(_plan(project)) == raw
