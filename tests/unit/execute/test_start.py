"""Starting servers: in which order, how an early end is told, and what is undone."""

from collections.abc import Callable

import pytest
from support.bench import Bench, ctrl_c_at, fail_at, wait_at

from redistopo.errors import MissingPrerequisite, NodeDied, RedistopoError, TimedOut
from redistopo.execute.context import ExecutionContext
from redistopo.execute.start import start

MakeBench = Callable[..., Bench]
THREE = ("node1", "node2", "node3")


def starting(*names: str) -> Callable[[ExecutionContext], None]:
    return lambda context: start(context, names, {})


def test_all_are_started_in_order_before_any_is_asked(bench: MakeBench) -> None:
    on = bench()
    first = f"ask {on.node('node1').port} PING"
    with pytest.raises(TimedOut, match="node1, node2, node3 not ready"):
        on.run(starting(*THREE), keep=True)
    assert on.done[:4] == ["start node1", "start node2", "start node3", first]
    assert on.host.journal.of("write", "remove", "rename", "SIGSTOP", "SIGTERM") == []
    assert on.host.processes.running == list(THREE)


def test_of_many_none_goes_on_before_the_last_is_started(bench: MakeBench) -> None:
    on = bench(shards=11, replicas=1)
    names = [node.name for node in on.context.plan.nodes]
    with pytest.raises(TimedOut):
        on.run(starting(*names), keep=True)
    launched = on.host.journal.of("start", "SIGSTOP", "SIGCONT")
    assert launched[:4] == ["start node1", "SIGSTOP node1", "start node2", "SIGSTOP node2"]
    assert launched[-22:] == [f"SIGCONT {name}" for name in names]
    assert not any(one.paused for one in on.host.processes.known.values())


def test_who_is_not_ready_in_time_is_stopped_again(bench: MakeBench) -> None:
    on = bench()
    with pytest.raises(TimedOut, match=r"not ready after 0.25 s") as caught:
        on.run(starting(*THREE))
    assert "node1: connection refused" in caught.value.detail
    assert on.host.processes.running == []
    assert sorted(on.host.journal.of("forget")) == [f"forget {name}" for name in THREE]
    assert on.host.journal.of("SIGKILL", "remove") == []


def test_of_many_no_more_are_started_when_the_time_is_over(bench: MakeBench) -> None:
    on = bench(shards=11, replicas=1)
    names = [node.name for node in on.context.plan.nodes]
    on.host.journal.ambush = wait_at("start node4", on.context.deadline)
    with pytest.raises(MissingPrerequisite, match="too slow, or too busy") as caught:
        on.run(starting(*names))
    assert caught.value.detail.startswith("4 of 22 nodes were started within")
    assert on.host.journal.of("start") == [f"start node{one}" for one in range(1, 5)]
    assert on.host.processes.running == []


def test_what_ran_before_is_left_alone(bench: MakeBench) -> None:
    on = bench()
    on.host.processes.put("node1")
    on.host.put("node2", table="its own", log="yesterday")
    before = dict(on.host.files.texts)
    with pytest.raises(TimedOut):
        on.run(starting("node2", "node3"))
    assert on.host.processes.running == ["node1"]
    assert not [one for one in on.done if "node1" in one]
    assert on.host.files.texts == before


def test_a_program_that_can_not_be_run_undoes_those_before_it(bench: MakeBench) -> None:
    on = bench()
    error = MissingPrerequisite("can't run redis-server")
    on.host.journal.ambush = fail_at("start node2", error)
    with pytest.raises(MissingPrerequisite) as caught:
        on.run(starting(*THREE))
    assert caught.value is error
    assert on.done == ["start node1", "SIGTERM node1", "forget node1"]
    assert on.host.processes.running == []


def test_with_keep_nothing_is_undone_and_that_is_told(bench: MakeBench) -> None:
    on = bench()
    on.host.journal.ambush = fail_at("start node3", MissingPrerequisite("no"))
    with pytest.raises(MissingPrerequisite):
        on.run(starting(*THREE), keep=True)
    assert on.done == ["start node1", "start node2"]
    assert on.told[-1].text == "kept running: node1, node2; redistopo down stops them"


@pytest.mark.parametrize(
    ("log", "kind", "told"),
    [
        ("# Can't open the log file", NodeDied, "exited right after its start (exit code 1)"),
        ("*** FATAL CONFIG FILE ERROR", NodeDied, "correct that line in the topology file"),
        ("x # Warning: No space left on device", MissingPrerequisite, "the disk is full"),
        (
            "1:M # Unrecoverable error: corrupted cluster config file nodes.conf.",
            NodeDied,
            "redistopo up --rebuild node2",
        ),
        (
            "1:M # Bad file format reading the append only file appendonly.aof",
            NodeDied,
            "no other node has a copy of its data",
        ),
        ("1:M # bind: Address already in use", MissingPrerequisite, "is in use by nginx (pid 5)"),
    ],
)
def test_a_server_that_ends_early_is_explained_by_its_log(
    bench: MakeBench, log: str, kind: type[RedistopoError], told: str
) -> None:
    on = bench(seconds=5)
    on.host.processes.ends_at_once["node2"] = (1, log)
    on.host.ports.held[on.node("node2").port] = "nginx (pid 5)"
    with pytest.raises(RedistopoError) as caught:
        on.run(starting(*THREE))
    assert type(caught.value) is kind
    assert "node2 exited right after its start" in caught.value.message
    assert told in f"{caught.value.message}\n{caught.value.detail}\n{caught.value.hint}"
    assert on.host.processes.running == []
    assert on.host.journal.of("SIGTERM") == ["SIGTERM node1", "SIGTERM node3"]


def test_a_damaged_log_names_who_else_has_the_data(bench: MakeBench) -> None:
    on = bench("replication", replicas=1, seconds=5)
    log = "1:M # Bad file format reading the append only file node.aof.1.incr.aof: make a backup"
    on.host.processes.ends_at_once["node1"] = (1, log)
    aof = on.node("node1").folder.root / "appendonlydir"
    on.host.files.put(aof / "node.aof.manifest", "file node.aof.1.incr.aof seq 1 type i\n")
    on.host.files.put(on.node("node2").folder.root / "dump.rdb", "data")
    with pytest.raises(NodeDied) as caught:
        on.run(starting("node1"))
    assert str(aof / "node.aof.1.incr.aof") in caught.value.detail
    assert "node2 has a copy of its data" in caught.value.detail
    assert "redistopo up --primary node2" in caught.value.hint


def test_ctrl_c_while_servers_are_launched_waits_until_all_are_known(bench: MakeBench) -> None:
    on = bench(seconds=5)
    on.host.journal.ambush = ctrl_c_at(1)
    with pytest.raises(KeyboardInterrupt):
        on.run(starting(*THREE))
    assert on.host.journal.of("start", "ask") == ["start node1", "start node2", "start node3"]
    assert on.host.processes.running == []


@pytest.mark.parametrize("moment", range(9))
def test_ctrl_c_at_any_moment_leaves_nothing_of_this_run(bench: MakeBench, moment: int) -> None:
    on = bench(seconds=5)
    on.host.processes.put("node1")
    on.host.put("node2", table="its own")
    before = dict(on.host.files.texts)
    on.host.journal.ambush = ctrl_c_at(moment)
    with pytest.raises(KeyboardInterrupt):
        on.run(starting("node2", "node3"))
    assert on.host.processes.running == ["node1"]
    assert on.host.files.texts == before
    assert sorted(on.host.journal.of("forget")) == ["forget node2", "forget node3"]


def test_ctrl_c_while_it_is_undone_changes_nothing(bench: MakeBench) -> None:
    on = bench()
    undoing = ctrl_c_at(0)

    def ambush(action: str) -> None:
        if action.startswith("ask"):
            raise ZeroDivisionError
        if action == "SIGTERM node1":
            undoing(action)

    on.host.journal.ambush = ambush
    with pytest.raises(ZeroDivisionError):
        on.run(starting(*THREE))
    assert on.host.processes.running == []
    assert len(on.host.journal.of("forget")) == 3
