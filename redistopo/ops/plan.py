"""`plan`: what `up` would do now, and why; nothing is started."""

from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from redistopo.errors import ExitCode, WrongRequest
from redistopo.events import silent
from redistopo.form.hands import Hands
from redistopo.model.bereft import decided
from redistopo.model.changes import Step, changes, current
from redistopo.model.observed import Observed, shards_of
from redistopo.model.plan import Plan
from redistopo.model.planner import as_seen
from redistopo.ops.ground.bereft import bereaved
from redistopo.ops.ground.history import refuse_older_engine
from redistopo.ops.ground.leadership import leading, refuse_empty_primaries, require_primaries
from redistopo.ops.ground.limits import refuse_low_limits
from redistopo.ops.ground.project import load, plan_of, require_address
from redistopo.ops.ground.running import refuse_other_locks
from redistopo.ops.ground.secrets import discreet
from redistopo.ops.ground.situation import look_for_steps, refuse_other_layout, situation
from redistopo.ops.ground.trouble import refuse_busy_ports
from redistopo.ops.moves.rebuild import (
    lost_tables,
    refuse_lost_tables,
    require_nodes,
    steps_to_promote,
    steps_to_rebuild,
)
from redistopo.world.client import Asker
from redistopo.world.password import keys
from redistopo.world.record import load_record
from redistopo.world.waiting import Deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanResult:
    """The plan with its roles as they are now, and the steps that `up` would take."""

    plan: Plan
    steps: tuple[Step, ...]
    seen: Observed
    code: ExitCode = field(default=ExitCode.DONE)


def plan(root: Path, engine: str = "") -> PlanResult:
    """What `up` would do now, and why; works on a machine without any server."""
    project = load(root)
    return _planned(plan_of(project, engine, assume=True))


def dry_run(
    root: Path, engine: str = "", primary: tuple[str, ...] = (), rebuild: tuple[str, ...] = ()
) -> PlanResult:
    """The same, but refused for every reason for which `up`, asked so, would refuse to begin."""
    project = load(root)
    made = plan_of(project, engine)
    require_address(project.topology)
    require_nodes(made, rebuild)
    require_primaries(made, primary)
    record = load_record(project.layout)
    refuse_older_engine(made, record)
    result = _planned(made, next(iter(primary), ""), sure=True)
    refuse_empty_primaries(made, record, result.seen)
    lost = lost_tables(made, record, result.seen)
    refuse_lost_tables(made, {name: why for name, why in lost.items() if name not in rebuild})
    heirs = decided(bereaved(made, record, result.seen), primary)
    refuse_low_limits(made, result.steps, silent)
    refuse_busy_ports(made, result.seen, formed=record is not None and record.formed)
    before = steps_to_rebuild(made, result.seen, lost, rebuild, silent), steps_to_promote(heirs)
    return replace(result, steps=(*chain(*before), *result.steps))


def _planned(made: Plan, primary: str = "", *, sure: bool = False) -> PlanResult:
    topology, layout = made.topology, made.layout
    refuse_other_locks(topology, layout)
    record = load_record(layout)
    refuse_other_layout(made, record, layout.topology)
    held = keys(topology, layout)
    with discreet(layout), Asker(held) as asker:
        hands = Hands(plan=made, keys=held, asker=asker, deadline=Deadline(5), tell=silent)
        now = situation(made, record, look_for_steps(hands), held)
    made = current(made, now)
    try:
        made = leading(made, now.seen, record, primary, silent)
    except WrongRequest:
        if sure:
            raise
    steps = changes(made, now)
    if record is not None and record.formed:
        made = as_seen(made, shards_of(now.seen))
    return PlanResult(plan=made, steps=steps, seen=now.seen)
