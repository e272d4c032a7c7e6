"""What `plan` shows of a cluster is what raw servers report, or is not claimed."""

import redis
from support import judge
from support.engines import BUNDLED
from support.project import Project


def _myid(client: redis.Redis) -> str:
    return str(client.execute_command("CLUSTER", "MYID"))


def test_plan_shows_slots_where_they_are_after_they_moved(project: Project) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    with project.client() as first, project.client(project.port + 1) as second:
        other = _myid(second)
        for slot in (0, 1, 2):
            for node in (second, first):
                node.execute_command("CLUSTER", "SETSLOT", slot, "NODE", other)
    told = judge.client(project.port, project.password)
    told.response_callbacks.clear()
    with told:
        raw = [line.split() for line in str(told.execute_command("CLUSTER", "NODES")).splitlines()]
    wanted = {
        f"node{int(words[1].split('@')[0].rpartition(':')[2]) - project.port + 1}": ",".join(
            words[8:]
        )
        for words in raw
        if "master" in words[2]
    }
    assert wanted["node1"] == "3-5460"
    assert project.run("plan", "--json", check=0).json["result"]["slots"] == wanted
    rows = [line.split() for line in project.run("plan", check=0).out.splitlines()]
    shown = {row[0]: row[5] for row in rows if row and row[0] in wanted}
    assert shown == wanted


def test_plan_claims_no_placement_that_redis_cli_decides(project: Project) -> None:
    project.init("cluster", "--formation", "redis-cli", engine=BUNDLED.path)
    ahead = project.run("plan", check=0).out
    assert ahead.count("redis-cli decides") == 4  # three replicas, and the line of the formation
    assert "follows node" not in ahead
    project.up()
    after = project.run("plan", check=0).out
    assert "redis-cli decides" not in after
    for port in project.ports:
        with project.client(port) as node:
            info = node.info("replication")
        if info["role"] == "slave":
            name, lead = (f"node{at - project.port + 1}" for at in (port, info["master_port"]))
            row = next(line for line in after.splitlines() if line.startswith(name))
            assert f"follows {lead} " in row


def test_plan_places_replicas_where_an_instant_formation_puts_them(project: Project) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    ahead = project.run("plan", "--json", check=0).json["result"]
    assert ahead["replicas_by"] == ""
    project.up()
    for made in ahead["plan"]["nodes"]:
        if made["follows"]:
            with project.client(project.port + made["number"] - 1) as node:
                lead = node.info("replication")["master_port"] - project.port + 1
            assert f"node{lead}" == made["follows"]
