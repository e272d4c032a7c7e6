"""Limits of the system are looked at before anything is started."""

from redistopo.errors import MissingPrerequisite
from redistopo.host.limits import process_limits
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.reconcile import Step, StepKind, join_names
from redistopo.model.planning.resource_limits import ResourceShortage, resource_shortages
from redistopo.progress import Progress, warn

_ENOUGH_TASKS = 4096


def refuse_low_limits(plan: Plan, steps: tuple[Step, ...], progress: Progress) -> None:
    """Raises MissingPrerequisite with the numbers where what is to start can't work under the
    system's limits; warns where servers would lower their maxclients."""
    starting = tuple(
        dict.fromkeys(n for one in steps if one.do is StepKind.START for n in one.nodes)
    )
    if not starting:
        return
    found = resource_shortages(plan, starting, process_limits(_ENOUGH_TASKS + 16 * len(plan.nodes)))
    fatal = [one for one in found if one.fatal]
    if fatal:
        raise MissingPrerequisite(
            "a limit of this system is too low; nothing was started",
            detail=_listed(fatal),
            hint=f"{fatal[0].hint}, then redistopo up",
        )
    if found:
        others = f" (as of {join_names(starting)})" if len(found) > 1 else ""
        warn(progress, f"{found[0].told}{others}; before: {found[0].hint}")


def _listed(found: list[ResourceShortage]) -> str:
    told = [one.told for one in found[:4]]
    if len(found) > len(told):
        told.append(f"and {len(found) - len(told)} more")
    return "\n".join(told)
