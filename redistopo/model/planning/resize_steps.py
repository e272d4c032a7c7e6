"""The steps that add and remove nodes, and let nodes that were reset rejoin; pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from redistopo.model.planning.form_cluster import NODE_TIMEOUT
from redistopo.model.planning.new_nodes import as_started
from redistopo.model.planning.node_start import start_steps, write_steps
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.plan_rejoin import (
    RejoinPlan,
    non_empty_resets,
    plan_rejoins,
    stale_ids,
)
from redistopo.model.planning.resizing import Leaving, leaving_nodes, moves_for_shards
from redistopo.model.planning.situation import Situation
from redistopo.model.planning.step import NodeSettings, Step, StepKind
from redistopo.model.protocol.sentinel_replies import MonitoredPrimary
from redistopo.model.state.observed import Observed, Role

_NEW_TIMEOUT = 500


def resize_steps(plan: Plan, now: Situation, new: Collection[str]) -> Iterable[Step]:
    """Yield the steps to the file's number of nodes, of a topology without Sentinels.

    New nodes wait until all others reply, and so does a removal. Nodes that were reset rejoin once
    they are empty, and their old ids are forgotten.
    """
    seen, leaving = now.seen, leaving_nodes(plan, now.seen)
    if not plan.topology.clustered:
        yield from _ending(plan, leaving)
        return
    if full := non_empty_resets(seen):
        yield from (Step(do=StepKind.RESET, nodes=(one.name,), cause=one.cause) for one in full)
        return
    others = [node for node in seen.nodes if node.name not in new]
    if new and all(node.answers for node in others):
        names, why = tuple(new), _more(plan)
        yield from write_steps(plan, seen, names, why)
        yield from start_steps(plan, now, names, why)
        seen = as_started(seen, new)
    stay = tuple(node for node in seen.nodes if node.name not in leaving.removed)
    topology = plan.topology
    joins = plan_rejoins(replace(seen, nodes=stay), topology.shards, topology.hosts)
    for one in joins:
        yield from _joining(plan, one, joins, new)
    if found := stale_ids(seen, topology.hosts):
        why = "a node was reset and has a new id"
        yield Step(do=StepKind.FORGET, nodes=tuple(found), cause=why, ids=found)
    yield from _moving(plan, now, seen, leaving, joins)
    yield from _removing(plan, leaving)


def _joining(
    plan: Plan, one: RejoinPlan, joins: Iterable[RejoinPlan], new: Collection[str]
) -> Iterable[Step]:
    """A new primary with a replica first follows that one, and is promoted: a server that starts
    as primary replies CLUSTERDOWN for 2 s (cluster_legacy.c, CLUSTER_WRITABLE_DELAY)."""
    why, settings = _more(plan) if one.name in new else one.cause, _lower_timeout(plan, one)
    other = next((two.name for two in joins if two.primary == one.name and two.name in new), "")
    if one.name in new and other and not one.slots:
        both = (one.name, other)
        yield Step(do=StepKind.REJOIN, nodes=both, cause=why, settings=settings)
        why = "a promoted replica accepts keys at once, a new primary after 2 s"
        yield Step(do=StepKind.TAKEOVER, nodes=(one.name,), cause=why)
        return
    yield Step(do=StepKind.REJOIN, nodes=one.nodes, cause=why, slots=one.slots, settings=settings)


def _lower_timeout(plan: Plan, one: RejoinPlan) -> Mapping[str, NodeSettings]:
    """A node announces its new role in its next ping, see `form_cluster`; it has no data yet."""
    if one.forgotten or one.completed:
        return {}
    value = str(min(_NEW_TIMEOUT, plan.topology.node_timeout))
    return {one.name: {NODE_TIMEOUT: value}}


def _moving(
    plan: Plan, now: Situation, seen: Observed, leaving: Leaving, joins: Iterable[RejoinPlan]
) -> Iterable[Step]:
    """Moves on record are finished as they are, which may give an empty shard its slots. Nodes that
    join have a lower node timeout until then, except while they get keys, and again afterwards."""
    if now.moving and not leaving.nodes:
        return
    if moves := moves_for_shards(seen, leaving.nodes, joins):
        ends = dict.fromkeys(name for one in moves for name in (one.source, one.target))
        empty = any(one.source in leaving.nodes for one in moves)
        why = "the shard is removed" if empty else "a shard has no slots"
        settings = {name: one for join in joins for name, one in _lower_timeout(plan, join).items()}
        yield Step(do=StepKind.MOVE, nodes=tuple(ends), cause=why, moves=moves, settings=settings)


def _removing(plan: Plan, leaving: Leaving) -> Iterable[Step]:
    """Nodes that are in no shard any more were reset already."""
    if leaving.nodes:
        why = _fewer(plan) if leaving.removed else "a shard has no slots and no nodes of its own"
        yield Step(do=StepKind.REMOVE, nodes=leaving.nodes, cause=why)
    yield from _ending(plan, leaving)


def _ending(plan: Plan, leaving: Leaving) -> Iterable[Step]:
    if leaving.removed:
        yield Step(do=StepKind.END, nodes=leaving.removed, cause=_fewer(plan))


def without_removed(plan: Plan, now: Situation) -> Situation:
    """Return the situation without the drift of nodes that are removed."""
    gone = leaving_nodes(plan, now.seen).removed
    left = {name: some for name, some in now.drifts.items() if name not in gone}
    return replace(now, drifts=left) if gone else now


def sentinel_steps(plan: Plan, now: Situation) -> Iterable[Step]:
    """Yield the steps that remove surplus Sentinels and replicas, and make Sentinels discover new
    replicas and forget former nodes: they count these forever, and query a primary for its
    replicas only every 10 s (sentinel.c, SENTINEL_INFO_PERIOD)."""
    known = {one.address for node in now.seen.sentinels for w in node.watches for one in w.replicas}
    absent = [plan.node(node.name) for node in now.seen.nodes if not node.running]
    if known and any(node.role is Role.REPLICA and node.address not in known for node in absent):
        names = tuple(node.name for node in now.seen.sentinels)
        why = "they query the primary for its replicas every 10 s"
        yield Step(do=StepKind.DISCOVER, nodes=names, cause=why)
    if absent:
        return
    leaving = leaving_nodes(plan, now.seen)
    yield from _ending(plan, leaving)
    gone = {node.address for node in plan.nodes if node.name in leaving.removed}
    # what a primary lists, Sentinels discover again after any reset
    listed = {one.address for node in now.seen.answering for one in node.replicas}
    known = ({node.address for node in plan.nodes} - gone) | listed
    stay = [one for one in now.seen.sentinels if one.name not in leaving.removed]
    wrong = tuple(
        node.name for node in stay if any(_miscounts(one, known, gone) for one in node.watches)
    )
    if wrong:
        why = "they still count a node that was removed"
        yield Step(do=StepKind.RECOUNT, nodes=wrong, cause=why)


def _miscounts(watch: MonitoredPrimary, known: Collection[str], gone: Collection[str]) -> bool:
    """Whether a Sentinel counts nodes that are removed now, or were before: another replica that is
    up may be the user's own."""
    others = any(one.address not in known for one in watch.sentinels)
    return others or any(
        one.address in gone or (one.down and one.address not in known) for one in watch.replicas
    )


def _more(plan: Plan) -> str:
    return f"{plan.layout.topology.name} asks for more nodes"


def _fewer(plan: Plan) -> str:
    return f"{plan.layout.topology.name} asks for fewer nodes"
