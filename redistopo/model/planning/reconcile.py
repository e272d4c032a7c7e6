"""Plan and what was seen become the steps of `up`; an empty list when nothing is to do."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from redistopo.model.planning.leadership import primaries_to_promote
from redistopo.model.planning.node_start import start_steps, write_steps
from redistopo.model.planning.plan import FormationMethod, Plan
from redistopo.model.planning.rejoin import non_empty_resets, plan_rejoins, stale_ids
from redistopo.model.planning.situation import Situation
from redistopo.model.planning.step import USERS_FILE, Drifts, NodeSettings, Step, StepKind, linked
from redistopo.model.state.observed import NodeSeen, Observed, Role


def reconcile(plan: Plan, situation: Situation) -> tuple[Step, ...]:
    """The steps from what is to what is planned, in order; `plan` has the current roles.

    A cluster whose first `up` ended half-way is looked at before anything is removed:
    its nodes are started first, and only if no node holds a key is it made anew.
    """
    return linked(plan, _steps(plan, situation))


def _steps(plan: Plan, situation: Situation) -> tuple[Step, ...]:
    if paused := tuple(node.name for node in situation.seen.nodes if node.paused):
        # what they hold, and so what else is to do, is seen once they answer
        return (Step(do=StepKind.RESUME, nodes=paused, cause="stopped by SIGSTOP"),)
    absent = tuple(node for node in situation.seen.nodes if not node.running)
    if plan.topology.clustered and not situation.formed:
        return _unformed(plan, situation, absent)
    if plan.topology.sentinels:
        return _watched(plan, situation)
    heirs = tuple(primaries_to_promote(plan, situation.seen))
    return (
        *(Step(do=StepKind.LEAD, nodes=(one,), cause=_WHY_HEIR) for one in heirs),
        *_revive(plan, situation, absent, _led(plan, situation.seen)),
        *_late(plan, situation.seen),
        *_rejoining(plan, situation.seen),
        *_correct(plan, situation),
    )


def _rejoining(plan: Plan, seen: Observed) -> Iterable[Step]:
    """Nodes that were reset come back, once they are empty, and what they were is forgotten."""
    if full := non_empty_resets(seen):
        yield from (Step(do=StepKind.RESET, nodes=(one.name,), cause=one.cause) for one in full)
        return
    for one in plan_rejoins(seen, plan.topology.shards):
        yield Step(do=StepKind.REJOIN, nodes=one.nodes, cause=one.cause, slots=one.slots)
    if found := stale_ids(seen):
        why = "a node was reset, and has a new id"
        yield Step(do=StepKind.FORGET, nodes=tuple(found), cause=why, ids=found)


def _watched(plan: Plan, situation: Situation) -> tuple[Step, ...]:
    """Steps where Sentinels watch: they say who leads. While they run and can choose a replica
    that runs, a primary that ended is not started again before they have: two would lead."""
    running = {node.name for node in situation.seen.running}
    absent = tuple(node for node in situation.seen.nodes if node.name not in running)
    data = tuple(node for node in absent if plan.node(node.name).role is not Role.SENTINEL)
    watching = tuple(_sentinels(plan, situation, running))
    if _orphaned(plan, situation):
        names_ = tuple(node.name for node in plan.sentinels)
        why = f"{plan.shards[0].primary}, their primary, doesn't run, and a replica does"
        return (*watching, Step(do=StepKind.FAILOVER, nodes=names_, cause=why))
    led = () if running & {one.name for one in plan.sentinels} else _led(plan, situation.seen)
    return (
        *_yielding(plan, situation),
        *_revive(plan, situation, data, led),
        *watching,
        *_correct(plan, situation),
    )


def _yielding(plan: Plan, situation: Situation) -> Iterable[Step]:
    """Whoever still leads though Sentinels named another follows that one at once: they would
    wait 8 s before they say so (sentinel.c, sentinelRefreshInstanceInfo)."""
    lead = plan.shards[0].primary
    leaders = [one.name for one in situation.seen.running if one.role is Role.PRIMARY]
    if situation.named and lead in leaders and leaders != [lead]:
        strays = tuple(name for name in leaders if name != lead)
        yield Step(do=StepKind.LEAD, nodes=(lead, *strays), cause=f"the Sentinels name {lead}")


def _orphaned(plan: Plan, situation: Situation) -> bool:
    """Whether Sentinels could make a running replica the primary, which doesn't run."""
    if not situation.formed or not situation.named or situation.refused:
        return False
    if any(one.name == plan.shards[0].primary for one in situation.seen.running):
        return False
    return any(
        node.role is Role.REPLICA and node.info.get("slave_priority") != "0"
        for node in situation.seen.answering
    )


def _sentinels(plan: Plan, situation: Situation, running: set[str]) -> Iterable[Step]:
    """Write what no Sentinel has made its own yet, and start those that don't run."""
    missing = tuple(node.name for node in plan.sentinels if node.name not in running)
    if not missing:
        return
    fresh = tuple(one for one in missing if not (situation.formed and one in situation.kept))
    why = _why_absent(situation)
    if fresh:
        first = "the first time: then the file is its own"
        yield from write_steps(plan, situation.seen, fresh, first)
    why = f"{why}; Sentinels once the data nodes listen"
    yield from start_steps(plan, situation, missing, why)
    if fresh and len(plan.sentinels) > 1:
        everyone = tuple(node.name for node in plan.sentinels)
        why = "else they would hear of each other only after 2 s"
        yield Step(do=StepKind.MEET, nodes=everyone, cause=why)


_WHY_HEIR = "its primary doesn't run, and has only a snapshot of what it has"


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
"""What the start of a node consists of."""


def starting_steps(
    plan: Plan, situation: Situation, among: Collection[str]
) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """The steps of `up` that start just these nodes, and all others that it would take: who is
    paused stays so."""
    awake = tuple(replace(node, paused=False) for node in situation.seen.nodes)
    seen = replace(situation.seen, nodes=awake)
    mine, others = [], []
    for one in reconcile(plan, replace(situation, seen=seen)):
        kept = tuple(name for name in one.nodes if name in among)
        if kept and one.do in _STARTING:
            some = {name: what for name, what in one.settings.items() if name in kept}
            mine.append(replace(one, nodes=kept, settings=some))
        else:
            others.append(one)
    return linked(plan, mine), tuple(others)


def _led(plan: Plan, seen: Observed) -> tuple[str, ...]:
    """The primary to be of a replication, if it runs as a replica, or running replicas follow
    another; then these too."""
    running = seen.running
    if plan.topology.clustered or not all(node.answers for node in running):
        return ()
    lead = plan.node(plan.shards[0].primary)
    mine = next((node for node in running if node.name == lead.name), None)
    if mine and mine.role is Role.PRIMARY:
        return ()
    astray = tuple(
        node.name
        for node in running
        if node is not mine and node.follows not in ("", ":", lead.address)
    )
    return (lead.name, *astray) if mine or astray else ()


def _late(plan: Plan, seen: Observed) -> Iterable[Step]:
    """Where a replication's primary runs, those that follow a mere replica of ours are sent to
    it: a handover was cut off before they were told. Who follows a stranger is not touched."""
    running = seen.running
    lead = plan.shards[0].primary
    leads = any(node.name == lead and node.role is Role.PRIMARY for node in running)
    mere = {node.address for node in running if node.role is Role.REPLICA}
    late = tuple(node.name for node in running if node.follows in mere)
    if leads and late and not plan.topology.clustered:
        yield Step(do=StepKind.LEAD, nodes=(lead, *late), cause="a replica follows a replica")


def _why_absent(situation: Situation) -> str:
    return "not running" if situation.formed else "not started yet"


def _unformed(plan: Plan, situation: Situation, absent: tuple[NodeSeen, ...]) -> tuple[Step, ...]:
    everyone = tuple(node.name for node in plan.nodes)
    untouched = len(absent) == len(everyone) and not any(node.on_disk.has_data for node in absent)
    if untouched:
        return _from_nothing(plan, situation, "not started yet")
    if absent:
        why = "an earlier up ended half-way: started to see what they hold"
        return tuple(_revive(plan, situation, absent, cause=why))
    # only what answers can be known to be empty
    silent = any(not node.answers for node in situation.seen.nodes)
    if silent or situation.healthy or any(node.keys for node in situation.seen.nodes):
        return tuple(_correct(plan, situation))
    why = "an earlier up ended half-way, and no node holds a key"
    clear = Step(do=StepKind.CLEAR, nodes=everyone, cause=why)
    # what it held is no data to be loaded any more
    return (clear, *_from_nothing(plan, replace(situation, wanted={}), "made anew"))


def _from_nothing(plan: Plan, situation: Situation, cause: str) -> tuple[Step, ...]:
    everyone = tuple(node.name for node in plan.nodes)
    steps = list(write_steps(plan, situation.seen, everyone, cause))
    if plan.formation.method is FormationMethod.INSTANT:
        steps.append(Step(do=StepKind.SEED, nodes=everyone, cause="formation: instant"))
    steps += start_steps(plan, situation, everyone, cause)
    why = f"formation: {plan.formation.method} ({plan.formation.why})"
    steps.append(Step(do=StepKind.FORM, nodes=everyone, cause=why))
    return tuple(steps)


def _revive(
    plan: Plan,
    situation: Situation,
    absent: tuple[NodeSeen, ...],
    led: tuple[str, ...] = (),
    cause: str = "",
) -> Iterable[Step]:
    """Write and start what doesn't run; in a replication the primary first, and those that
    run follow it before any other is started."""
    missing, cause = tuple(node.name for node in absent), cause or _why_absent(situation)
    lead = Step(do=StepKind.LEAD, nodes=led, cause="nobody leads") if led else None
    if lead and led[0] not in missing:
        yield lead
        lead = None
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
    if lead:
        yield lead
    if rest:
        why = f"{cause}; replicas once the primary listens"
        yield from start_steps(plan, situation, rest, why)


def _correct(plan: Plan, situation: Situation) -> Iterable[Step]:
    """Running servers get the file's settings, and a file that will give them at a restart."""
    drifting = {name: settings for name, settings in situation.drifts.items() if settings}
    # first: the users' file is written with the others, once the servers have taken them
    yield from _changing(StepKind.GRANT, drifting, lambda name, _value: name == USERS_FILE)
    if situation.moved:
        why = "the folder was moved while they ran"
        yield from write_steps(plan, situation.seen, situation.moved, why)
    sentinels = {node.name for node in situation.seen.sentinels}
    if written := tuple(name for name in drifting if name not in sentinels):
        yield from write_steps(plan, situation.seen, written, _differ(drifting.values()))
    yield from _changing(StepKind.CORRECT, drifting, _plain)
    yield from _changing(StepKind.SWITCH, drifting, _log_is("yes"))
    yield from _changing(StepKind.SWITCH, drifting, _log_is("no"))


def _log_is(kept: str) -> Callable[[str, str | None], bool]:
    return lambda name, value: (name, value) == ("appendonly", kept)


def _plain(name: str, value: str | None) -> bool:
    """Whether a setting is given, or told to wait for a restart, like any other."""
    return name != USERS_FILE and (name != "appendonly" or value not in ("yes", "no"))


def _changing(
    do: StepKind, drifts: Drifts, meant: Callable[[str, str | None], bool]
) -> Iterable[Step]:
    """The step by which nodes get those of the settings that are meant."""
    found: dict[str, NodeSettings] = {}
    for node, settings in drifts.items():
        if mine := {name: value for name, value in settings.items() if meant(name, value)}:
            found[node] = mine
    if found:
        yield Step(do=do, nodes=tuple(found), cause=_differ(found.values()), settings=found)


def _differ(found: Iterable[NodeSettings]) -> str:
    directives = sorted({name for settings in found for name in settings})
    verb = "differs" if len(directives) == 1 else "differ"
    return f"{', '.join(directives)} {verb} from the topology file"
