"""Plan and what was seen become the steps of `up`; an empty list when nothing is to do."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from redistopo.model.planning.heirs import primaries_to_promote
from redistopo.model.planning.plan import FormationMethod, Plan
from redistopo.model.planning.planner import with_primary
from redistopo.model.planning.rejoin import non_empty_resets, plan_rejoins, stale_ids
from redistopo.model.protocol.slots import SlotRange, format_ranges_briefly
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.model.state.record import TopologyState


class StepKind(StrEnum):
    """What a step does; the executor has one function for each."""

    RESUME = "resume"
    CLEAR = "clear"
    WRITE = "write"
    SEED = "seed"
    START = "start"
    FORM = "form"
    CORRECT = "correct"
    REBUILD = "rebuild"
    PROMOTE = "promote"
    LEAD = "lead"
    MEET = "meet"
    FAILOVER = "failover"
    RESET = "reset"
    REJOIN = "rejoin"
    FORGET = "forget"


NodeSettings = Mapping[str, str | None]
"""Directive -> the value it should have; None where the topology file no longer names it."""

USERS_FILE = "users.acl"
"""Stands among the directives of a drift for the users; its value is the file's whole text."""

Drifts = Mapping[str, NodeSettings]
"""Node -> the directives in which the running server differs from the topology file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do to some nodes, and why; `settings` holds what `CORRECT` sets, by node,
    `slots` what the node leads that comes back by `REJOIN`, or leads by `PROMOTE`."""

    do: StepKind
    nodes: tuple[str, ...]
    cause: str
    settings: Mapping[str, NodeSettings] = field(default_factory=dict)
    slots: tuple[SlotRange, ...] = ()

    def __str__(self) -> str:
        what = {
            StepKind.RESUME: "continue",
            StepKind.CLEAR: "stop and clear",
            StepKind.WRITE: "write the configuration of",
            StepKind.SEED: "write the first nodes.conf of",
            StepKind.START: "start",
            StepKind.FORM: "form one cluster of",
            StepKind.CORRECT: "correct the live configuration of",
            StepKind.REBUILD: "write a new nodes.conf of",
            StepKind.PROMOTE: "let lead, with the data on its disk,",
            StepKind.LEAD: "let lead",
            StepKind.MEET: "make known to each other",
            StepKind.FAILOVER: "have a new primary chosen by",
            StepKind.RESET: "empty and reset again",
            StepKind.REJOIN: "take back into the cluster",
            StepKind.FORGET: "have ids forgotten that no node has, by",
        }[self.do]
        if self.do is StepKind.REJOIN:
            role = f"a replica of {self.nodes[1]}" if self.nodes[1:] else "primary of slots "
            return f"{what} {self.nodes[0]}, as {role}{format_ranges_briefly(self.slots)}"
        if self.do is StepKind.LEAD and self.nodes[1:]:
            return f"let {join_names(self.nodes[1:])} follow {self.nodes[0]}"
        return f"{what} {join_names(self.nodes)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that the steps depend on, besides the plan.

    `moved` are running nodes whose files still bear paths of where the folder was. `named` is
    who leads by the word of the Sentinels, in what they say or else in their files; `kept` are
    the Sentinels that have such a file, which is theirs; `refused` that they found nobody to
    fail over to.
    """

    seen: Observed
    record: TopologyState | None = None
    healthy: bool = False
    drifts: Drifts = field(default_factory=dict)
    moved: tuple[str, ...] = ()
    named: str = ""
    kept: tuple[str, ...] = ()
    refused: bool = False


def join_names(nodes: Iterable[str]) -> str:
    """``node1, node2``, or ``6 nodes (node1 ... node6)`` for many."""
    found = tuple(nodes)
    if len(found) <= 3:
        return ", ".join(found)
    return f"{len(found)} nodes ({found[0]} ... {found[-1]})"


def with_current_roles(plan: Plan, situation: Situation) -> Plan:
    """The plan with its roles as the servers say; a cluster's roles live in its nodes.conf.

    For a replication the running primary counts, else the one last recorded; where there are
    Sentinels, whom they name.
    """
    if plan.topology.clustered or len(plan.nodes) == 1:
        return plan
    if situation.named:
        return with_primary(plan, situation.named)
    live = [node.name for node in situation.seen.running if node.role is Role.PRIMARY]
    recorded = situation.record.primary if situation.record else ""
    known = {node.name for node in plan.data}
    for name in ([recorded] if recorded in live else live) + [recorded]:
        if name in known:
            return with_primary(plan, name)
    return plan


def reconcile(plan: Plan, situation: Situation) -> tuple[Step, ...]:
    """The steps from what is to what is planned, in order; `plan` has the current roles.

    A cluster whose first `up` ended half-way is looked at before anything is removed:
    its nodes are started first, and only if no node holds a key is it made anew.
    """
    if paused := tuple(node.name for node in situation.seen.nodes if node.paused):
        # what they hold, and so what else is to do, is seen once they answer
        return (Step(do=StepKind.RESUME, nodes=paused, cause="stopped by SIGSTOP"),)
    absent = tuple(node for node in situation.seen.nodes if not node.running)
    if plan.formation.method in (FormationMethod.REDIS_CLI, FormationMethod.INSTANT):
        formed = situation.record is not None and situation.record.formed
        if not formed:
            return _unformed(plan, situation, absent)
    if plan.topology.sentinels:
        return _watched(plan, situation)
    heirs = tuple(primaries_to_promote(plan, situation.seen))
    return (
        *(Step(do=StepKind.LEAD, nodes=(one,), cause=_WHY_HEIR) for one in heirs),
        *_revive(plan, absent, _why_absent(situation), _led(plan, situation.seen)),
        *_late(plan, situation.seen),
        *_rejoining(plan, situation.seen),
        *_correct(situation),
    )


def _rejoining(plan: Plan, seen: Observed) -> Iterable[Step]:
    """Nodes that were reset come back, once they are empty, and what they were is forgotten."""
    if full := non_empty_resets(seen):
        yield from (Step(do=StepKind.RESET, nodes=(one.name,), cause=one.cause) for one in full)
        return
    for one in plan_rejoins(seen, plan.topology.shards):
        yield Step(do=StepKind.REJOIN, nodes=one.nodes, cause=one.cause, slots=one.slots)
    if found := stale_ids(seen):
        yield Step(
            do=StepKind.FORGET, nodes=tuple(found), cause="a node was reset, and has a new id"
        )


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
    why = _why_absent(situation)
    return (
        *_yielding(plan, situation),
        *_revive(plan, data, why, led),
        *watching,
        *_correct(situation),
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
    formed = situation.record is not None and situation.record.formed
    if not formed or not situation.named or situation.refused:
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
    formed = situation.record is not None and situation.record.formed
    fresh = tuple(one for one in missing if not (formed and one in situation.kept))
    why = _why_absent(situation)
    if fresh:
        yield Step(do=StepKind.WRITE, nodes=fresh, cause="the first time: then the file is its own")
    yield Step(
        do=StepKind.START, nodes=missing, cause=f"{why}; Sentinels once the data nodes listen"
    )
    if fresh and len(plan.sentinels) > 1:
        everyone = tuple(node.name for node in plan.sentinels)
        why = "else they would hear of each other only after 2 s"
        yield Step(do=StepKind.MEET, nodes=everyone, cause=why)


_WHY_HEIR = "its primary doesn't run, and has only a snapshot of what it has"


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
        if kept and one.do in (StepKind.WRITE, StepKind.START):
            mine.append(replace(one, nodes=kept))
        else:
            others.append(one)
    return tuple(mine), tuple(others)


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
    first = situation.record is None or not situation.record.formed
    return "not started yet" if first else "not running"


def _unformed(plan: Plan, situation: Situation, absent: tuple[NodeSeen, ...]) -> tuple[Step, ...]:
    everyone = tuple(node.name for node in plan.nodes)
    untouched = len(absent) == len(everyone) and not any(node.has_data for node in absent)
    if untouched:
        return _from_nothing(plan, everyone, "not started yet")
    if absent:
        why = "an earlier up ended half-way: started to see what they hold"
        return tuple(_revive(plan, absent, why))
    # only what answers can be known to be empty
    silent = any(not node.answers for node in situation.seen.nodes)
    if silent or situation.healthy or any(node.keys for node in situation.seen.nodes):
        return tuple(_correct(situation))
    why = "an earlier up ended half-way, and no node holds a key"
    clear = Step(do=StepKind.CLEAR, nodes=everyone, cause=why)
    return (clear, *_from_nothing(plan, everyone, "made anew"))


def _from_nothing(plan: Plan, everyone: tuple[str, ...], cause: str) -> tuple[Step, ...]:
    steps = [Step(do=StepKind.WRITE, nodes=everyone, cause=cause)]
    if plan.formation.method is FormationMethod.INSTANT:
        steps.append(Step(do=StepKind.SEED, nodes=everyone, cause="formation: instant"))
    steps.append(Step(do=StepKind.START, nodes=everyone, cause=cause))
    why = f"formation: {plan.formation.method} ({plan.formation.why})"
    steps.append(Step(do=StepKind.FORM, nodes=everyone, cause=why))
    return tuple(steps)


def _revive(
    plan: Plan, absent: tuple[NodeSeen, ...], cause: str, led: tuple[str, ...] = ()
) -> Iterable[Step]:
    """Write and start what doesn't run; in a replication the primary first, and those that
    run follow it before any other is started."""
    missing = tuple(node.name for node in absent)
    lead = Step(do=StepKind.LEAD, nodes=led, cause="nobody leads") if led else None
    if lead and led[0] not in missing:
        yield lead
        lead = None
    if not absent:
        return
    yield Step(do=StepKind.WRITE, nodes=missing, cause=cause)
    if plan.topology.clustered:
        yield Step(do=StepKind.START, nodes=missing, cause=cause)
        return
    first = tuple(name for name in missing if plan.node(name).role is Role.PRIMARY)
    rest = tuple(name for name in missing if plan.node(name).role is Role.REPLICA)
    if first:
        yield Step(do=StepKind.START, nodes=first, cause=cause)
    if lead:
        yield lead
    if rest:
        yield Step(
            do=StepKind.START, nodes=rest, cause=f"{cause}; replicas once the primary listens"
        )


def _correct(situation: Situation) -> Iterable[Step]:
    """Running servers get the file's settings, and a file that will give them at a restart."""
    if situation.moved:
        yield Step(
            do=StepKind.WRITE, nodes=situation.moved, cause="the folder was moved while they ran"
        )
    drifting = {name: settings for name, settings in situation.drifts.items() if settings}
    if drifting:
        directives = sorted({name for settings in drifting.values() for name in settings})
        verb = "differs" if len(directives) == 1 else "differ"
        cause = f"{', '.join(directives)} {verb} from the topology file"
        nodes = tuple(drifting)
        sentinels = {node.name for node in situation.seen.sentinels}
        if written := tuple(name for name in nodes if name not in sentinels):
            yield Step(do=StepKind.WRITE, nodes=written, cause=cause)
        yield Step(do=StepKind.CORRECT, nodes=nodes, cause=cause, settings=drifting)
