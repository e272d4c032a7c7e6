"""`plan`: what `up` would do now, and why; nothing is started."""

from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path

from redistopo.client.connection import Connections
from redistopo.client.target import Detail
from redistopo.errors import ExitCode, RedistopoError
from redistopo.host.polling import Deadline
from redistopo.model.planning.change_cost import ChangeCost, cost_of
from redistopo.model.planning.decide_adopted import decide_adopted
from redistopo.model.planning.decide_up import Decision
from redistopo.model.planning.host_package import HostPackage
from redistopo.model.planning.placement import (
    current_slots,
    decides_replicas,
    with_current_placement,
    without_placement,
)
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.proposal import Asked
from redistopo.model.planning.step import Step, StepKind, linked
from redistopo.model.planning.unrepaired_faults import unrepaired_faults
from redistopo.model.remedies.remedy import loses
from redistopo.model.state.finding import Finding
from redistopo.model.state.observed import Observed
from redistopo.ops.refuse_settings import refuse_edits
from redistopo.project.certificates import refuse_lost_authority
from redistopo.project.redact_secrets import hide
from redistopo.quick_dataclass import dataclass
from redistopo.session.decision import decide_now
from redistopo.session.health import wait_until_healthy
from redistopo.session.local_preconditions import refuse_folder, refuse_request
from redistopo.session.open import open_session
from redistopo.session.preview_result import Preview
from redistopo.session.session import CredentialSource, Session, SessionRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why `up` would do nothing, in the same words as `up`."""

    message: str
    detail: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanResult:
    """The plan with current roles, the steps of `up`, none if it would refuse, and its warnings.

    `faults` are what `verify` finds and no step repairs: `up` would wait for it, and fail.
    `slots` are those that each primary of a formed cluster owns, or owned when it stopped;
    `replicas_by` is the program that will decide which primary a replica follows: then the plan's
    replicas follow no primary yet, and are in no shard. It is "" otherwise. `cost` is what steps
    that add or remove nodes or move slots take, None without any. `services` is how each host keeps
    servers, for those that were asked; `package` is what `up` installs there first, None for
    nothing.
    """

    plan: Plan
    steps: tuple[Step, ...]
    warnings: tuple[str, ...] = ()
    refusal: Refusal | None = None
    slots: Mapping[str, str] = field(default_factory=dict)
    replicas_by: str = ""
    faults: tuple[Finding, ...] = ()
    cost: ChangeCost | None = None
    services: Mapping[str, str] = field(default_factory=dict)
    package: HostPackage | None = None
    code: ExitCode = field(default=ExitCode.DONE)


def plan(root: Path, engine: str = "") -> PlanResult:
    """Decide what `up` would do now, and why; works on a machine without any server."""
    with open_session(_session(root)) as session:
        found, seen = _ahead(session, session.plan(engine, assume=True), Asked())
        result = replace(_result(session, found, seen), package=_package(session, engine))
        if (error := found.refusal) is None:
            return result
        hide(error, session.layout)
        told = Refusal(message=error.message, detail=error.detail, hint=error.hint)
        return replace(result, steps=(), warnings=(), refusal=told)


def dry_run(
    root: Path, engine: str = "", primary: tuple[str, ...] = (), rebuild: tuple[str, ...] = ()
) -> PlanResult:
    """The same, but raises the error for which `up` with these options would refuse; the code is
    that of a fault if no step repairs it."""
    with open_session(_session(root)) as session:
        package = _package(session, engine, ask=True)
        asked = Asked(primary=primary, rebuild=rebuild)
        result = replace(result_of(session, engine, asked, package), package=package)
    return replace(result, code=ExitCode.FAULT) if result.faults else result


def result_of(
    session: Session,
    engine: str = "",
    asked: Asked | None = None,
    package: HostPackage | None = None,
) -> PlanResult:
    """Decide what `up` would do in an open session, and raise the error for which it would
    refuse; the server of a `package` that it would install first is assumed."""
    made = session.plan(engine, assume=package is not None)
    found, seen = _ahead(session, made, asked or Asked())
    if found.refusal is not None:
        raise found.refusal
    if seen is not None and package is None:
        refuse_edits(session.context(found.plan), seen, found.steps)
    return _result(session, found, seen)


def preview_up(
    root: Path, engine: str, primary: tuple[str, ...], rebuild: tuple[str, ...]
) -> Preview:
    """Determine what --primary or --rebuild would decide: what `up` refuses without them."""
    named = tuple(dict.fromkeys((*primary, *rebuild)))
    try:
        dry_run(root, engine)
    except RedistopoError as error:
        lost = loses(error.hint)
        told = (
            error.message,
            *error.detail.splitlines(),
            *([f"would lose {lost}"] if lost else ()),
        )
        return Preview(verb="up", nodes=named, losses=told)
    return Preview(verb="up", nodes=named)


def _result(session: Session, found: Decision, seen: Observed | None) -> PlanResult:
    """Add where the nodes of a formed topology are; of another one, remove what isn't decided."""
    made, slots, program = found.plan, {}, ""
    faults: tuple[Finding, ...] = ()
    formed = session.state is not None and session.state.formed
    if seen is not None:
        made = with_current_placement(found.plan, seen, found.steps)
        slots = current_slots(found.plan, seen, found.steps)
        if found.refusal is None:
            faults = _unrepaired(session, found, seen)
    elif not formed and (program := decides_replicas(made)):
        made = without_placement(made)
    return PlanResult(
        plan=made,
        steps=found.steps,
        warnings=found.warnings,
        slots=slots,
        replicas_by=program,
        faults=faults,
        cost=_cost(session, found, seen) if seen is not None else None,
        services=_services(session),
    )


def _services(session: Session) -> Mapping[str, str]:
    if session.topology.hosts is None:
        return {}
    from redistopo.session.hosts import services_of

    return services_of(session.host)


def _package(session: Session, engine: str, *, ask: bool = False) -> HostPackage | None:
    if session.topology.hosts is None:
        return None
    from redistopo.session.hosts import package_needed

    return package_needed(session, engine, ask=ask)


def _cost(session: Session, found: Decision, seen: Observed) -> ChangeCost | None:
    """Estimate what new data nodes, moves of slots and removed nodes take, from a few keys of each
    slot."""
    known = session.state.names if session.state else ()
    started = {name for one in found.steps if one.do is StepKind.START for name in one.nodes}
    new = [node.name for node in found.plan.data if node.name in started - {*known}]
    moves = tuple(move for one in found.steps for move in one.moves)
    ended = [name for one in found.steps if one.do is StepKind.END for name in one.nodes]
    if not seen.answering or not (new or moves or ended):
        return None
    if not moves:
        return cost_of(seen, new, ended=ended)
    from redistopo.execute.survey_slots import survey_moves

    with Connections(session.credentials, binary=True) as client:
        survey = survey_moves(client, seen, moves, every_key=False)
    return cost_of(seen, new, moves, survey, ended)


_SETTLING_SECONDS = 2.0


def _unrepaired(session: Session, found: Decision, seen: Observed) -> tuple[Finding, ...]:
    """Judge the snapshot; without steps, later ones too while every failure may still settle."""
    context = session.context(found.plan)
    earlier = iter((seen,))
    seconds = 0.0 if found.steps else _SETTLING_SECONDS
    verdict = wait_until_healthy(
        lambda: next(earlier, None) or context.observe(Detail.FULL),
        session.expected,
        Deadline(seconds),
    )
    return unrepaired_faults(found.steps, verdict.findings, session.rendered)


def _session(root: Path) -> SessionRequest:
    return SessionRequest(
        root=root, seconds=5, credentials=CredentialSource.SUPPOSED, needs_started=False
    )


def _ahead(session: Session, made: Plan, asked: Asked) -> tuple[Decision, Observed | None]:
    """Decide what `up` would do, from the same snapshot and with the same guards; nothing is
    written. The snapshot is returned if the topology is formed."""
    if made.topology.adopted:
        seen = session.context(made).observe(Detail.FULL)
        return decide_adopted(made, seen), seen
    try:
        refuse_request(made, asked)
        refuse_folder(session, made, by_up=True)
        if made.topology.tls:  # `up` does this when it creates certificates
            refuse_lost_authority(made.layout.tls)
        ahead = decide_now(session.context(made), session.state, asked)
    except RedistopoError as error:
        return Decision(plan=made, refusal=error), None
    found = ahead.decision
    if ahead.moves and found.refusal is None:
        found = replace(found, steps=linked(found.plan, (*ahead.moves, *found.steps)))
    return found, ahead.seen if ahead.record.formed else None
