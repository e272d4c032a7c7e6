"""Guards: what each refuses, in which order they speak, and what a decision is without them."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from redistopo.errors import MissingPrerequisite, RedistopoError
from redistopo.model.planning.decide_up import decide
from redistopo.model.planning.guards import GUARDS, guard, limit_warnings
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.plan_node_reset import NodeReset
from redistopo.model.planning.proposal import Asked, Proposal
from redistopo.model.planning.resource_limits import Limits
from redistopo.model.planning.situation import Situation
from redistopo.model.planning.step import Step, StepKind
from redistopo.model.protocol.conf import read_conf
from redistopo.model.protocol.engine import Version
from redistopo.model.state.disk import DiskSeen, FileSeen
from redistopo.model.state.observed import NodeSeen, Observed, ProcessState, Role
from redistopo.model.state.record import TopologyState
from redistopo.model.state.unix_socket import UnixSocketSeen

Planned = Callable[..., Plan]

WIDE = Limits(files=1 << 20, server_files=1 << 20, tasks=None)
LOCKED, OPEN = "bind 127.0.0.1\nrequirepass x", "bind 0.0.0.0"


def _now(plan: Plan, **changed: object) -> Situation:
    nodes = (
        NodeSeen(
            name=node.name,
            endpoint=node.endpoint,
            process=ProcessState.ABSENT,
            error="not running",
            disk=DiskSeen(),
        )
        for node in plan.nodes
    )
    seen = Observed(shape=plan.topology.shape, nodes=tuple(nodes))
    wanted = {node.name: read_conf(LOCKED) for node in plan.nodes}
    return replace(Situation(seen=seen, wanted=wanted, limits=WIDE), **changed)  # type: ignore[arg-type]


def _changed(now: Situation, name: str, **changed: object) -> Situation:
    nodes = tuple(
        replace(one, **changed) if one.name == name else one  # type: ignore[arg-type]
        for one in now.seen.nodes
    )
    return replace(now, seen=replace(now.seen, nodes=nodes))


def _exposed(now: Situation) -> Situation:
    return replace(now, wanted={**now.wanted, "node2": read_conf(OPEN)})


def _socket_taken(now: Situation) -> Situation:
    taken = UnixSocketSeen(path="/s", pid=7, program="nginx (pid 7)")
    return replace(now, sockets={"node2": taken})


def _busy(now: Situation) -> Situation:
    held = _changed(now, "node2", held_by="port 2 is held by nginx (pid 7)")
    return replace(held, free_ports="; or set port = 9000 in redistopo.toml: 9000 is free")


def _renamed(now: Situation) -> Situation:
    files = {"dump.rdb": FileSeen(written=1, size=9)}
    wanted = {**now.wanted, "node1": read_conf(f"{LOCKED}\ndbfilename b.rdb")}
    disk = DiskSeen(files=files, started="appendonly no")
    return _changed(replace(now, wanted=wanted), "node1", disk=disk)


def _poor(now: Situation) -> Situation:
    return replace(now, limits=Limits(files=10, server_files=10, tasks=None))


# what is wrong, its refusal; from the first that speaks to the last
WRONG: list[tuple[Callable[[Situation], Situation], str]] = [
    (_exposed, "node2 would accept any client"),
    (_socket_taken, "unixsocket of node2 is /s: nginx (pid 7) listens there"),
    (_renamed, "dbfilename is b.rdb in the topology file, but the data of node1 is in dump.rdb"),
    (_busy, "a port is in use"),
    (_poor, "a limit of this system is too low"),
]


@pytest.mark.parametrize(("wrong", "told"), WRONG, ids=[one.__name__ for one, _ in WRONG])
def test_what_is_refused(plan: Planned, wrong: Callable[[Situation], Situation], told: str) -> None:
    made = plan("replication", replicas=1)
    found = decide(made, wrong(_now(made)), Asked())
    assert found.refusal is not None
    assert told in found.refusal.message
    assert found.steps == ()


def test_the_first_that_refuses_speaks(plan: Planned) -> None:
    made = plan("replication", replicas=1)
    now = _now(made)
    for wrong, told in reversed(WRONG):
        now = wrong(now)
        found = decide(made, now, Asked())
        assert found.refusal is not None
        assert told in found.refusal.message


def test_each_guard_stands_once() -> None:
    assert len(set(GUARDS)) == len(GUARDS)


def test_nothing_wrong_leaves_the_steps(plan: Planned) -> None:
    made = plan("replication", replicas=1)
    found = decide(made, _now(made), Asked())
    assert found.refusal is None
    assert [(str(one), one.after) for one in found.steps] == [
        ("write the configuration of node1, node2", ()),
        ("start node1", (0,)),
        ("start node2", (0, 1)),
    ]


def test_a_formation_without_its_program_is_refused(plan: Planned) -> None:
    made = plan("cluster", formation="redis-cli")
    bare = replace(made, engine=replace(made.engine, cli=""))
    found = decide(bare, _now(bare), Asked())
    assert found.refusal is not None
    assert "no redis-cli or valkey-cli was found" in found.refusal.message
    # on a machine without any server, nothing is known of its CLI either
    assumed = replace(made, engine=replace(made.engine, cli="", path=""))
    assert decide(assumed, _now(assumed), Asked()).refusal is None


def test_others_ports_and_limits_are_not_asked_for(plan: Planned) -> None:
    """A start of node1 goes on, whoever holds node2's port; without a start no limit counts."""
    made = plan("replication", replicas=1)
    start = Step(do=StepKind.START, nodes=("node1",), cause="asked for")
    asked = Asked(among=("node1",))
    guard(Proposal(plan=made, now=_busy(_now(made)), steps=(start,), asked=asked))
    write = Step(do=StepKind.WRITE, nodes=("node1",), cause="asked for")
    guard(Proposal(plan=made, now=_poor(_now(made)), steps=(write,)))
    with pytest.raises(RedistopoError, match="a limit of this system"):
        guard(Proposal(plan=made, now=_poor(_now(made)), steps=(write, start)))


def test_each_limit_that_is_too_low_has_its_remedy(plan: Planned) -> None:
    """With one of them alone, the next `up` would be refused for the other."""
    made = plan("replication", replicas=1)
    now = replace(_now(made), limits=Limits(files=10, server_files=10, tasks=1))
    start = Step(do=StepKind.START, nodes=("node1",), cause="not running")
    with pytest.raises(RedistopoError, match="a limit of this system") as caught:
        guard(Proposal(plan=made, now=now, steps=(start,)))
    assert "ulimit -n" in caught.value.hint
    assert "; and stop some of your programs" in caught.value.hint


def test_data_that_the_engine_to_start_can_not_read(plan: Planned) -> None:
    made = plan("replication", replicas=1)
    older = replace(made, engine=replace(made.engine, version=Version(6, 2, 0)))
    record = TopologyState(
        id="0" * 16,
        name="t",
        shape="replication",
        created="",
        formed=True,
        nodes=(),
        engine="redis 8.2",
    )
    data = DiskSeen(files={"dump.rdb": FileSeen(written=1, size=9)})
    now = _changed(_now(older, record=record), "node1", disk=data)
    start = Step(do=StepKind.START, nodes=("node1",), cause="not running")
    with pytest.raises(MissingPrerequisite, match=r"can't read data that redis 8\.2 wrote"):
        guard(Proposal(plan=older, now=now, steps=(start,)))
    # nor does it matter to what starts nothing, or without data
    guard(Proposal(plan=older, now=now, steps=()))
    guard(Proposal(plan=older, now=_now(older, record=record), steps=(start,)))


def test_a_server_to_change_must_reply(plan: Planned) -> None:
    made = plan("replication", replicas=1)
    now = _changed(_now(made), "node1", process=ProcessState.RUNNING, error="timed out")
    change = Step(do=StepKind.CORRECT, nodes=("node2",), cause="set")
    with pytest.raises(RedistopoError, match="node2 runs, but doesn't reply"):
        guard(Proposal(plan=made, now=now, steps=(change,)))
    guard(Proposal(plan=made, now=now, steps=(replace(change, do=StepKind.WRITE),)))


def test_a_reset_that_loses_keys_needs_force(plan: Planned) -> None:
    made = plan("cluster")
    reset = NodeReset(
        name="node1", id="a" * 40, hard=True, role=Role.PRIMARY, shard=1, slots="0-5460",
        keys=3, replicas=(), lost="3 keys lost", instead="redistopo start",
    )  # fmt: skip
    proposal = Proposal(plan=made, now=_now(made), steps=(), asked=Asked(among=()), reset=reset)
    with pytest.raises(RedistopoError, match="node1 is not reset: 3 keys lost") as caught:
        guard(proposal)
    assert caught.value.hint == (
        "redistopo start; redistopo reset node1 --hard --force gives it up"
    )
    guard(replace(proposal, asked=Asked(among=(), force=True)))
    guard(replace(proposal, reset=replace(reset, lost="")))


def test_fewer_clients_are_a_warning(plan: Planned) -> None:
    made = plan("replication", replicas=1)
    few = Limits(files=5000, server_files=5000, tasks=None)
    found = decide(made, _now(made, limits=few), Asked())
    assert found.refusal is None
    (told,) = found.warnings
    assert "the server will lower maxclients to" in told
    assert "(the same for node1, node2)" in told
    assert not list(limit_warnings(Proposal(plan=made, now=_now(made), steps=found.steps)))
