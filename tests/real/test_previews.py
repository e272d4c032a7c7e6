"""`--dry-run` of the verbs that take service away: the effects are printed, nothing is changed."""

from pathlib import Path

import pytest
import redis
from support.engines import BUNDLED
from support.project import Project

CLUSTER = ("cluster", "--formation", "instant")


def _kept(project: Project) -> tuple[dict[int, str], dict[Path, bytes]]:
    """Each server with its state, and each file that redistopo itself wrote."""
    states = {one.pid: one.status() for one in project.servers()}
    states = {pid: "up" if state != "stopped" else state for pid, state in states.items()}
    found = [one for one in (project.root / ".redistopo").iterdir() if one.is_file()]
    return states, {one: one.read_bytes() for one in [*found, project.root / "redistopo.toml"]}


def _cluster_ids(project: Project) -> list[str]:
    found = []
    for port in project.ports:
        with project.client(port) as node:
            found.append(node.execute_command("CLUSTER", "MYID"))
    return found


def test_a_dry_run_says_what_service_is_lost_and_changes_nothing(project: Project) -> None:
    project.init(*CLUSTER, engine=BUNDLED.path)
    project.up()
    before, ids = _kept(project), _cluster_ids(project)
    for words, nodes, said in (
        (("stop", "primary"), ["node1", "node2", "node3"], "0 of 3 primaries are left to vote"),
        (("kill", "node1"), ["node1"], "node4 takes over from node1 after the node timeout"),
        (("kill", "-STOP", "node1"), ["node1"], "node4 takes over from node1"),
        (("pause", "shard:1"), ["node1", "node4"], "slots 0-5460 are unavailable"),
        (("restart", "node4"), ["node4"], "node1 has no replica in the meantime"),
        (("reset", "node1"), ["node1"], "node4 is promoted first, with slots 0-5460"),
        (("failover", "node4"), ["node4"], ""),
        (("drill", "failover", "--fault", "freeze"), ["node1"], "node4 takes over from node1"),
        (("drill", "all"), ["node1", "node2", "node3", "node4"], "node5 takes over from node2"),
        (("secret", "rotate"), [f"node{n}" for n in range(1, 7)], "refused at their next login"),
        (("secret", "rotate", "--keep-old"), [f"node{n}" for n in range(1, 7)], ""),
        (("set", "maxmemory", "1"), [f"node{n}" for n in range(1, 7)], "node3 refuses writes"),
        (("set", "min-replicas-to-write", "2"), [f"node{n}" for n in range(1, 7)], "1 replica is"),
        (("set", "maxclients", "1"), [f"node{n}" for n in range(1, 7)], "refuses new clients"),
        (("set", "hz", "20"), [f"node{n}" for n in range(1, 7)], ""),
        (("down",), [f"node{n}" for n in range(1, 7)], "no node replies until redistopo up"),
        (("down", "--wipe"), [f"node{n}" for n in range(1, 7)], "passwords and data"),
    ):
        found = project.run(*words, "--dry-run", "--json", check=0).json["result"]
        assert found["nodes"] == nodes, words
        assert said in "\n".join(found["losses"]), words
        assert said or not found["losses"], words
        assert _kept(project) == before, words
    assert _cluster_ids(project) == ids
    assert project.faults() == []


def test_a_dry_run_of_a_rolling_restart_names_the_turns_that_the_restart_takes(
    project: Project,
) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    before = _kept(project)
    found = project.run("restart", "--rolling", "--dry-run", "--json", check=0).json["result"]
    assert found["turns"] == [
        "restart node2",
        "restart node3",
        "hand over node1",
        "restart node1",
    ]
    assert found["losses"] == []
    assert _kept(project) == before
    done = project.run("restart", "--rolling", "--json", check=0).json["result"]
    assert [f"restart {one['node']}" for one in done["restarted"]] == [
        turn for turn in found["turns"] if turn.startswith("restart")
    ]


@pytest.mark.parametrize("words", [("restart", "node1"), ("restart", "--rolling")])
def test_a_dry_run_refuses_what_the_restart_refuses(
    project: Project, words: tuple[str, ...]
) -> None:
    project.init("standalone", "--persistence", "none", engine=BUNDLED.path)
    project.up()
    with project.client() as node:
        node.set("only", "copy")
    ahead = project.run(*words, "--dry-run", check=2)
    assert ahead.err == project.run(*words, check=2).err
    with project.client() as node:
        assert node.get("only") == "copy"


@pytest.mark.parametrize(
    ("setting", "refused"),
    [
        ("maxmemory 1", "used memory > 'maxmemory'"),
        ("min-replicas-to-write 3", "NOREPLICAS"),
        ("maxclients 1", "max number"),
    ],
)
def test_what_set_says_before_is_what_clients_see_after(
    project: Project, setting: str, refused: str
) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    with project.client() as node:
        node.ping()
        ahead = project.run("set", *setting.split(), "--dry-run", "--json", check=0).json["result"]
        node.set("still", "accepted")
        done = project.run("set", *setting.split(), "--json", check=0)
        told = done.json["result"]["losses"]
        assert [one.partition(":")[0] for one in told] == [
            one.partition(":")[0] for one in ahead["losses"]
        ]
        assert told[0] in done.err
        with pytest.raises(redis.RedisError, match=refused), project.client() as another:
            another.set("now", "refused")


def test_a_dry_run_of_snapshots_turned_off_says_that_nothing_is_kept(project: Project) -> None:
    project.init("standalone", "--persistence", "rdb", engine=BUNDLED.path)
    project.up()
    found = project.run("set", "save", "", "--dry-run", "--json", check=0).json["result"]
    assert "keeps nothing on disk" in found["losses"][0]
