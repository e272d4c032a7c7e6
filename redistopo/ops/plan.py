"""`plan`: what `up` would do now, and why; nothing is started."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

from redistopo.errors import ExitCode, RedistopoError, UsageError
from redistopo.execute.repair_nodes_conf import (
    lost_nodes_confs,
    nodes_conf_steps,
    promotion_steps,
    refuse_lost_nodes_confs,
    require_cluster_nodes,
)
from redistopo.model.planning.bereft import sole_copies_on_disk
from redistopo.model.planning.leadership import (
    refuse_empty_primaries,
    require_primaries,
    with_chosen_primary,
)
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.planner import with_observed_roles
from redistopo.model.planning.reconcile import Step, reconcile, with_current_roles
from redistopo.model.planning.rejoin import non_empty_resets, refuse_more_keys
from redistopo.model.planning.sole_copies import chosen_primaries
from redistopo.model.state.observed import Observed, shards_of
from redistopo.model.state.record import TopologyState
from redistopo.progress import no_progress
from redistopo.project.lifecycle import refuse_older_engine, refuse_other_layout
from redistopo.project.load import require_address
from redistopo.project.started import refuse_changed_security
from redistopo.session.failures import refuse_busy_ports
from redistopo.session.guards import refuse_low_limits
from redistopo.session.open import open_session
from redistopo.session.session import CredentialSource, Session, SessionRequest
from redistopo.session.situation import observe_for_steps, situation


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
    with open_session(_asked(root)) as session:
        result, unclear = _planned(session, session.plan(engine, assume=True))
        try:
            before = _first(result, session.state, unclear)
        except RedistopoError as error:
            told = Refusal(message=error.message, detail=error.detail, hint=error.hint)
            return replace(result, steps=(), refusal=told)
        return replace(result, steps=(*before, *result.steps))


def _asked(root: Path) -> SessionRequest:
    return SessionRequest(
        root=root, seconds=5, credentials=CredentialSource.FILE, needs_started=False
    )


def dry_run(
    root: Path, engine: str = "", primary: tuple[str, ...] = (), rebuild: tuple[str, ...] = ()
) -> PlanResult:
    """The same, but refused for every reason for which `up`, asked so, would refuse to begin."""
    with open_session(_asked(root)) as session:
        made, record = session.plan(engine), session.state
        require_address(session.topology)
        require_cluster_nodes(made, rebuild)
        require_primaries(made, primary)
        refuse_older_engine(made, record)
        result, unclear = _planned(session, made, next(iter(primary), ""))
        before = _first(result, record, unclear, primary, rebuild)
        refuse_low_limits(made, result.steps, no_progress)
        refuse_busy_ports(made, result.seen, formed=record is not None and record.formed)
        return replace(result, steps=(*before, *result.steps))


def _first(
    result: PlanResult,
    record: TopologyState | None,
    unclear: UsageError | None,
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
    lost = lost_nodes_confs(made, record, seen)
    refuse_lost_nodes_confs(made, {name: why for name, why in lost.items() if name not in rebuild})
    heirs = chosen_primaries(sole_copies_on_disk(made, record, seen), primary)
    refuse_more_keys(non_empty_resets(seen))
    return (*nodes_conf_steps(made, seen, lost, rebuild, no_progress), *promotion_steps(heirs))


def _planned(
    session: Session, made: Plan, primary: str = ""
) -> tuple[PlanResult, UsageError | None]:
    """What would be done, and why nobody can tell who leads, if so: then in the file's roles."""
    record = session.state
    refuse_changed_security(session.topology, session.layout, session.rendered)
    refuse_other_layout(made, record)
    seen = observe_for_steps(session.context(made))
    now = situation(made, record, seen, session.credentials)
    made = with_current_roles(made, now)
    unclear = None
    try:
        made = with_chosen_primary(made, now.seen, record, primary, no_progress)
    except UsageError as error:
        unclear = error
    steps = reconcile(made, now)
    if record is not None and record.formed:
        made = with_observed_roles(made, shards_of(now.seen))
    return PlanResult(plan=made, steps=steps, seen=now.seen), unclear
