"""Decides what `up` does with adopted servers: nothing is started or ended, only settings of the
topology file are applied; pure."""

from collections.abc import Iterator, Mapping

from redistopo.errors import RedistopoError
from redistopo.model.planning.decide_up import Decision
from redistopo.model.planning.placement import with_current_placement
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.plan_nodes import with_primary
from redistopo.model.planning.step import NodeSettings, Step, StepKind, join_names, linked
from redistopo.model.protocol.conf import conf_drift
from redistopo.model.protocol.sentinel_replies import MONITOR
from redistopo.model.state.observed import Observed
from redistopo.model.topology.directives import adopted_config


def decide_adopted(plan: Plan, seen: Observed) -> Decision:
    """Decide on the steps for adopted servers; refuses if one of them doesn't reply."""
    plan = with_current_placement(plan, seen)
    primary = seen.at(seen.named) if seen.named else None
    if name := primary.name if primary else seen.primary:
        plan = with_primary(plan, name)
    try:
        require_replies(seen)
    except RedistopoError as error:
        return Decision(plan=plan, refusal=error)
    return Decision(plan=plan, steps=linked(plan, _steps(plan, seen)))


def require_replies(seen: Observed) -> None:
    """Raise RedistopoError if an adopted server doesn't reply: redistopo can't start it."""
    silent = [node for node in seen.nodes if not node.answers]
    if not silent:
        return
    one = len(silent) == 1
    raise RedistopoError(
        f"{join_names(node.name for node in silent)} {'doesn' if one else 'don'}'t reply: nothing "
        "was changed, and redistopo doesn't start adopted servers",
        detail="\n".join(f"{node.name} at {node.address}: {node.error}" for node in silent[:8]),
        hint="start it the way it was started before, then: redistopo up; if it is gone for good, "
        "remove it from [adopted]",
    )


def _steps(plan: Plan, seen: Observed) -> Iterator[Step]:
    wanted = adopted_config(plan.topology)
    drifts: dict[StepKind, dict[str, NodeSettings]] = {}
    for node in seen.nodes:
        found = conf_drift(wanted.get(node.name, {}), node.config or {})
        settings = {name: pair[0] for name, pair in found.items() if name != MONITOR}
        if settings:
            kind = StepKind.CORRECT_SENTINEL if node.is_sentinel else StepKind.CORRECT
            drifts.setdefault(kind, {})[node.name] = settings
    for kind, some in drifts.items():
        yield Step(do=kind, nodes=tuple(some), cause=_differ(some), settings=some)
        if kind is StepKind.CORRECT:
            why = "so that they have these settings at their next start too"
            yield Step(do=StepKind.STORE, nodes=tuple(some), cause=why)


def _differ(some: Mapping[str, NodeSettings]) -> str:
    names = sorted({name for settings in some.values() for name in settings})
    return f"{', '.join(names)} differ{'s' * (len(names) == 1)} from the topology file"
