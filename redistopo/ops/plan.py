"""`plan`: what `up` would do now, and why; nothing is started."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

from redistopo.client.connection import Asker
from redistopo.errors import ExitCode, RedistopoError, WrongRequest
from redistopo.execute.context import Hands
from redistopo.execute.repair_nodes_conf import (
    lost_tables,
    refuse_lost_tables,
    require_nodes,
    steps_to_promote,
    steps_to_rebuild,
)
from redistopo.host.polling import Deadline
from redistopo.host.process_marks import load_record
from redistopo.model.planning.bereft import bereaved
from redistopo.model.planning.leadership import leading, refuse_empty_primaries, require_primaries
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.planner import as_seen
from redistopo.model.planning.reconcile import Step, changes, current
from redistopo.model.planning.rejoin import refuse_more_keys, returned
from redistopo.model.planning.sole_copies import decided
from redistopo.model.state.observed import Observed, shards_of
from redistopo.model.state.record import Record
from redistopo.progress import silent
from redistopo.project.lifecycle import refuse_older_engine
from redistopo.project.load import load, plan_of, require_address
from redistopo.project.passwords import keys
from redistopo.project.secrets import discreet
from redistopo.project.started import refuse_other_locks
from redistopo.session.failures import refuse_busy_ports
from redistopo.session.guards import refuse_low_limits
from redistopo.session.situation import look_for_steps, refuse_other_layout, situation


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why `up` would do nothing for the data's sake, in the words that it would say."""

    message: str
    detail: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanResult:
    """The plan with its roles as they are now, and the steps that `up` would take: none where
    it would refuse to begin."""

    plan: Plan
    steps: tuple[Step, ...]
    seen: Observed
    refusal: Refusal | None = None
    code: ExitCode = field(default=ExitCode.DONE)


def plan(root: Path, engine: str = "") -> PlanResult:
    """What `up` would do now, and why; works on a machine without any server."""
    project = load(root)
    result, unclear = _planned(plan_of(project, engine, assume=True))
    try:
        before = _first(result, load_record(project.layout), unclear)
    except RedistopoError as error:
        told = Refusal(message=error.message, detail=error.detail, hint=error.hint)
        return replace(result, steps=(), refusal=told)
    return replace(result, steps=(*before, *result.steps))


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
    result, unclear = _planned(made, next(iter(primary), ""))
    before = _first(result, record, unclear, primary, rebuild)
    refuse_low_limits(made, result.steps, silent)
    refuse_busy_ports(made, result.seen, formed=record is not None and record.formed)
    return replace(result, steps=(*before, *result.steps))


def _first(
    result: PlanResult,
    record: Record | None,
    unclear: WrongRequest | None,
    primary: Collection[str] = (),
    rebuild: Collection[str] = (),
) -> tuple[Step, ...]:
    """What `up` does before all else, to data that lies on disk.

    Raises RedistopoError where a start could cost data that nobody gave up.
    """
    if unclear is not None:
        raise unclear
    made, seen = result.plan, result.seen
    refuse_empty_primaries(made, record, seen)
    lost = lost_tables(made, record, seen)
    refuse_lost_tables(made, {name: why for name, why in lost.items() if name not in rebuild})
    heirs = decided(bereaved(made, record, seen), primary)
    refuse_more_keys(returned(seen))
    return (*steps_to_rebuild(made, seen, lost, rebuild, silent), *steps_to_promote(heirs))


def _planned(made: Plan, primary: str = "") -> tuple[PlanResult, WrongRequest | None]:
    """What would be done, and why nobody can tell who leads, if so: then in the file's roles."""
    topology, layout = made.topology, made.layout
    refuse_other_locks(topology, layout)
    record = load_record(layout)
    refuse_other_layout(made, record, layout.topology)
    held = keys(topology, layout)
    with discreet(layout), Asker(held) as asker:
        hands = Hands(plan=made, keys=held, asker=asker, deadline=Deadline(5), tell=silent)
        now = situation(made, record, look_for_steps(hands), held)
    made = current(made, now)
    unclear = None
    try:
        made = leading(made, now.seen, record, primary, silent)
    except WrongRequest as error:
        unclear = error
    steps = changes(made, now)
    if record is not None and record.formed:
        made = as_seen(made, shards_of(now.seen))
    return PlanResult(plan=made, steps=steps, seen=now.seen), unclear
