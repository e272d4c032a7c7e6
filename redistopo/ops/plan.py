"""`plan`: what `up` would do now, and why; nothing is started."""

from dataclasses import dataclass, field
from pathlib import Path

from redistopo.errors import ExitCode
from redistopo.events import silent
from redistopo.form.hands import Hands
from redistopo.model.changes import Step, changes, current
from redistopo.model.plan import Plan
from redistopo.ops.project import load, plan_of
from redistopo.ops.situation import look_for_steps, situation
from redistopo.world.client import Asker
from redistopo.world.password import password
from redistopo.world.record import load_record
from redistopo.world.waiting import Deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanResult:
    """The plan with its roles as they are now, and the steps that `up` would take."""

    plan: Plan
    steps: tuple[Step, ...]
    code: ExitCode = field(default=ExitCode.DONE)


def plan(root: Path, engine: str = "") -> PlanResult:
    """What `up` would do now, and why; works on a machine without any server."""
    project = load(root)
    made = plan_of(project, engine, assume=True)
    record = load_record(project.layout)
    secret = password(project.topology, project.layout)
    with Asker(secret) as asker:
        hands = Hands(plan=made, password=secret, asker=asker, deadline=Deadline(5), tell=silent)
        now = situation(made, record, look_for_steps(hands), secret)
    made = current(made, now)
    return PlanResult(plan=made, steps=changes(made, now))
