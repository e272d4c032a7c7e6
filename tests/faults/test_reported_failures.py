"""Failures that users reported of other tools, made by raw commands on real servers. Each test
names its report; others are held by tests of their own, named here:

- redis#6339 (the target dies after NODE): test_servers_killed_moving
- valkey#998, valkey#1664 (a replica stays importing): test_open_slots
- redis#1616, redis#6999, redis#3396 (a large key times out): test_move_slots,
  test_a_key_that_would_block_for_long_moves_only_with_consent
- valkey-operator#305 (missing rights): test_slots_move_while_clients_write, with --acl
- valkey-operator#445 (an empty shard): test_an_emptied_shard_stays_and_is_filled_again
- redis#12604 (mixed versions): test_mixed_versions_are_refused in test_scale
- redis#14637 (a version with a faulty atomic move): 8.4.0 in tests/unit, test_move_method
"""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from redis.exceptions import RedisError
from support.engines import BUNDLED, ENGINES, WINDOWS
from support.forked import COMMAND
from support.forms import FULL
from support.grown import faults, shards
from support.grown import fill as fill_all
from support.grown import read as read_all
from support.moved import data, fill, names_in, owners, raw
from support.project import Project
from support.waiting import until

whole = pytest.mark.skipif(not FULL, reason="over two seconds")

_SLOT = 100
"""A slot of the first shard."""


def _cluster(project: Project, *words: str, engine: str = WINDOWS.path) -> None:
    given = ("--shards", "2", "--replicas", "0", "--node-timeout", "2000", "--formation", "instant")
    project.init("cluster", *given, *words, engine=engine)
    project.up()


def _ids(project: Project) -> dict[int, str]:
    found = {}
    for port in project.ports:
        with project.client(port) as node:
            found[port] = str(node.execute_command("CLUSTER MYID"))
    return found


@contextmanager
def _again_and_again(project: Project, port: int, *words: str) -> Iterator[None]:
    """Someone else sends this command all the time."""
    over = threading.Event()

    def send() -> None:
        with project.client(port) as node:
            while not over.wait(0.002):
                with suppress(RedisError):
                    node.execute_command(*words)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _whole(project: Project) -> None:
    until(lambda: project.faults() == [], 20, what=f"healthy: {project.faults()}")
    assert not project.job.exists()


@pytest.mark.fault(
    "valkey#2724: other nodes raise their epoch while slots change their owner",
    "`move-slots` ends with the new owner on all nodes, and no key is lost",
)
@whole
def test_epochs_rise_while_slots_move(project: Project) -> None:
    _cluster(project)
    fill(project, range(0, 200, 4))
    kept = data(project)
    with (
        _again_and_again(project, project.port, "CLUSTER", "BUMPEPOCH"),
        _again_and_again(project, project.port + 1, "CLUSTER", "BUMPEPOCH"),
    ):
        project.run("move-slots", "0-199", "--to", "node2", check=0)
    _whole(project)
    table = owners(project)
    assert {table[slot] for slot in range(200)} == {project.port + 1}
    assert data(project) == kept


@pytest.mark.fault(
    "redis#1765: a key is at the source and at the target of an open slot",
    "`up` ends the move, and the value of the source, which owned the slot, is kept",
)
@whole
def test_a_key_is_at_both_ends(project: Project) -> None:
    _cluster(project)
    fill(project, [_SLOT], each=3)
    kept, ids = data(project), _ids(project)
    key = names_in([_SLOT], 3)[_SLOT][0]
    with raw(project, project.port) as source, raw(project, project.port + 1) as target:
        target.execute_command("CLUSTER SETSLOT", _SLOT, "IMPORTING", ids[project.port])
        source.execute_command("CLUSTER SETSLOT", _SLOT, "MIGRATING", ids[project.port + 1])
        with target.pipeline(transaction=False) as pipe:
            pipe.execute_command("ASKING")
            pipe.set(key, "another value")
            assert pipe.execute()[-1]
    project.run("up", check=0)
    _whole(project)
    project.run("move-slots", str(_SLOT), "--to", "node2", check=0)
    _whole(project)
    assert owners(project)[_SLOT] == project.port + 1
    assert data(project) == kept


@pytest.mark.fault(
    "redis#2969: MIGRATE fails in the middle of a move, here because the target accepts no write",
    "`move-slots` ends with the error; then `up` finishes it, and no key is lost",
)
@whole
def test_migrate_fails(project: Project) -> None:
    _cluster(project)
    fill(project, range(0, 60, 2))
    kept = data(project)
    with project.client(project.port + 1) as target:
        target.config_set("min-replicas-to-write", "1")
        done = project.run("move-slots", "0-59", "--to", "node2")
        assert done.code == 1, done
        assert "NOREPLICAS" in done.err, done
        assert "redistopo up finishes it" in done.err, done
        target.config_set("min-replicas-to-write", "0")
    project.run("up", check=0)
    _whole(project)
    table = owners(project)
    assert {table[slot] for slot in range(60)} == {project.port + 1}
    assert data(project) == kept


@pytest.mark.fault(
    "redis#9421, redis#2251: nodes import a slot that no node owns",
    "`up` names the slot and what gives it one owner; typed, no key is lost",
)
@whole
def test_a_slot_is_imported_and_has_no_owner(project: Project) -> None:
    _cluster(project, "--shards", "3")
    fill(project, [_SLOT])
    kept, ids = data(project), _ids(project)
    for port in project.ports[1:]:
        with raw(project, port) as node:
            node.execute_command("CLUSTER SETSLOT", _SLOT, "IMPORTING", ids[project.port])
    for port in project.ports:
        with raw(project, port) as node, suppress(RedisError):
            node.execute_command("CLUSTER DELSLOTS", _SLOT)
    told = project.run("up", "--timeout", "3s", "--json", check=3).json["error"]
    assert f"1 slot has no owner: {_SLOT}" in told["detail"]
    words = told["hint"].partition(": redistopo ")[2].split()
    env, root = project.environment(), project.root
    subprocess.run([COMMAND, *words], cwd=root, env=env, input="yes\n", text=True, check=True)
    project.run("up", check=0)
    _whole(project)
    assert data(project) == kept


@pytest.mark.fault(
    "valkey-operator#207: the wrong shard is drained, because roles are not as the names say",
    "`scale` removes a shard as a whole, whichever of its nodes is primary, and no key is lost",
)
@whole
def test_roles_are_not_as_the_names_say(project: Project) -> None:
    _cluster(project, "--shards", "3", "--replicas", "1")
    kept = fill_all(project, 500)
    for shard in (1, 3):
        project.run("failover", f"shard:{shard}", check=0)
    before = shards(project)
    project.run("scale", "--shards", "2", check=0)
    after = shards(project)
    gone = {*before} - {*after}
    assert len(gone) == 1
    assert {port: before[port] for port in after} == after
    ports = [*after, *set().union(*after.values())]
    assert faults(project, *ports) == []
    assert read_all(project, kept) == kept


@pytest.mark.fault(
    "redis#11018, redis#3948: ids of former nodes stay in the tables of others, or come back",
    "`up` makes all nodes forget them, and they do not come back",
)
@whole
def test_ids_of_former_nodes_stay(project: Project) -> None:
    _cluster(project, "--replicas", "1")
    old = _ids(project)[project.port + 3]
    with project.client(project.port + 3) as node:
        node.execute_command("CLUSTER RESET HARD")
    project.run("up", check=0)
    _whole(project)
    for port in project.ports:
        with project.client(port) as node:
            node.response_callbacks.clear()
            assert old not in str(node.execute_command("CLUSTER NODES"))


@pytest.mark.fault(
    "redis#15472: a replica follows another replica",
    "`verify` names it, `up` makes it follow the primary, and the number of replicas can change",
)
def test_a_replica_follows_a_replica(project: Project) -> None:
    project.init("replication", "--replicas", "2", engine=BUNDLED.path)
    project.up()
    with project.client(project.port + 2) as node:
        node.replicaof("127.0.0.1", project.port + 1)
        until(lambda: node.info("replication")["master_link_status"] == "up")
    assert "node3" in project.run("verify", "--timeout", "1s", check=3).out
    project.run("up", check=0)
    project.run("scale", "--replicas", "1", check=0)
    with project.client() as node:
        said = node.info("replication")
    assert (said["role"], said["connected_slaves"]) == ("master", 1)


@pytest.mark.fault(
    "OT redis-operator#1647: the source fails over while its slots move",
    "the move goes on, or `up` finishes it: each slot has one owner, and no key is lost",
)
@whole
@pytest.mark.parametrize("engine", list(ENGINES) if FULL else [])
def test_roles_change_while_slots_move(project: Project, engine: str) -> None:
    _cluster(project, "--replicas", "1", engine=ENGINES[engine].path)
    fill(project, range(0, 400, 2))
    kept = data(project)
    other = next(iter(shards(project)[project.port])) - project.port + 1
    running = project.begin("move-slots", "0-399", "--to", "node2", "--json")
    assert running.stderr is not None
    for line in running.stderr:
        if '"text": "move ' in line:
            break
    with project.client(project.port + other - 1) as node, suppress(RedisError):
        node.execute_command("CLUSTER FAILOVER")
    running.communicate(timeout=60)
    assert running.returncode in (0, 1)
    project.run("up", check=0)
    _whole(project)
    table = owners(project)
    assert {table[slot] for slot in range(400)} == {project.port + 1}
    now = data(project)
    assert sorted(key for key, value in kept.items() if now.get(key) != value) == []
    assert {*now} == {*kept}


@pytest.mark.fault(
    "redis#13311: a client that is blocked on a key of a slot that moves; some versions crash",
    "the servers go on, and no key is lost",
)
@whole
@pytest.mark.parametrize("engine", list(ENGINES) if FULL else [])
def test_a_client_is_blocked_on_a_key_that_moves(project: Project, engine: str) -> None:
    _cluster(project, engine=ENGINES[engine].path)
    key = names_in([_SLOT], 1)[_SLOT][0]
    pids = [one.pid for one in project.servers()]
    errors: list[str] = []

    def wait() -> None:
        with raw(project, project.port) as node:
            try:
                node.xread({key: "$"}, block=20_000)
            except RedisError as error:
                errors.append(str(error))

    with raw(project, project.port) as node:
        node.xadd(key, {"f": "v"})
        thread = threading.Thread(target=wait)
        thread.start()
        until(lambda: node.info("clients")["blocked_clients"] == 1)
    project.run("move-slots", str(_SLOT), "--to", "node2", check=0)
    thread.join(15)
    assert not thread.is_alive()
    assert "MOVED" in errors[0] or str(project.port + 1) in errors[0]
    assert [one.pid for one in project.servers()] == pids
    with raw(project, project.port + 1) as node:
        assert node.xlen(key) == 1
    _whole(project)
