"""`plan`: what `up` would do now, and why; nothing is started."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from redistopo.client.connection import NodeClient
from redistopo.errors import ExitCode, RedistopoError
from redistopo.execute.context import ExecutionContext
from redistopo.host.polling import Deadline
from redistopo.model.planning.decide import Decision, decide
from redistopo.model.planning.guards import Asked
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.planner import with_observed_roles
from redistopo.model.planning.step import Step
from redistopo.model.state.observed import shards_of
from redistopo.progress import no_progress
from redistopo.project.lifecycle import current_record
from redistopo.project.load import load_project, plan_of
from redistopo.project.passwords import load_credentials
from redistopo.project.secrets import redacting_errors
from redistopo.session.guards import refuse_folder, refuse_request
from redistopo.session.situation import survey


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why `up` would do nothing, in the words that it would say."""

    message: str
    detail: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanResult:
    """The plan with its roles as they are now, and the steps that `up` would take: none where
    it would refuse to begin."""

    plan: Plan
    steps: tuple[Step, ...]
    refusal: Refusal | None = None
    code: ExitCode = field(default=ExitCode.DONE)


def plan(root: Path, engine: str = "") -> PlanResult:
    """What `up` would do now, and why; works on a machine without any server."""
    found = _ahead(plan_of(load_project(root), engine, assume=True), Asked())
    if (error := found.refusal) is None:
        return PlanResult(plan=found.plan, steps=found.steps)
    told = Refusal(message=error.message, detail=error.detail, hint=error.hint)
    return PlanResult(plan=found.plan, steps=(), refusal=told)


def dry_run(
    root: Path, engine: str = "", primary: tuple[str, ...] = (), rebuild: tuple[str, ...] = ()
) -> PlanResult:
    """The same, but refused for every reason for which `up`, asked so, would refuse to begin."""
    made = plan_of(load_project(root), engine)
    found = _ahead(made, Asked(primary=primary, rebuild=rebuild))
    if found.refusal is not None:
        raise found.refusal
    return PlanResult(plan=found.plan, steps=found.steps)


def _ahead(made: Plan, asked: Asked) -> Decision:
    """What `up` would decide, by the same looks and the same guards; nothing is written."""
    try:
        with redacting_errors(made.layout):
            refuse_request(made, asked)
            refuse_folder(made)
            held = load_credentials(made.topology, made.layout, make=True, save=False)
            record, _warning = current_record(made)
            with NodeClient(held) as client:
                context = ExecutionContext(
                    plan=made,
                    credentials=held,
                    client=client,
                    deadline=Deadline(5),
                    progress=no_progress,
                )
                now = survey(context, record)
    except RedistopoError as error:
        return Decision(plan=made, refusal=error)
    found = decide(made, now, asked)
    if record.formed:
        return replace(found, plan=with_observed_roles(found.plan, shards_of(now.seen)))
    return found
