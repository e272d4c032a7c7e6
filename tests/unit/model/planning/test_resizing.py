"""Which nodes leave, and what moves: captured clusters, and what they would look like."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace

import pytest
from support.scene import Scene

from redistopo.errors import UsageError
from redistopo.model.planning.new_nodes import as_started, new_nodes
from redistopo.model.planning.placement import current_slots, with_current_placement
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.plan_rejoin import plan_rejoins
from redistopo.model.planning.proposal import Proposal
from redistopo.model.planning.reconcile import reconcile
from redistopo.model.planning.resize_warnings import resize_warnings
from redistopo.model.planning.resizing import (
    Leaving,
    leaving_nodes,
    moves_for_shards,
    refuse_opposite_changes,
)
from redistopo.model.planning.situation import Situation
from redistopo.model.planning.step import Step, StepKind
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.state.disk import DiskSeen
from redistopo.model.state.observed import NodeSeen, Observed, ProcessState
from redistopo.model.state.record import TopologyState
from redistopo.model.state.shards import shards_of

Seen = Callable[[str, str], Observed]
RECORD = TopologyState(id="1", name="t", shape="cluster", created="", formed=True, nodes=())


def _file(made: Plan, **keys: int) -> Plan:
    """The plan of what runs, after an edit of the file."""
    return replace(made, topology=replace(made.topology, **keys))


@pytest.fixture
def cluster(plan: Callable[..., Plan]) -> Plan:
    return plan(formation="instant", auth=False)


def test_nothing_leaves_a_topology_as_the_file_has_it(
    observed: Seen, cluster: Plan, engine_name: str
) -> None:
    seen = observed(engine_name, "cluster")
    assert leaving_nodes(cluster, seen) == Leaving()
    assert moves_for_shards(seen, ()) == ()


def test_no_primary_leaves_for_fewer_replicas(observed: Seen, cluster: Plan) -> None:
    seen = observed("redis-8.2", "cluster")
    leaving = leaving_nodes(_file(cluster, replicas=0), seen)
    replicas = {node.name for shard in shards_of(seen) for node in shard.replicas}
    assert {*leaving.nodes} == {*leaving.removed} == replicas
    assert moves_for_shards(seen, leaving.nodes) == ()


def test_the_youngest_shard_leaves_with_its_replica(observed: Seen, cluster: Plan) -> None:
    seen = observed("redis-8.2", "cluster")
    leaving = leaving_nodes(_file(cluster, shards=2), seen)
    oldest = {min(int(node.name[4:]) for node in one.nodes): one for one in shards_of(seen)}
    last = oldest[max(oldest)]
    assert last.primary is not None
    assert {*leaving.removed} == {node.name for node in last.nodes}
    assert leaving.nodes[-1] == last.primary.name
    moves = moves_for_shards(seen, leaving.nodes)
    assert {one.source for one in moves} == {last.primary.name}
    assert sum(map(len, moves)) == sum(map(len, last.slots))
    shares = {one.target: len(one) for one in moves}
    assert len(shares) == 2
    assert max(shares.values()) - min(shares.values()) <= 2


def test_the_least_good_replica_leaves(
    scene: Callable[[str, str], Scene], plan: Callable[..., Plan]
) -> None:
    def removed(some: Scene) -> tuple[str, ...]:
        return leaving_nodes(_file(plan("replication"), replicas=1), some.seen).removed

    made = scene("redis-8.2", "replication")
    replicas = [node.name for node in made.seen.nodes if node.follows]
    first, last = replicas
    assert removed(made) == (last,)  # of two equal ones, the younger
    far = made.info(last, slave_repl_offset=1 << 22)
    assert removed(far.info(first, slave_repl_offset=(1 << 22) - 100)) == (last,)
    behind = far.info(first, slave_repl_offset=1)
    assert removed(behind) == (first,)
    cut = behind.info(last, master_link_status="down")
    assert removed(cut) == (last,)


def test_nothing_leaves_while_a_node_is_silent(observed: Seen, cluster: Plan) -> None:
    seen = observed("redis-8.2", "cluster")
    nodes = tuple(
        replace(one, info={}, members=(), error="gone") if one.name == "node1" else one
        for one in seen.nodes
    )
    assert leaving_nodes(_file(cluster, shards=2), replace(seen, nodes=nodes)) == Leaving()


def _with_new(seen: Observed, *names: str) -> Observed:
    disk = DiskSeen()
    new = tuple(
        NodeSeen(
            name=name,
            endpoint=Endpoint("127.0.0.1", 16000 + int(name[4:])),
            process=ProcessState.ABSENT,
            error="not running",
            disk=disk,
        )
        for name in names
    )
    old = (replace(one, disk=DiskSeen(nodes_conf=_table(one))) for one in seen.nodes)
    return replace(seen, nodes=(*old, *new))


def _table(node: NodeSeen) -> str:
    """Its nodes.conf, as the server would write it."""
    lines = [
        f"{one.id} {one.host}:{one.port}@{one.bus_port} {','.join(sorted(one.flags, reverse=True))}"
        f" {one.primary_id or '-'} 0 0 {one.epoch} connected {' '.join(map(str, one.slots))}"
        for one in node.members
    ]
    return "\n".join(
        [*(line.rstrip() for line in lines), "vars currentEpoch 9 lastVoteEpoch 0", ""]
    )


def test_new_nodes_become_a_shard_with_its_share(observed: Seen, plan: Callable[..., Plan]) -> None:
    seen = _with_new(observed("redis-8.2", "cluster"), "node7", "node8")
    made = plan(formation="instant", auth=False, shards=4)
    assert new_nodes(made, RECORD, seen) == ("node7", "node8")
    started = as_started(seen, ("node7", "node8"))
    joins = plan_rejoins(started, 4)
    assert [(one.name, one.primary) for one in joins] == [("node7", ""), ("node8", "node7")]
    moves = moves_for_shards(started, (), joins)
    assert {one.target for one in moves} == {"node7"}
    assert sum(map(len, moves)) == 4096


def test_the_steps_to_a_new_shard(observed: Seen, plan: Callable[..., Plan]) -> None:
    seen = _with_new(observed("redis-8.2", "cluster"), "node7", "node8")
    made = plan(formation="instant", auth=False, shards=4)
    new = tuple(replace(made.nodes[n], endpoint=seen.nodes[n - 2].endpoint) for n in (6, 7))
    made = replace(made, nodes=(*made.nodes[:6], *new))
    steps = [str(one) for one in reconcile(made, Situation(seen=seen, record=RECORD))]
    assert [one for one in steps if not one.startswith("correct")] == [
        "write the configuration of node7, node8",
        "start node7, node8",
        "add to the cluster node7, as a replica of node8",
        "promote node7",
        "add to the cluster node8, as a replica of node7",
        "move 4096 slots from node2, node1, node3 to node7",
    ]


def test_new_nodes_become_replicas_of_each_shard(observed: Seen, plan: Callable[..., Plan]) -> None:
    names = ("node7", "node8", "node9")
    started = as_started(_with_new(observed("redis-8.2", "cluster"), *names), names)
    joins = plan_rejoins(started, 3)
    leads = {one.primary.name for one in shards_of(started) if one.primary and one.slots}
    assert {one.primary for one in joins} == leads
    assert moves_for_shards(started, (), joins) == ()


def test_a_lost_folder_is_no_new_node(observed: Seen, plan: Callable[..., Plan]) -> None:
    """The other nodes know its address: it would start as a stranger to them."""
    seen = _with_new(observed("redis-8.2", "cluster"))
    lost = replace(seen.nodes[0], process=ProcessState.ABSENT, info={}, members=(), disk=DiskSeen())
    assert new_nodes(plan(), RECORD, replace(seen, nodes=(lost, *seen.nodes[1:]))) == ()


@pytest.mark.parametrize(
    ("shards", "replicas", "refused"), [(2, 2, True), (1, 2, True), (1, 3, True), (2, 1, False)]
)
def test_fewer_shards_with_more_replicas_are_two_changes(
    observed: Seen, cluster: Plan, shards: int, replicas: int, refused: bool
) -> None:
    """Also where fewer nodes than now would do: a node keeps its shard."""
    asked = _file(cluster, shards=shards, replicas=replicas)
    now = Situation(seen=observed("redis-8.2", "cluster"), record=RECORD)
    with (
        pytest.raises(UsageError, match="more replicas and fewer shards")
        if refused
        else (nullcontext())
    ):
        refuse_opposite_changes(Proposal(plan=asked, now=now, steps=()))


def test_a_shard_that_lost_its_slots_is_no_change_of_the_file(
    observed: Seen, cluster: Plan
) -> None:
    """Its nodes are replicas of another shard then: `reset` gives it slots again."""
    now = Situation(seen=observed("redis-8.2", "cluster"), record=RECORD)
    asked = _file(cluster, shards=6, replicas=0)  # 6 nodes of 3 shards with slots
    refuse_opposite_changes(Proposal(plan=asked, now=now, steps=()))


def test_new_nodes_are_shown_where_they_will_be(observed: Seen, plan: Callable[..., Plan]) -> None:
    """A primary without slots yet, and its replica: not where a first division would put them."""
    seen = observed("redis-8.2", "cluster")
    asked = plan(formation="instant", auth=False, shards=4)
    joins = (("node7", "node8"), ("node8", "node7"))
    steps = [Step(do=StepKind.REJOIN, nodes=one, cause="") for one in joins]
    steps.insert(1, Step(do=StepKind.TAKEOVER, nodes=("node7",), cause=""))
    placed = with_current_placement(asked, seen, steps)
    assert [(node.shard, node.follows) for node in placed.nodes[6:]] == [(4, ""), (4, "node7")]
    assert current_slots(asked, seen, steps)["node7"] == ""


@pytest.mark.parametrize(
    ("shards", "replicas", "ended", "told"),
    [
        (2, 1, ("node6", "node3"), "with 2 shards, no replica is promoted"),
        (1, 1, ("node6", "node3"), "with 1 shard, no replica is promoted"),
        (3, 0, ("node4",), "without replicas, the data of a node that is down"),
        (3, 1, ("node4",), ""),
        (2, 1, (), ""),
    ],
)
def test_what_fewer_nodes_can_not_do_is_told_before(
    observed: Seen, cluster: Plan, shards: int, replicas: int, ended: tuple[str, ...], told: str
) -> None:
    asked = _file(cluster, shards=shards, replicas=replicas)
    now = Situation(seen=observed("redis-8.2", "cluster"), record=RECORD)
    steps = (Step(do=StepKind.END, nodes=ended, cause=""),)
    warned = tuple(resize_warnings(Proposal(plan=asked, now=now, steps=steps)))
    assert len(warned) == bool(told)
    assert all(one.startswith(told) for one in warned)
