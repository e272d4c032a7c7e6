"""`start`: starts stopped nodes as `up` would; no other node is affected."""

from contextlib import suppress
from pathlib import Path

from redistopo.client.target import Detail
from redistopo.errors import RedistopoError, TimedOut, UsageError
from redistopo.execute.context import ExecutionContext
from redistopo.execute.executor import execute
from redistopo.execute.rollback import rolled_back_on_failure
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.planning.guards import guard, limit_warnings
from redistopo.model.planning.leadership import choose_primary
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.proposal import Asked, Proposal
from redistopo.model.planning.reconcile import starting_steps
from redistopo.model.planning.situation import with_current_roles
from redistopo.model.planning.step import Step, StepKind
from redistopo.model.protocol.credentials import Credentials, Login
from redistopo.model.protocol.nodes_conf import parse_nodes_conf
from redistopo.model.protocol.slots import SLOT_COUNT, unassigned_slots
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.model.state.record import TopologyState
from redistopo.model.state.selector import select_nodes
from redistopo.model.state.status_rows import status_rows
from redistopo.model.topology.spec import Persistence
from redistopo.ops.certs import prepare_certificates
from redistopo.ops.refuse_settings import naming_refused_settings, refuse_edits
from redistopo.progress import Progress, note, warn
from redistopo.project.started_topology import nothing_started_error
from redistopo.quick_dataclass import dataclass
from redistopo.session.failures import explaining_ended_servers
from redistopo.session.local_preconditions import refuse_folder, refuse_request
from redistopo.session.node_action import (
    NodeActionResult,
    NodeOutcome,
    finish_action,
    names_a_role,
    not_done,
)
from redistopo.session.open import open_session
from redistopo.session.session import CredentialSource, Session, SessionRequest
from redistopo.session.situation import observe_for_steps, situation

_JOIN_SECONDS = 5.0
"""For a node that is ready to find its way back among the others."""

_BY_UP = "redistopo up inspects all nodes, and promotes the right one"

_UNKNOWN = "set REDISTOPO_PASSWORD as it was; or redistopo up, which makes a new password"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRequest:
    """The nodes to start, by selectors, or all that don't run; `seconds` is the time limit."""

    root: Path
    words: tuple[str, ...] = ()
    seconds: float = 60.0
    engine: str = ""


def start(request: StartRequest, progress: Progress) -> NodeActionResult:
    """Start the selected nodes with their data and the current configuration, until they are ready;
    replicas follow the current primary. No other node is affected.

    Running nodes are left alone. On failure, what this run started is stopped again. Raises
    RedistopoError, and refuses whatever `up` would refuse to protect data.
    """
    asked = SessionRequest(
        root=request.root,
        lock="start",
        seconds=request.seconds,
        credentials=CredentialSource.FILE,
        needs_started=False,
    )
    with open_session(asked, progress) as session:
        record = session.state
        if record is None:
            raise nothing_started_error(session.layout)
        if not record.formed:
            raise RedistopoError(
                "this topology was never brought up to the end", hint="redistopo up goes on with it"
            )
        plan = session.plan(request.engine)
        _refuse(session, plan)
        prepare_certificates(plan, session.host, session.progress)
        if plan.topology.auth and not all(one.password for one in _all_of(session.credentials)):
            raise RedistopoError("a password is not known here", hint=_UNKNOWN)
        context = session.context(plan)
        meant = _start(context, record, request)
        seen = session.record_primary(context.observe(Detail.HEALTH))
        return finish_action(seen, (_done(node) for node in meant))


def _all_of(held: Credentials) -> tuple[Login, ...]:
    found = (held.own, held.application, held.replication)
    return tuple(one for one in found if one is not None)


def _refuse(session: Session, plan: Plan) -> None:
    """Raise RedistopoError if this topology can't be started as its file says."""
    refuse_request(plan, Asked())
    refuse_folder(session, plan)
    if session.rotation is not None:
        raise RedistopoError(
            "a change of passwords was cut off half-way",
            hint="redistopo up brings it to its end first",
        )


def _start(
    context: ExecutionContext, record: TopologyState, request: StartRequest
) -> tuple[NodeSeen, ...]:
    """Start the selected nodes that don't run, with their data."""
    seen = observe_for_steps(context)
    absent = [node for node in seen.nodes if not node.running]
    meant = select_nodes(seen, request.words) if request.words else tuple(absent)
    going = tuple(node for node in meant if not node.running)
    others = [node.name for node in absent if node not in going and not node.is_sentinel]
    if names_a_role(request.words) and others:
        note(context.progress, f"{', '.join(others)} doesn't run, so it has no role now: name it")
    if going:
        _bring_back(context, record, seen, going)
    return meant


def _bring_back(
    context: ExecutionContext, record: TopologyState, seen: Observed, going: tuple[NodeSeen, ...]
) -> None:
    plan, names = context.plan, [node.name for node in going]
    now = situation(context, record, seen)
    plan, told = choose_primary(with_current_roles(plan, now), seen, record, "")
    if told:
        note(context.progress, told)
    steps, others = starting_steps(plan, now, names)
    proposal = Proposal(plan=plan, now=now, steps=steps, asked=Asked(among=tuple(names)))
    guard(proposal)
    _refuse_unled(plan, seen, names, others)
    _refuse_unstarted(names, steps, others)
    for text in limit_warnings(proposal):
        warn(context.progress, text)
    context.plan = plan
    refuse_edits(context, seen, steps)
    with (
        rolled_back_on_failure(context),
        naming_refused_settings(context),
        explaining_ended_servers(context),
    ):
        execute(context, steps)
        _await_joined(context, names)


def _refuse_unled(plan: Plan, seen: Observed, names: list[str], others: tuple[Step, ...]) -> None:
    """Raise UsageError if a start by itself may lose data, because another node must be promoted,
    or follow another primary, first. A replica whose primary doesn't run waits for it."""
    lead = [
        name for one in others if one.do in (StepKind.LEAD, StepKind.TAKEOVER) for name in one.nodes
    ]
    if plan.topology.clustered:
        _refuse_unheard(plan, seen, names)
        places = {plan.node(name).address for name in names}
        first = [one.name for one in seen.nodes if one.name in lead and one.follows in places]
        if first:
            raise UsageError(
                f"{', '.join(first)} runs and has more than its primary has on disk",
                detail="a primary that is started now would take that from it",
                hint=_BY_UP,
            )
        return
    if any(node.role is Role.PRIMARY for node in seen.nodes):
        return
    if paused := [node.name for node in seen.nodes if node.paused]:
        raise UsageError(
            f"{', '.join(paused)} is paused, and may be the primary",
            hint=f"redistopo resume {' '.join(paused)}",
        )
    if lead:
        raise UsageError(f"there is no primary, and {lead[0]} must be promoted", hint=_BY_UP)


def _refuse_unheard(plan: Plan, seen: Observed, names: list[str]) -> None:
    """Raise UsageError if a paused replica may have data that its primary doesn't have on disk: it
    would lose that once resumed. With an append-only file the primary itself has everything."""
    if plan.topology.persistence is Persistence.AOF:
        return
    texts, places = seen.nodes_confs, {plan.node(name).address for name in names}
    for node in (one for one in seen.nodes if one.paused):
        table = parse_nodes_conf(texts.get(node.address, ""), node.address)
        me = table.at(node.address) if table else None
        if table and me and not me.is_primary and places & set(table.shard_peers(node.address)):
            raise UsageError(
                f"{node.name} is paused, and may have more than its primary has on disk",
                detail="a primary that is started now would take that from it",
                hint=f"redistopo resume {node.name}, then redistopo up",
            )


def _refuse_unstarted(names: list[str], steps: tuple[Step, ...], others: tuple[Step, ...]) -> None:
    """Raise UsageError if `up` would not start one of these nodes now."""
    started = {name for one in steps if one.do is StepKind.START for name in one.nodes}
    if left := [name for name in names if name not in started]:
        raise UsageError(
            f"{', '.join(left)} can't be started before other steps are done",
            detail="\n".join(f"{one}: {one.cause}" for one in others),
            hint=_BY_UP,
        )


def _await_joined(context: ExecutionContext, names: list[str]) -> None:
    """Wait until the nodes are healthy, or report the state in which they were left."""
    last: dict[str, str] = {}

    def look() -> bool | None:
        seen = context.observe(Detail.HEALTH)
        last.clear()
        last.update({one.name: one.state for one in status_rows(seen) if one.name in names})
        unwell = {name for name, state in last.items() if state != "ok"}
        return None if unwell and _hopeful(seen, unwell) else True

    with suppress(TimedOut):
        wait_for(look, Deadline(min(_JOIN_SECONDS, context.deadline.left)))
    for name, state in last.items():
        if state != "ok":
            warn(context.progress, f"{name} is ready, and its state is: {state}")


def _hopeful(seen: Observed, names: set[str]) -> bool:
    """Whether waiting may help: the replicas' primaries run, and all slots have an owner."""
    owned = [node.myself.slots for node in seen.answering if node.myself]
    if owned and unassigned_slots(owned, SLOT_COUNT):
        return False
    followed = {node.follows for node in seen.nodes if node.name in names} - {""}
    return all((leader := seen.at(one)) is None or leader.answers for one in followed)


def _done(node: NodeSeen) -> NodeOutcome:
    if node.paused:
        return not_done(node.name, "is paused", f"redistopo resume {node.name}")
    if node.running:
        return NodeOutcome(name=node.name, did="runs already", changed=False)
    return NodeOutcome(name=node.name, did="started")
