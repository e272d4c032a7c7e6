"""Limits of the system are looked at before anything is started."""

from redistopo.errors import MachineLacks
from redistopo.host.limits import limits
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.reconcile import Do, Step, names
from redistopo.model.planning.resource_limits import Shortage, shortages
from redistopo.progress import Tell, warn

_ENOUGH_TASKS = 4096


def refuse_low_limits(plan: Plan, steps: tuple[Step, ...], tell: Tell) -> None:
    """Raises MachineLacks with the numbers where what is to start can't work under the
    system's limits; warns where servers would lower their maxclients."""
    starting = tuple(dict.fromkeys(n for one in steps if one.do is Do.START for n in one.nodes))
    if not starting:
        return
    found = shortages(plan, starting, limits(_ENOUGH_TASKS + 16 * len(plan.nodes)))
    fatal = [one for one in found if one.fatal]
    if fatal:
        raise MachineLacks(
            "a limit of this system is too low; nothing was started",
            detail=_listed(fatal),
            hint=f"{fatal[0].hint}, then redistopo up",
        )
    if found:
        others = f" (as of {names(starting)})" if len(found) > 1 else ""
        warn(tell, f"{found[0].told}{others}; before: {found[0].hint}")


def _listed(found: list[Shortage]) -> str:
    told = [one.told for one in found[:4]]
    if len(found) > len(told):
        told.append(f"and {len(found) - len(told)} more")
    return "\n".join(told)
