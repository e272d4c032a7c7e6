"""`move-slots`, `rebalance` and `undo` on real clusters, under load."""

import re
import signal
from contextlib import suppress

import pytest
from redis import Redis
from redis.exceptions import ResponseError
from support.engines import ATOMIC, BUNDLED, ENGINES
from support.forms import spread
from support.moved import data, fill, owners, raw
from support.project import Project
from support.waiting import until
from support.writers import writing

from redistopo.model.planning.refuse_moves import owners_of
from redistopo.model.state.job import SlotMove
from redistopo.project.job_file import save_job
from redistopo.session.open import open_session
from redistopo.session.session import SessionRequest
from redistopo.session.slot_job import new_job

_SLOTS = range(3200, 3400)
"""One of the writers writes to slot 3300 all the time."""


def _cluster(project: Project, engine: str, *words: str) -> None:
    project.init("cluster", "--formation", "instant", *words, engine=engine)
    project.up()


@pytest.mark.parametrize("engine", spread(list(ENGINES), 2))
def test_slots_move_while_clients_write_and_back(project: Project, engine: str) -> None:
    _cluster(project, ENGINES[engine].path, "--acl")
    fill(project, slots=range(3200, 3400, 4))
    before = owners(project)
    words = ("move-slots", "3200-3399", "--to", "node2", "--json")
    ahead = project.run(*words, "--dry-run", check=0).json["result"]
    assert owners(project) == before
    assert (ahead["done"], ahead["moves"][0]["count"], ahead["moves"][0]["keys"]) == (
        False, 200, 150,
    )  # fmt: skip
    with writing(project.ports, project.password, clustered=True) as writers:
        done = project.run(*words, check=0)
        moved = owners(project)
        back = project.run("rebalance", "--threshold", "1%", "--json", check=0)
    assert writers.errors == []
    assert writers.lost() == []
    assert {slot for slot in before if before[slot] != moved[slot]} == set(_SLOTS)
    assert done.json["result"]["method"] == ahead["method"]
    assert back.json["result"]["moves"][0]["source"] == "node2"
    assert sum(key.startswith(b"k") for key in data(project)) == 150
    assert project.faults() == []
    assert not project.job.exists()


def test_what_can_not_be_moved_is_refused_before_anything_changes(project: Project) -> None:
    _cluster(project, BUNDLED.path, "--replicas", "0")
    before = owners(project)
    for line, code, said in (
        ("move-slots 0-20000 --to node2", 2, "not a slot"),
        ("move-slots 5,4-6 --to node2", 2, "slot 5 is in '5,4-6' more than once"),
        ("move-slots x --to node2", 2, "not a slot"),
        ("move-slots 5", 2, "--to is missing"),
        ("move-slots 5 --to shard:9", 2, "no node matches"),
        ("move-slots 5 --to primary", 2, "means 3 shards"),
        ("move-slots 5 --to node1", 0, "Nothing to move"),
        ("rebalance", 0, "Nothing to move"),
        ("rebalance --weight node1", 2, "not a weight"),
        ("rebalance --weight node1=-1", 2, "not a weight"),
        ("rebalance --weight node1=1 --weight shard:1=2", 2, "two weights"),
        ("rebalance --weight node1=0 --weight node2=0 --weight node3=0", 2, "more than 0"),
        ("rebalance --threshold x", 2, "'--threshold': 'x' is not a percentage"),
        ("undo", 1, "nothing to take back"),
    ):
        done = project.run(*line.split(), check=code)
        assert said in done.out + done.err, (line, done)
    project.run("kill", "node3", "--yes", check=0)
    done = project.run("move-slots", "5", "--to", "node2", check=3)
    assert "only in a healthy topology" in done.err
    project.up()
    assert owners(project) == before


def test_a_key_that_would_block_for_long_moves_only_with_consent(project: Project) -> None:
    _cluster(project, BUNDLED.path, "--node-timeout", "1000", "--replicas", "0")
    with raw(project, project.port) as node:
        node.setrange("b", 24 << 20, "x")  # slot 3300
    before = owners(project)
    refused = project.run("move-slots", "3300", "--to", "node2", check=1)
    assert "half the node timeout (1 s): nothing was moved" in refused.err
    assert re.search("'b' in slot 3300: (24|25|28|32|48) MB", refused.err)  # by allocator
    assert owners(project) == before
    ahead = project.run("move-slots", "3300", "--to", "node2", "--allow-blocking", "--dry-run")
    assert "'b' in slot 3300" in ahead.out
    project.run("move-slots", "3300", "--to", "node2", "--allow-blocking", check=0)
    with raw(project, project.port + 1) as node:
        assert node.strlen("b") == (24 << 20) + 1
    assert project.faults() == []


def test_an_emptied_shard_stays_and_is_filled_again(project: Project) -> None:
    _cluster(project, ATOMIC.path)
    before = owners(project)
    kept = {"node1", "node2"}
    project.run("rebalance", "--weight", "node3=0", check=0)
    assert set(owners(project).values()) == set(project.ports[:2])
    failed = [
        one
        for one in project.run("verify", "--json", check=3).json["result"]["findings"]
        if one["status"] == "fail"
    ]
    assert [(one["check"], one["subject"]) for one in failed] == [("cluster.empty-shards", "node3")]
    project.run("move-slots", "0", "--to", "node2", check=0)  # the empty shard is no new fault
    assert owners(project)[0] == project.port + 1
    done = project.run("rebalance", "--json", check=0).json["result"]
    assert {one["source"] for one in done["moves"]} == kept
    assert sorted(before.values()).count(project.port + 2) == 5461
    assert project.faults() == []
    # killed before its first move: `up` ends as the verb does
    _on_record(project, "move-slots", {"node3": "node1"})
    done = project.run("up", check=0)
    assert "the shard of node3 has no slots" in done.err
    assert set(owners(project).values()) == set(project.ports[:2])
    # and `undo` where that is what was before
    _on_record(project, "rebalance", {"node1": "node3"})
    done = project.run("undo", check=0)
    assert "the shard of node3 has no slots" in done.err
    assert set(owners(project).values()) == set(project.ports[:2])
    project.run("up", check=0)
    assert set(owners(project).values()) == set(project.ports[:3])
    assert project.faults() == []


def _on_record(project: Project, verb: str, moves: dict[str, str]) -> None:
    """A change that moves all slots of these nodes to others was interrupted at its beginning."""
    with open_session(SessionRequest(root=project.root, seconds=20)) as session:
        had = owners_of(session.observe())
        some = (SlotMove(source=one, target=to, slots=had[one]) for one, to in moves.items())
        save_job(session.layout, new_job(verb, (), session.observe(), tuple(some)))


@pytest.mark.fault(
    "while slots move, a replica doesn't acknowledge them for 2 s, so that Valkey refuses to move "
    "them; then, Ctrl-C; later, the targets are full; then one serves no client for a moment",
    "the command tries again; it stops when no slot is open, says how far it is, and `undo` takes "
    "it back; it names how to give them room, and `undo` takes it back; it waits, and goes on",
)
def test_a_slow_replica_ctrl_c_and_full_targets_while_slots_move(project: Project) -> None:
    _cluster(project, BUNDLED.path)
    before = owners(project)
    (replica,) = (one for one in project.servers() if one.cwd().endswith("/node4"))
    running = project.begin("rebalance", "--weight", "node1=0")
    until(lambda: _began(project))
    replica.suspend()
    with project.client(project.port) as node:
        until(lambda: "errorstat_NOREPLICAS" in node.info("errorstats"))
    replica.resume()
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=30)
    assert running.returncode == 130, (out, err)
    assert "slots have moved" in err
    assert "redistopo undo takes it back" in err
    for port in project.ports:
        with project.client(port) as node:
            node.response_callbacks.clear()
            assert "[" not in str(node.execute_command("CLUSTER NODES"))
    assert "Under way, or interrupted: redistopo rebalance" in project.run("status").out
    assert "isn't finished: redistopo rebalance" in project.run("rebalance", check=1).err
    replica.kill()
    refused = project.run("undo", check=3)  # at once: nothing would start it
    assert "Next: redistopo start node4; then" in refused.err
    project.run("start", "node4", check=0)
    project.run("undo", check=0)
    fill(project, range(0, 5461, 50))
    running = project.begin("rebalance", "--weight", "node1=0")
    until(lambda: _began(project))
    for port in (project.port + 1, project.port + 2):
        with project.client(port) as node:
            node.config_set("maxmemory", 1)
    out, err = running.communicate(timeout=30)
    assert running.returncode == 1, (out, err)
    assert "raise its limit: redistopo set maxmemory SIZE; then redistopo up finishes it" in err
    project.run("set", "maxmemory", "100mb", check=0)
    project.run("undo", check=0)
    assert owners(project) == before
    assert sum(key.startswith(b"k") for key in data(project)) == 110 * 3
    fill(project, range(0, 2700, 2))
    running = project.begin("move-slots", "0-2699", "--to", "node2")
    until(lambda: _began(project))
    with project.client(project.port + 1) as node:
        until(lambda: _refused_keys(node))
        out, err = running.communicate(timeout=30)
        assert running.returncode == 0, (out, err)
    assert {*map(owners(project).get, range(2700))} == {project.port + 1}
    assert project.faults() == []


def _refused_keys(node: "Redis[str]") -> bool:
    """Whether it replied CLUSTERDOWN: until the owner of a slot that is deleted says in a ping that
    it is its own."""
    with suppress(ResponseError):
        node.execute_command("CLUSTER", "DELSLOTS", 16000)
    return "errorstat_CLUSTERDOWN" in node.info("errorstats")


def _began(project: Project) -> bool:
    """Whether some slots have moved."""
    with project.client(project.port) as node:
        node.response_callbacks.clear()
        return "0-5460" not in str(node.execute_command("CLUSTER NODES"))
