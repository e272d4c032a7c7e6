"""Preflight: is the topology healthy, and would a replica take over?"""

from redistopo.errors import Unhealthy, UsageError
from redistopo.model.planning.promotability import Promotability, promotability_of
from redistopo.model.remedies.of_topology import drill_anyway
from redistopo.model.remedies.remedy import joined
from redistopo.model.state.finding import root_causes
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.model.topology.spec import Shape
from redistopo.progress import Progress, note, step, warn
from redistopo.quick_dataclass import dataclass
from redistopo.session.health import Verdict

_SHOWN = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Preflight:
    """The result: `takeovers` has the replica that would take over, for each primary that is to
    fail; () if the fault affects no primary. `no_failover` if none can take over."""

    takeovers: tuple[Promotability, ...]
    no_failover: bool

    @property
    def failover(self) -> bool:
        """Return whether a replica has to take over."""
        return bool(self.takeovers) and not self.no_failover


def check_preflight(
    verdict: Verdict, victims: tuple[NodeSeen, ...], progress: Progress, *, force: bool
) -> Preflight:
    """Predict the outcome of a fault.

    Unless `force`, raises UsageError for a shape without automatic failover, and Unhealthy if the
    topology is not healthy or no replica could take over.
    """
    with step(progress, "preflight: would a replica take over?"):
        return _check(verdict, victims, progress, force=force)


def _check(
    verdict: Verdict, victims: tuple[NodeSeen, ...], progress: Progress, *, force: bool
) -> Preflight:
    seen = verdict.seen
    primaries = tuple(node for node in victims if node.role is Role.PRIMARY)
    if primaries and seen.shape not in (Shape.CLUSTER, Shape.SENTINEL):
        return _no_automatic_failover(seen, primaries[0], progress, force=force)
    takeovers = promotability_of(seen, primaries)
    obstacles = list(dict.fromkeys(one for takeover in takeovers for one in takeover.obstacles))
    if obstacles:
        orphans = ", ".join(one.primary for one in takeovers if one.obstacles)
        refusal = Unhealthy(
            f"no replica can take over from {orphans}",
            detail="\n".join(what for what, _hint in obstacles),
            hint=joined(obstacles[0][1], drill_anyway("; or ", _ANYWAY)),
        )
        if not force:
            raise refusal
        warn(progress, f"{refusal.message}: {'; '.join(what for what, _hint in obstacles)}")
        return Preflight(takeovers=takeovers, no_failover=True)
    _require_health(verdict, progress, force=force)
    for takeover in takeovers:
        note(progress, _takeover_text(takeover))
    return Preflight(takeovers=takeovers, no_failover=False)


_ANYWAY = "runs the drill anyway, and repairs the topology"


def _takeover_text(takeover: Promotability) -> str:
    best = takeover.heir
    behind = f"{best.name}, {best.behind} bytes behind" if best else "no replica"
    return (
        f"{takeover.primary}: {behind}, would take over; {takeover.votes} of {takeover.voters} "
        f"{takeover.electors} can still vote, {takeover.needed} needed"
    )


def _no_automatic_failover(
    seen: Observed, primary: NodeSeen, progress: Progress, *, force: bool
) -> Preflight:
    what = "only one server" if len(seen.nodes) == 1 else "no Sentinel"
    if not force:
        raise UsageError(
            f"a {seen.shape.value} has no automatic failover: it has {what}",
            detail=f"if {primary.name} fails, no node takes over",
            hint=drill_anyway(
                "redistopo failover runs a planned failover; ",
                "measures the outage until the drill repairs it; redistopo init cluster, or init "
                "sentinel, has failover",
            )
            if len(seen.nodes) > 1
            else drill_anyway(
                "",
                "measures the outage until the drill repairs it; redistopo init cluster creates a "
                "topology with failover",
            ),
        )
    warn(progress, f"no node will take over from {primary.name}: the topology has {what}")
    return Preflight(takeovers=(), no_failover=True)


def _require_health(verdict: Verdict, progress: Progress, *, force: bool) -> None:
    if verdict.healthy:
        return
    problems = root_causes(verdict.findings)
    shown = [f"{one.check} {one.subject}: {one.evidence}" for one in problems[:_SHOWN]]
    if force:
        warn(progress, f"the topology isn't healthy to begin with: {shown[0]}")
        return
    raise Unhealthy(
        "the topology isn't healthy, so a drill would measure that instead",
        detail="\n".join(shown),
        hint=drill_anyway(
            "redistopo up repairs what it can, redistopo verify shows all findings; ", _ANYWAY
        ),
    )
