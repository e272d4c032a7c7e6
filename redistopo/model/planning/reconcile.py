"""Reconciles the plan with the snapshot: the steps of `up`, empty if nothing is to be done."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from redistopo.model.planning.form_cluster import faster_cron, form_step
from redistopo.model.planning.gossip_repairs import gossip_repairs
from redistopo.model.planning.leadership import primaries_to_promote
from redistopo.model.planning.new_nodes import new_nodes
from redistopo.model.planning.node_start import start_steps, write_steps
from redistopo.model.planning.plan import FormationMethod, Plan
from redistopo.model.planning.resize_steps import resize_steps, sentinel_steps, without_removed
from redistopo.model.planning.rewrite_logs import rewrite_steps
from redistopo.model.planning.settle_steps import settle_steps
from redistopo.model.planning.situation import Situation
from redistopo.model.planning.spread_roles import spread_steps
from redistopo.model.planning.step import USERS_FILE, Drifts, NodeSettings, Step, StepKind, linked
from redistopo.model.state.observed import NodeSeen, Observed, Role


def reconcile(plan: Plan, situation: Situation) -> tuple[Step, ...]:
    """Return the steps to the desired state, in order; `plan` has the current roles.

    If the first `up` of a cluster was interrupted, its nodes are started and inspected first;
    it is created again only if no node holds a key.
    """
    return linked(plan, _steps(plan, situation))


def _steps(plan: Plan, situation: Situation) -> tuple[Step, ...]:
    if unsteady := tuple(_unsteady(situation.seen)):
        return unsteady  # their data, and so the other steps, can be determined afterwards
    absent = tuple(node for node in situation.seen.nodes if not node.running)
    ended = tuple(_left_running(situation))
    if plan.topology.clustered and not situation.formed:
        return _unformed(plan, situation, absent)
    if plan.topology.sentinels:
        return (*ended, *_with_sentinels(plan, situation))
    new = new_nodes(plan, situation.record, situation.seen)
    missing = tuple(node for node in absent if node.name not in new)
    found = (
        *ended,
        *_promoted(plan, situation.seen),
        *_start_absent(plan, situation, missing, _to_follow(plan, situation.seen)),
        *_chained(plan, situation.seen),
        *gossip_repairs(situation.seen),
        *(tuple(settle_steps(situation.seen)) or resize_steps(plan, situation, new)),
        *_correct(plan, without_removed(plan, situation)),
    )
    return found or tuple(spread_steps(plan.topology.hosts, situation.seen))


def _promoted(plan: Plan, seen: Observed) -> Iterable[Step]:
    why = "its primary isn't running and has no log of its writes"
    for one in primaries_to_promote(plan, seen):
        yield Step(do=StepKind.TAKEOVER, nodes=(one,), cause=why)


def _unsteady(seen: Observed) -> Iterable[Step]:
    """A shutdown that waits for replicas is cancelled first: a resumed replica would let it end."""
    if ending := tuple(node.name for node in seen.nodes if node.ending):
        why = "a shutdown waits for its replicas"
        yield Step(do=StepKind.ABORT, nodes=ending, cause=why)
    if paused := tuple(node.name for node in seen.nodes if node.paused):
        yield Step(do=StepKind.RESUME, nodes=paused, cause="paused by SIGSTOP")


def _left_running(now: Situation) -> Iterable[Step]:
    if now.left:
        yield Step(do=StepKind.END, nodes=now.left, cause="it was removed, but still runs")


def _with_sentinels(plan: Plan, situation: Situation) -> tuple[Step, ...]:
    """Steps with Sentinels, which decide which node is primary. While they can promote a running
    replica, a stopped primary is not started before that: there would be two primaries."""
    running = {node.name for node in situation.seen.running}
    absent = tuple(node for node in situation.seen.nodes if node.name not in running)
    data = tuple(node for node in absent if plan.node(node.name).role is not Role.SENTINEL)
    watching = tuple(_sentinels(plan, situation, running))
    if chosen := _chosen_instead(plan, situation):
        return (
            *_monitored(plan, situation),
            *_start_absent(plan, situation, data, _to_follow(plan, chosen)),
            *watching,
            *_introduced(plan),
        )
    if _orphaned(plan, situation):
        why = f"the primary {plan.shards[0].primary} isn't running, but a replica is"
        nodes = tuple(node.name for node in plan.sentinels)
        return (*watching, Step(do=StepKind.FAILOVER, nodes=nodes, cause=why))
    alone = not running & {one.name for one in plan.sentinels}
    return (
        *_demote(plan, situation),
        *_start_absent(plan, situation, data, _to_follow(plan, situation.seen) if alone else ()),
        *watching,
        *_monitored(plan, situation),
        *sentinel_steps(plan, situation),
        *_correct(plan, without_removed(plan, situation)),
    )


def _chosen_instead(plan: Plan, situation: Situation) -> Observed | None:
    """The snapshot, if the user chose another primary than the one that the Sentinels name."""
    named = situation.named
    return situation.seen if named and named != plan.shards[0].primary else None


def _monitored(plan: Plan, situation: Situation) -> Iterable[Step]:
    """Make running Sentinels monitor the planned primary that monitor another one, or none."""
    lead, chosen = plan.shards[0].primary, _chosen_instead(plan, situation)
    sentinels = situation.seen.sentinels
    names = tuple(one.name for one in sentinels if chosen or one.config == {})
    if names:
        why = f"{lead} was chosen as primary" if chosen else "they monitor no primary"
        yield Step(do=StepKind.MONITOR, nodes=names, cause=why)


def _introduced(plan: Plan) -> Iterable[Step]:
    if len(plan.sentinels) > 1:
        everyone = tuple(node.name for node in plan.sentinels)
        why = "they would discover each other only after 2 s"
        yield Step(do=StepKind.MEET, nodes=everyone, cause=why)


def _demote(plan: Plan, situation: Situation) -> Iterable[Step]:
    """Demote surplus primaries at once: Sentinels would wait 8 s (sentinelRefreshInstanceInfo)."""
    named = plan.shards[0].primary
    primaries = [one.name for one in situation.seen.running if one.role is Role.PRIMARY]
    if situation.named and named in primaries and primaries != [named]:
        others = tuple(name for name in primaries if name != named)
        yield Step(do=StepKind.LEAD, nodes=(named, *others), cause=f"the Sentinels name {named}")


def _orphaned(plan: Plan, situation: Situation) -> bool:
    """Whether Sentinels could promote a running replica in place of a stopped primary."""
    if not situation.formed or not situation.named or situation.refused:
        return False
    if any(one.name == plan.shards[0].primary for one in situation.seen.running):
        return False
    return any(
        node.role is Role.REPLICA and node.info.get("slave_priority") != "0"
        for node in situation.seen.answering
    )


def _sentinels(plan: Plan, situation: Situation, running: set[str]) -> Iterable[Step]:
    """Write files that no Sentinel maintains yet, and start Sentinels that don't run."""
    missing = tuple(node.name for node in plan.sentinels if node.name not in running)
    if not missing:
        return
    chosen = _chosen_instead(plan, situation)
    kept = situation.kept if situation.formed and not chosen else ()
    fresh = tuple(one for one in missing if one not in kept)
    why = _why_absent(plan, situation, missing)
    if fresh:
        first = "first start; from then on the Sentinel maintains its file"
        first = f"{plan.shards[0].primary} was chosen as primary" if chosen else first
        yield from write_steps(plan, situation.seen, fresh, first)
    why = f"{why}; Sentinels once the data nodes listen"
    yield from start_steps(plan, situation, missing, why)
    if fresh and not chosen:
        yield from _introduced(plan)


_STARTING = (
    StepKind.KEEP,
    StepKind.WRITE,
    StepKind.PLACE,
    StepKind.LOAD,
    StepKind.ASIDE,
    StepKind.START,
    StepKind.SWITCH,
    StepKind.LIST,
)
"""The steps that the start of a node consists of."""


def starting_steps(
    plan: Plan, situation: Situation, among: Collection[str]
) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """Split the steps of `up` into those that start these nodes, and all others; paused nodes
    stay paused."""
    awake = tuple(replace(node, paused=False) for node in situation.seen.nodes)
    seen = replace(situation.seen, nodes=awake)
    mine, others = [], []
    for one in reconcile(plan, replace(situation, seen=seen)):
        kept = tuple(name for name in one.nodes if name in among)
        if kept and one.do in _STARTING:
            some = {name: what for name, what in one.settings.items() if name in kept}
            recorded = tuple(name for name in one.recorded if name in kept)
            mine.append(replace(one, nodes=kept, settings=some, recorded=recorded))
        else:
            others.append(one)
    return linked(plan, mine), tuple(others)


def _to_follow(plan: Plan, seen: Observed) -> tuple[str, ...]:
    """A replication's planned primary, if it is a replica or others follow another, and those."""
    running = seen.running
    if plan.topology.clustered or not all(node.answers for node in running):
        return ()
    primary = plan.node(plan.shards[0].primary)
    mine = next((node for node in running if node.name == primary.name), None)
    if mine and mine.role is Role.PRIMARY:
        return ()
    others = tuple(
        node.name
        for node in running
        if node is not mine and node.follows not in ("", ":", primary.address)
    )
    return (primary.name, *others) if mine or others else ()


def _chained(plan: Plan, seen: Observed) -> Iterable[Step]:
    """Make replicas of replicas follow a replication's running primary: a planned failover was
    interrupted. A node that follows a server of another topology is left alone."""
    running = seen.running
    primary = plan.shards[0].primary
    runs = any(node.name == primary and node.role is Role.PRIMARY for node in running)
    replicas = {node.address for node in running if node.role is Role.REPLICA}
    chained = tuple(node.name for node in running if node.follows in replicas)
    if runs and chained and not plan.topology.clustered:
        yield Step(do=StepKind.LEAD, nodes=(primary, *chained), cause="a replica follows a replica")


def _why_absent(plan: Plan, situation: Situation, names: Collection[str]) -> str:
    if names and {*names} <= {*situation.added}:
        return f"{plan.layout.topology.name} asks for more nodes"
    return "not running" if situation.formed else "not started yet"


def _unformed(plan: Plan, situation: Situation, absent: tuple[NodeSeen, ...]) -> tuple[Step, ...]:
    everyone = tuple(node.name for node in plan.nodes)
    untouched = len(absent) == len(everyone) and not any(node.on_disk.has_data for node in absent)
    if untouched:
        return _create(plan, situation, "not started yet")
    if absent:
        why = "an earlier up was interrupted: start the nodes to see what data they have"
        return tuple(_start_absent(plan, situation, absent, cause=why))
    # only a node that replies is known to be empty
    silent = any(not node.answers for node in situation.seen.nodes)
    if silent or situation.healthy or any(node.keys for node in situation.seen.nodes):
        return tuple(_correct(plan, situation))
    why = "an earlier up was interrupted, and no node holds a key"
    clear = Step(do=StepKind.CLEAR, nodes=everyone, cause=why)
    # there is no data to load any more
    return (clear, *_create(plan, replace(situation, wanted={}), "created again"))


def _create(plan: Plan, situation: Situation, cause: str) -> tuple[Step, ...]:
    everyone = tuple(node.name for node in plan.nodes)
    steps = list(write_steps(plan, situation.seen, everyone, cause))
    if plan.formation.method is FormationMethod.INSTANT:
        steps.append(Step(do=StepKind.SEED, nodes=everyone, cause="formation: instant"))
    steps += start_steps(plan, situation, everyone, cause)
    fast = faster_cron(plan, situation.wanted)
    started = (replace(one, settings=fast) if one.do is StepKind.START else one for one in steps)
    return (*started, form_step(plan))


def _start_absent(
    plan: Plan,
    situation: Situation,
    absent: tuple[NodeSeen, ...],
    followers: tuple[str, ...] = (),
    cause: str = "",
) -> Iterable[Step]:
    """Write and start what doesn't run; in a replication the primary first, which running
    replicas must follow before any other node is started."""
    missing = tuple(node.name for node in absent)
    cause = cause or _why_absent(plan, situation, missing)
    why = "there is no primary"
    follow = Step(do=StepKind.LEAD, nodes=followers, cause=why) if followers else None
    if follow and followers[0] not in missing:
        yield follow
        follow = None
    if not absent:
        return
    yield from write_steps(plan, situation.seen, missing, cause)
    if plan.topology.clustered:
        yield from start_steps(plan, situation, missing, cause)
        return
    first = tuple(name for name in missing if plan.node(name).role is Role.PRIMARY)
    rest = tuple(name for name in missing if plan.node(name).role is Role.REPLICA)
    if first:
        yield from start_steps(plan, situation, first, cause)
    if follow:
        yield follow
    if rest:
        why = f"{cause}; replicas once the primary listens"
        yield from start_steps(plan, situation, rest, why)


def _correct(plan: Plan, situation: Situation) -> Iterable[Step]:
    """Apply the topology file's settings to running servers, and to their configuration files."""
    drifting = {name: settings for name, settings in situation.drifts.items() if settings}
    # first: users.acl is written with the other files, once the servers have accepted the users
    yield from _changing(StepKind.GRANT, drifting, lambda name, _value: name == USERS_FILE)
    if situation.unwritten:
        why = "the configuration file is missing or empty"
        yield from write_steps(plan, situation.seen, situation.unwritten, why)
    if situation.moved:
        why = "the folder was moved while the nodes were running"
        yield from write_steps(plan, situation.seen, situation.moved, why)
    watching = {node.name for node in plan.sentinels}
    data = {name: settings for name, settings in drifting.items() if name not in watching}
    sentinels = {name: settings for name, settings in drifting.items() if name in watching}
    if data:
        yield from write_steps(plan, situation.seen, tuple(data), _differ(data.values()))
    yield from _changing(StepKind.CORRECT, data, _settable)
    yield from _changing(StepKind.DEFER, data, lambda _name, value: value is None)
    yield from _changing(StepKind.CORRECT_SENTINEL, sentinels, _settable)
    yield from _changing(StepKind.SWITCH, drifting, _log_is("yes"))
    yield from _changing(StepKind.SWITCH, drifting, _log_is("no"))
    yield from rewrite_steps(situation.seen)


def _log_is(kept: str) -> Callable[[str, str | None], bool]:
    return lambda name, value: (name, value) == ("appendonly", kept)


def _settable(name: str, value: str | None) -> bool:
    """Whether a setting is applied like any other; the server may defer it to a restart."""
    switched = name == "appendonly" and value in ("yes", "no")
    return value is not None and name != USERS_FILE and not switched


def _changing(
    do: StepKind, drifts: Drifts, selected: Callable[[str, str | None], bool]
) -> Iterable[Step]:
    """The step that applies the selected settings."""
    found: dict[str, NodeSettings] = {}
    for node, settings in drifts.items():
        if mine := {name: value for name, value in settings.items() if selected(name, value)}:
            found[node] = mine
    if found:
        removed = do is StepKind.DEFER
        cause = _differ(found.values(), removed=removed)
        yield Step(do=do, nodes=tuple(found), cause=cause, settings=found)


def _differ(found: Iterable[NodeSettings], *, removed: bool = False) -> str:
    directives = sorted({name for settings in found for name in settings})
    one = len(directives) == 1
    verb = "differs from" if one else "differ from"
    if removed:
        verb = "is no longer in" if one else "are no longer in"
    return f"{', '.join(directives)} {verb} the topology file"
