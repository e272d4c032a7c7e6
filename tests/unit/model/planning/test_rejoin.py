"""How nodes that were reset come back: captured clusters, with some nodes emptied."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from redistopo.errors import RedistopoError
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.plan_rejoin import (
    NonEmptyReset,
    RejoinPlan,
    non_empty_resets,
    plan_rejoins,
    refuse_more_keys,
    refuse_stranded,
    reset_nodes,
    stale_ids,
)
from redistopo.model.planning.reconcile import reconcile
from redistopo.model.planning.situation import Situation
from redistopo.model.planning.step import StepKind
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.replies import ClusterNodesLine
from redistopo.model.protocol.slots import SlotRange, split_slots
from redistopo.model.remedies.remedy import loses
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.state.record import TopologyState

Seen = Callable[[str, str], Observed]


def _reset(node: NodeSeen, *, hard: bool, alone: bool = True) -> NodeSeen:
    """The node as a CLUSTER RESET leaves it; with `alone` False, as others have met it again."""
    me = node.myself
    assert me is not None
    flags = frozenset({"myself", "master"})
    mine = replace(me, flags=flags, slots=(), primary_id="-", id="f" * 40 if hard else me.id)
    keys = {name: text for name, text in node.info.items() if not name.startswith("db")}
    others = () if alone else tuple(one for one in node.members if not one.myself)
    return replace(node, members=(mine, *others), info={**keys, "role": "master"})


def after(seen: Observed, *names: str, hard: bool = False, alone: bool = True) -> Observed:
    """The cluster after a reset of these nodes; after a hard one the others list a ghost."""

    def left(member: ClusterNodesLine, gone: Iterable[str]) -> ClusterNodesLine:
        ghost = replace(
            member, endpoint=Endpoint("", 0), flags=frozenset({"master", "noaddr"}), slots=()
        )
        return ghost if hard and member.id in gone else member

    gone = {me.id for node in seen.nodes if node.name in names and (me := node.myself)}
    nodes = tuple(
        _reset(node, hard=hard, alone=alone)
        if node.name in names
        else replace(node, members=tuple(left(one, gone) for one in node.members))
        for node in seen.nodes
    )
    return replace(seen, nodes=nodes)


def _silent(seen: Observed, name: str) -> Observed:
    nodes = tuple(
        replace(one, info={}, members=(), error="gone") if one.name == name else one
        for one in seen.nodes
    )
    return replace(seen, nodes=nodes)


def test_nobody_has_strayed_from_a_healthy_cluster(observed: Seen, engine_name: str) -> None:
    seen = observed(engine_name, "cluster")
    assert reset_nodes(seen) == ()
    assert plan_rejoins(seen, 3) == ()
    assert stale_ids(seen) == {}


@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("alone", [False, True])
def test_a_replica_follows_whoever_lacks_one(
    observed: Seen, engine_name: str, hard: bool, alone: bool
) -> None:
    seen = observed(engine_name, "cluster")
    followed = next(one for one in seen.nodes if one.address == seen.nodes[4].follows)
    back = plan_rejoins(after(seen, "node5", hard=hard, alone=alone), 3)
    assert back == (RejoinPlan(name="node5", primary=followed.name),)


def test_a_primary_leads_what_nobody_else_owns(observed: Seen, engine_name: str) -> None:
    seen = observed(engine_name, "cluster")
    led = seen.nodes[1].myself
    assert led is not None
    assert plan_rejoins(after(seen, "node2"), 3) == (RejoinPlan(name="node2", slots=led.slots),)


def test_several_share_what_nobody_owns_as_planned(observed: Seen) -> None:
    seen = after(observed("redis-8.2", "cluster"), "node1", "node2", "node4")
    first, second, third = plan_rejoins(seen, 3)
    shares = split_slots(3)
    assert (first.slots, second.slots) == ((shares[0],), (shares[1],))
    assert third.name == "node4"
    assert third.primary in ("node1", "node2")


def _abandoned(seen: Observed, name: str, info: dict[str, str]) -> Observed:
    """The cluster after another one took a shard, and gave it up: its nodes follow a ghost."""
    me = seen.nodes[int(name[-1]) - 1].myself
    assert me is not None
    ghost = replace(me, id="f" * 40, flags=frozenset({"master", "noaddr"}), slots=())
    ghost = replace(ghost, endpoint=Endpoint("", 0))

    def left(node: NodeSeen) -> NodeSeen:
        mine = node.myself
        others = [one for one in node.members if not one.myself and one.id != me.id]
        if mine is None or me.id not in (mine.id, mine.primary_id):
            return replace(node, members=(*(one for one in node.members if one.id != me.id), ghost))
        flags = frozenset({"myself", "slave"})
        mine = replace(mine, flags=flags, slots=(), primary_id=ghost.id)
        seen_there = {**node.info, "role": "slave", "master_host": "o", "master_port": "9", **info}
        return replace(node, members=(mine, *others, ghost), info=seen_there)

    return replace(seen, nodes=tuple(map(left, seen.nodes)))


def test_a_shard_that_another_cluster_gave_up_is_given_to_no_other_primary(
    observed: Seen, engine_name: str
) -> None:
    seen = _abandoned(observed(engine_name, "cluster"), "node2", {"db0": "keys=3,expires=0"})
    assert plan_rejoins(seen, 3) == ()
    with pytest.raises(RedistopoError, match="took the slots of node2") as told:
        refuse_stranded(seen)
    assert "redistopo down, then: redistopo up --primary node2" in told.value.hint
    assert "what o:9 received" in loses(told.value.hint)
    refuse_stranded(_abandoned(observed(engine_name, "cluster"), "node2", {"db0": ""}))
    refuse_stranded(observed(engine_name, "cluster"))


def test_who_is_silent_may_own_what_seems_to_be_nobodys(observed: Seen) -> None:
    seen = after(observed("redis-8.2", "cluster"), "node4")
    assert plan_rejoins(_silent(seen, "node2"), 3) == ()
    assert stale_ids(_silent(after(seen, "node5", hard=True), "node2")) == {}


def test_a_cluster_of_which_all_nodes_were_reset_is_formed_again(observed: Seen) -> None:
    names = [f"node{n}" for n in range(1, 7)]
    gone = after(observed("redis-8.2", "cluster"), *names, hard=True)
    assert plan_rejoins(gone, 3) == (
        *(RejoinPlan(name=f"node{n}", slots=(split_slots(3)[n - 1],)) for n in (1, 2, 3)),
        *(RejoinPlan(name=f"node{n}", primary=f"node{n - 3}") for n in (4, 5, 6)),
    )
    assert plan_rejoins(_silent(gone, "node2"), 3) == ()


def test_owners_of_the_slots_of_their_keys_alone_get_the_slots_around_them(observed: Seen) -> None:
    names = [f"node{n}" for n in range(1, 7)]
    gone = after(observed("redis-8.2", "cluster"), *names, hard=True)
    shares = split_slots(3)
    own = {
        f"node{n}": SlotRange(one.first + 9, one.last)
        for n, one in zip((4, 5, 6), shares, strict=True)
    }
    nodes = tuple(
        replace(one, members=(replace(one.members[0], slots=(own[one.name],), id=one.name),))
        if one.name in own
        else one
        for one in gone.nodes
    )
    back = plan_rejoins(replace(gone, nodes=nodes), 3)
    assert [(one.name, one.completed, one.primary) for one in back] == [
        *((name, True, "") for name in own),
        *((f"node{n}", False, f"node{n + 3}") for n in (1, 2, 3)),
    ]
    first = [one.slots for one in back if one.completed]
    assert first == [(SlotRange(one.first, one.first + 8),) for one in shares]


def test_a_primary_that_somebody_emptied_by_moving_its_slots_is_left_alone(observed: Seen) -> None:
    seen = observed("redis-8.2", "cluster")
    moved = after(seen, "node2", alone=False)
    me = seen.nodes[0].myself
    assert me is not None
    taken = (SlotRange(0, split_slots(3)[1].last),)
    members = tuple(replace(m, slots=taken) if m.myself else m for m in seen.nodes[0].members)
    nodes = (replace(moved.nodes[0], members=members), *moved.nodes[1:])
    assert plan_rejoins(replace(moved, nodes=nodes), 3) == ()


def test_what_others_forgot_is_introduced_again_but_no_node_of_another_cluster(
    observed: Seen,
) -> None:
    whole = observed("redis-8.2", "cluster")
    gone = whole.nodes[4].myself
    assert gone is not None
    nodes = tuple(
        replace(node, members=tuple(one for one in node.members if one.id != gone.id))
        if node.name != "node5"
        else node
        for node in whole.nodes
    )
    back = RejoinPlan(name="node5", forgotten=True)
    assert plan_rejoins(replace(whole, nodes=nodes), 3) == (back,)
    stranger = replace(nodes[0].members[0], id="e" * 40)
    met = replace(nodes[4], members=(*nodes[4].members, stranger))
    assert plan_rejoins(replace(whole, nodes=(*nodes[:4], met, nodes[5])), 3) == ()


def test_a_removed_primary_whose_slots_were_moved_is_added_without_any(observed: Seen) -> None:
    moved = after(observed("redis-8.2", "cluster"), "node2")
    gone = moved.nodes[1].myself
    assert gone is not None
    taken = (SlotRange(0, split_slots(3)[1].last),)

    def seen_by(node: NodeSeen) -> NodeSeen:
        known = [one for one in node.members if one.myself or one.id != gone.id]
        mine = node.name == "node1"
        members = (replace(one, slots=taken) if mine and one.myself else one for one in known)
        return replace(node, members=tuple(members))

    nodes = tuple(map(seen_by, moved.nodes))
    assert plan_rejoins(replace(moved, nodes=nodes), 3) == (RejoinPlan(name="node2"),)


def test_a_node_with_keys_is_not_taken_for_empty(observed: Seen) -> None:
    seen = after(observed("redis-8.2", "cluster"), "node4")
    info = {**seen.nodes[3].info, "db0": "keys=3,expires=0,avg_ttl=0"}
    nodes = tuple(replace(one, info=info) if one.name == "node4" else one for one in seen.nodes)
    assert reset_nodes(replace(seen, nodes=nodes)) == ()


def _with_keys(seen: Observed, keys: int, *slots: SlotRange) -> Observed:
    """node4 alone, with that many keys from its disk, in those slots; node1 has 5."""

    def full(node: NodeSeen) -> NodeSeen:
        if node.name == "node1":
            return replace(node, info={**node.info, "db0": "keys=5,expires=0,avg_ttl=0"})
        if node.name != "node4":
            return node
        info = {**node.info, "db0": f"keys={keys},expires=0,avg_ttl=0"}
        return replace(node, info=info, members=(replace(node.members[0], slots=slots),))

    return replace(seen, nodes=tuple(map(full, seen.nodes)))


@pytest.mark.parametrize(("keys", "safe"), [(5, True), (6, False)])
def test_keys_that_came_back_from_a_disk(observed: Seen, keys: int, safe: bool) -> None:
    reset = after(observed("redis-8.2", "cluster"), "node4")
    me = reset.nodes[0].myself
    assert me is not None
    first, last = me.slots[0].first, me.slots[-1].last
    seen = _with_keys(reset, keys, SlotRange(first, first), SlotRange(first + 2, first + 3))
    found = NonEmptyReset(name="node4", primary="node1", keys=keys, safe=safe)
    assert non_empty_resets(seen) == (found,)
    assert non_empty_resets(_silent(seen, "node2")) == ()
    if safe:
        refuse_more_keys([found])
    else:
        with pytest.raises(RedistopoError, match="more keys on disk than node1"):
            refuse_more_keys([found])
    # what no other leads, or two do, nobody is said to have
    assert non_empty_resets(_with_keys(reset, keys, SlotRange(last, last + 1))) == ()
    assert non_empty_resets(reset) == ()


def test_a_new_id_leaves_a_ghost_and_orphans(observed: Seen) -> None:
    whole = observed("redis-8.2", "cluster")
    seen = after(whole, "node2", hard=True)
    old = whole.nodes[1].myself
    assert old is not None
    assert stale_ids(seen) == {f"node{n}": (old.id,) for n in (1, 3, 4, 5, 6)}
    orphan = next(one.name for one in whole.nodes if one.follows == whole.nodes[1].address)
    assert plan_rejoins(seen, 3) == (
        RejoinPlan(name="node2", slots=old.slots),
        RejoinPlan(name=orphan, primary="node2", orphan=True),
    )


def test_who_follows_a_stranger_is_left_alone(observed: Seen) -> None:
    seen = observed("redis-8.2", "cluster")
    me = seen.nodes[3].myself
    assert me is not None
    stranger = replace(
        seen.nodes[0].members[0],
        id="e" * 40,
        endpoint=Endpoint("127.0.0.1", 9999),
        flags=frozenset({"master"}),
        slots=(),
    )
    members = (replace(me, primary_id=stranger.id), stranger)
    nodes = tuple(replace(n, members=members) if n.name == "node4" else n for n in seen.nodes)
    assert plan_rejoins(replace(seen, nodes=nodes), 3) == ()


def test_the_steps_of_up(observed: Seen, plan: Callable[..., Plan]) -> None:
    seen = after(observed("redis-8.2", "cluster"), "node2", hard=True)
    made = plan(formation="instant", auth=False)
    record = TopologyState(id="1", name="", shape="cluster", created="", nodes=(), formed=True)
    steps = reconcile(made, Situation(seen=seen, record=record))
    assert [one.do for one in steps] == [StepKind.REJOIN, StepKind.REJOIN, StepKind.FORGET]
    assert str(steps[0]) == "add to the cluster node2, as primary of slots 5461-10922"
    assert str(steps[1]).endswith(", as a replica of node2")
