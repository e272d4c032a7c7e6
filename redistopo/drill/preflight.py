"""Before anything is hurt: is it well, and would a replica take over?"""

from dataclasses import dataclass

from redistopo.errors import Unhealthy, UsageError
from redistopo.model.planning.promotability import Promotability, promotability_of
from redistopo.model.state.finding import failed_findings
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.model.topology.spec import Shape
from redistopo.progress import Progress, note, step, warn
from redistopo.session.health import Verdict

_SHOWN = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Preflight:
    """What was found: `heirs` tells for each primary that is to fail who would take over;
    () where none is hurt. `hopeless` where nobody would."""

    heirs: tuple[Promotability, ...]
    hopeless: bool

    @property
    def failover(self) -> bool:
        """Whether a replica has to take over."""
        return bool(self.heirs) and not self.hopeless


def preflight(
    verdict: Verdict, victims: tuple[NodeSeen, ...], progress: Progress, *, force: bool
) -> Preflight:
    """What would come of it. Unless `force`, raises UsageError for a shape without automatic
    failover, Unhealthy where it couldn't succeed or isn't healthy: what was seen, what to type.
    """
    with step(progress, "preflight: would a replica take over?"):
        return _preflight(verdict, victims, progress, force=force)


def _preflight(
    verdict: Verdict, victims: tuple[NodeSeen, ...], progress: Progress, *, force: bool
) -> Preflight:
    seen = verdict.seen
    leads = tuple(node for node in victims if node.role is Role.PRIMARY)
    if leads and seen.shape not in (Shape.CLUSTER, Shape.SENTINEL):
        return _no_automatic_failover(seen, leads[0], progress, force=force)
    heirs = promotability_of(seen, leads)
    obstacles = list(dict.fromkeys(one for heir in heirs for one in heir.obstacles))
    if obstacles:
        orphans = ", ".join(one.primary for one in heirs if one.obstacles)
        refusal = Unhealthy(
            f"nobody would take over from {orphans}",
            detail="\n".join(what for what, _hint in obstacles),
            hint=f"{obstacles[0][1]}; or --force shows how it fails, and mends it",
        )
        if not force:
            raise refusal
        warn(progress, f"{refusal.message}: {'; '.join(what for what, _hint in obstacles)}")
        return Preflight(heirs=heirs, hopeless=True)
    _require_health(verdict, progress, force=force)
    for heir in heirs:
        note(progress, _promise(heir))
    return Preflight(heirs=heirs, hopeless=False)


def _promise(heir: Promotability) -> str:
    best = heir.heir
    behind = f"{best.name}, {best.behind} bytes behind" if best else "nobody"
    return (
        f"{heir.primary}: {behind}, would take over; {heir.votes} of {heir.voters} {heir.electors} "
        f"are left to vote, {heir.needed} are needed"
    )


def _no_automatic_failover(
    seen: Observed, lead: NodeSeen, progress: Progress, *, force: bool
) -> Preflight:
    what = "one server and nothing to take over" if len(seen.nodes) == 1 else "no Sentinel"
    if not force:
        raise UsageError(
            f"a {seen.shape.value} has no automatic failover: it has {what}",
            detail=f"were {lead.name} to end, nobody would take its place",
            hint="redistopo failover hands over by hand, planned; --force shows the outage "
            "until the drill mends it; redistopo init cluster, or init sentinel, has failover"
            if len(seen.nodes) > 1
            else "--force shows the outage until the drill mends it; redistopo init cluster "
            "makes one with failover",
        )
    warn(progress, f"nobody will take over from {lead.name}: it has {what}")
    return Preflight(heirs=(), hopeless=True)


def _require_health(verdict: Verdict, progress: Progress, *, force: bool) -> None:
    if verdict.healthy:
        return
    problems = failed_findings(verdict.findings)
    shown = [f"{one.check} {one.subject}: {one.evidence}" for one in problems[:_SHOWN]]
    if force:
        warn(progress, f"it isn't healthy to begin with: {shown[0]}")
        return
    raise Unhealthy(
        "the topology isn't healthy, so a drill would measure that instead",
        detail="\n".join(shown),
        hint="redistopo up mends what it can, redistopo verify shows all; or --force drills "
        "anyway, and mends",
    )
