"""`up`: from the topology file to a running, healthy, proven topology."""

import time
from collections.abc import Collection
from dataclasses import field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from redistopo.client.target import Detail
from redistopo.errors import ExitCode
from redistopo.execute.context import ExecutionContext
from redistopo.execute.executor import execute
from redistopo.execute.hurry import ended_on_failure
from redistopo.execute.rollback import rolled_back_on_failure
from redistopo.host.run_recorded import end_leftover
from redistopo.model.planning.node_numbers import with_removed
from redistopo.model.planning.placement import with_current_placement
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.plan_rejoin import (
    FORGOTTEN,
    non_empty_resets,
    plan_rejoins,
    stale_ids,
)
from redistopo.model.planning.proposal import Asked
from redistopo.model.planning.settle_steps import settle_steps
from redistopo.model.planning.spread_roles import spread_steps
from redistopo.model.planning.step import OBSERVE_AGAIN, Step, StepKind, linked
from redistopo.model.remedies.of_topology import rotate_passwords
from redistopo.model.state.finding import Finding
from redistopo.model.state.job import SlotMove
from redistopo.model.state.observed import Role
from redistopo.model.state.record import TopologyState
from redistopo.model.state.shards import ShardSeen, shards_of
from redistopo.model.topology.exposure import plaintext_warning
from redistopo.ops.refuse_settings import naming_refused_settings, refuse_edits
from redistopo.progress import Progress, note, step, warn
from redistopo.project.drill_intent_file import load_intent
from redistopo.project.job_file import end_job, load_job, moves_left, save_job
from redistopo.project.load import layout_of_folder
from redistopo.project.topology_record import adopted_record, begin_lifecycle
from redistopo.project.trust import trust
from redistopo.project.unfinished_changes import naming_ways_on
from redistopo.quick_dataclass import dataclass
from redistopo.render.connect import ConnectLines
from redistopo.session.decision import decide_now
from redistopo.session.diagnosis import explaining
from redistopo.session.edited_numbers import record_edit
from redistopo.session.failures import explaining_ended_servers
from redistopo.session.lines_to_connect import lines_to_connect
from redistopo.session.local_preconditions import refuse_folder, refuse_request
from redistopo.session.open import hold_lock, open_session
from redistopo.session.session import CredentialSource, Session, SessionRequest

if TYPE_CHECKING:
    from redistopo.session.health import Verdict

_ROUNDS = 6
"""The maximum: resume paused nodes, inspect an interrupted topology, create it again; or start
nodes, add and remove some, and see that nothing is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpRequest:
    """Options of `up`; `seconds` is the time limit, `keep` leaves servers running on failure.

    `primary` is the node to use as primary of a replication if it can't be determined, or of
    cluster shards whose primary was reset while a stopped replica has the data; `rebuild` are
    cluster nodes whose nodes.conf may be rebuilt if the server refuses it.
    """

    root: Path
    seconds: float = 60.0
    engine: str = ""
    primary: tuple[str, ...] = ()
    rebuild: tuple[str, ...] = ()
    keep: bool = False

    @property
    def asked(self) -> Asked:
        """The options that guards depend on."""
        return Asked(primary=self.primary, rebuild=self.rebuild)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpResult:
    """The result; `steps` is empty if nothing was to be done."""

    plan: Plan
    steps: tuple[Step, ...]
    seconds: float
    findings: tuple[Finding, ...]
    shards: tuple[ShardSeen, ...]
    engine: str
    connect: ConnectLines
    code: ExitCode = field(default=ExitCode.DONE)


def trust_folder(root: Path) -> None:
    """Trust the folder, so that a program in it may be its engine; raises MissingPrerequisite if
    that can't be recorded."""
    trust(layout_of_folder(root))


def up(request: UpRequest, progress: Progress) -> UpResult:
    """Bring up the topology as its file says, until no check fails.

    Idempotent: running nodes are left alone, stopped ones start with their data and roles. On
    failure, and on Ctrl-C, what this run started is stopped again unless `keep`; a topology that
    was formed before and doesn't become healthy is left running. Raises RedistopoError.
    """
    began = time.monotonic()
    asked = SessionRequest(
        root=request.root,
        seconds=request.seconds,
        credentials=CredentialSource.MADE,
        needs_started=False,
    )
    with open_session(asked, progress) as session:
        if session.topology.hosts is not None and session.topology.hosts.package:
            from redistopo.session.hosts import install_needed

            install_needed(session, request.engine, request.seconds)
        plan = session.plan(request.engine)
        if plan.topology.adopted:
            with hold_lock(session, "up", make=True):
                return _up_adopted(session, plan, began)
        refuse_request(plan, request.asked)
        if risk := plaintext_warning(plan.topology):
            warn(progress, risk)
        with hold_lock(session, "up", make=True):
            return _up(session, session.replanned(plan, request.engine), request, began)


def _up(session: Session, plan: Plan, request: UpRequest, began: float) -> UpResult:
    layout, told = session.layout, session.progress
    if (job := load_job(layout)) and job.verb == "move":
        from redistopo.ops.rolling_move import finish_move

        finish_move(session, job, request.seconds)
    refuse_folder(session, plan, by_up=True)
    if plan.topology.tls:
        from redistopo.ops.certs import prepare_certificates

        prepare_certificates(plan, session.host, told)
    _finish_rotation(session, plan)
    context = session.context(plan)
    if load_intent(layout) is None:
        with naming_ways_on(layout):
            return bring_up(session, context, request, began)
    from redistopo.drill.interrupted_drill import end_drill, finish_interrupted_drill, take_back

    drilled = finish_interrupted_drill(layout, told, session.host)
    if drilled:
        context = take_back(session, drilled, request.engine) or context
    result = bring_up(session, context, request, began)
    if drilled:
        end_drill(session, context, drilled)
    return result


def _up_adopted(session: Session, plan: Plan, began: float) -> UpResult:
    """Apply the file's settings to adopted servers, and prove that they work."""
    from redistopo.model.planning.decide_adopted import decide_adopted
    from redistopo.session.prove import prove

    context = session.context(plan)
    found = decide_adopted(plan, context.observe(Detail.FULL))
    if found.refusal is not None:
        raise found.refusal
    context.plan = found.plan
    execute(context, found.steps)
    if load_job(session.layout):
        from redistopo.session.slot_job import finish_moves

        finish_moves(context, moved=False)
    session.save_state(adopted_record(plan, session.state))
    verdict = prove(session, context)
    end_job(session.layout)
    return _result(context, verdict, found.steps, began)


def _finish_rotation(session: Session, plan: Plan) -> None:
    """Finish an interrupted password rotation, except that a kept old password is still kept."""
    rotation = session.rotation
    if rotation is None:
        return
    from redistopo.execute.rotate_passwords import carry_over

    if rotation.keep_old:
        note(session.progress, rotate_passwords("the old password still works; to end that: "))
    context = session.context(plan)
    paused = tuple(one.name for one in context.observe(Detail.PROCESS).nodes if one.paused)
    if paused:  # they would not reply to the new password
        execute(context, (Step(do=StepKind.RESUME, nodes=paused, cause="paused by SIGSTOP"),))
    session.log_in_with(carry_over(session.context(plan), session.rendered, rotation))
    session.reread()


def bring_up(
    session: Session, context: ExecutionContext, request: UpRequest, began: float
) -> UpResult:
    """Bring up the topology of a locked session; `began` is on the monotonic clock."""
    formed = session.state is not None and session.state.formed
    moving = partial(moves_left, context.plan.layout)
    with (
        ended_on_failure(context),
        rolled_back_on_failure(context, keep=request.keep, formed=formed, moving=moving),
        naming_refused_settings(context),
    ):
        end_leftover(context.plan.layout.formation)
        context.on_launch = lambda: _prepare_end(context)
        steps = _converge(session, context, request.asked)
        with explaining(context), explaining_ended_servers(context):
            if session.rotation is not None:
                from redistopo.execute.rotate_passwords import restore_old

                restore_old(context, session.rotation)
            if load_job(context.plan.layout):
                from redistopo.session.slot_job import finish_moves

                finish_moves(context, moved=any(one.do is StepKind.MOVE for one in steps))
            _finish_meeting(context, steps)
            from redistopo.session.prove import prove

            verdict = prove(session, context)
            end_job(context.plan.layout)
        return _result(context, verdict, steps, began)


def _result(
    context: ExecutionContext, verdict: "Verdict", steps: tuple[Step, ...], began: float
) -> UpResult:
    return UpResult(
        plan=with_current_placement(context.plan, verdict.seen),
        steps=steps,
        seconds=time.monotonic() - began,
        findings=verdict.findings,
        shards=shards_of(verdict.seen),
        engine=" and ".join(verdict.seen.engines),
        connect=lines_to_connect(context.plan),
    )


def _converge(session: Session, context: ExecutionContext, asked: Asked) -> tuple[Step, ...]:
    """Execute steps until none is left; in most cases in one round, or none. Returns them."""
    done: tuple[Step, ...] = ()
    before = session.state
    context.on_moves = lambda moves: _record_moves(session, context, moves)
    context.on_removal = lambda names: _record_removal(session, context.plan, names)
    for number in range(_ROUNDS):
        ahead = decide_now(context, session.state, asked)
        record, found = ahead.record, ahead.decision
        if ahead.warning:
            warn(context.progress, ahead.warning)
        context.plan = found.plan
        if found.refusal is not None:
            raise found.refusal
        if not number:
            refuse_edits(context, ahead.seen, found.steps)
        record_edit(context.plan, before, ahead.seen)
        # before they are recorded: if interrupted, this is continued
        execute(context, ahead.moves)
        done = (*done, *ahead.moves)
        if not number:
            record = begin_lifecycle(context.plan, record, context.progress)
            session.save_state(record)
            for text in found.notes:
                note(context.progress, text)
        for text in found.warnings:
            warn(context.progress, text)
        # a refusal needs no diagnosis, and is that of a dry run; an error of a step gets one
        with explaining(context), explaining_ended_servers(context):
            execute(context, found.steps)
            done = (*done, *linked(context.plan, found.steps, done))
            if not _goes_on(context, record, found.steps):
                break
        # done, although its log still reports that the old file was refused
        asked = replace(asked, rebuild=())
    return done


def _record_moves(session: Session, context: ExecutionContext, moves: tuple[SlotMove, ...]) -> None:
    """Record moves before they begin, in the job of the verb that asked for them, if there is
    one."""
    from redistopo.execute.slot_rights import require_slot_rights
    from redistopo.model.planning.refuse_moves import owners_of
    from redistopo.model.planning.slot_moves import with_moves
    from redistopo.session.slot_job import new_job

    seen = context.observe(Detail.HEALTH)
    primaries = [node for node in seen.answering if node.role is Role.PRIMARY]
    require_slot_rights(context.client, primaries, context.credentials)
    job = load_job(session.layout) or new_job("up", (), seen, ())
    save_job(session.layout, with_moves(job, moves, owners_of(seen)))


def _record_removal(session: Session, plan: Plan, names: Collection[str]) -> None:
    if session.state is not None:
        session.save_state(with_removed(plan, session.state, names))


def _goes_on(context: ExecutionContext, record: TopologyState, steps: tuple[Step, ...]) -> bool:
    """Whether there may be more to do, now that these steps are done."""
    if (kinds := {one.do for one in steps}) & OBSERVE_AGAIN:
        return True
    if not record.formed:
        return context.plan.topology.clustered and bool(kinds) and StepKind.FORM not in kinds
    return StepKind.START in kinds and (_strayed(context) or _unfinished(context))


def _unfinished(context: ExecutionContext) -> bool:
    """Whether nodes are still to be added or removed, which waited for the others."""
    plan = context.plan
    surplus = (len(plan.data), len(plan.sentinels)) != (plan.topology.size, plan.topology.sentinels)
    return surplus or len(context.observe(Detail.PROCESS).running) < len(plan.nodes)


def _strayed(context: ExecutionContext) -> bool:
    """Whether there are nodes to take back, or slots to settle, now that all run: a node that is
    down may own slots."""
    seen = context.observe(Detail.HEALTH)
    shards = context.plan.topology.shards
    found = (
        plan_rejoins(seen, shards),
        stale_ids(seen, context.plan.topology.hosts),
        non_empty_resets(seen),
        settle_steps(seen),
        spread_steps(context.plan.topology.hosts, seen),
    )
    return any(map(tuple, found))


def _finish_meeting(context: ExecutionContext, steps: tuple[Step, ...]) -> None:
    """Wait until nodes that were forgotten are known for good, where nodes pass that on."""
    met = [one for one in steps if one.do is StepKind.REJOIN and one.cause == FORGOTTEN]
    if met and context.plan.engine.passes_on_forgotten_nodes:
        from redistopo.execute.rejoin_cluster import await_accepted

        names = ", ".join(dict.fromkeys(one.nodes[0] for one in met))
        with step(context.progress, f"wait until nodes accept {names} again", changes=False):
            await_accepted(context)


def _prepare_end(context: ExecutionContext) -> None:
    """Import the proof and compile the last templates while servers start, which takes as long."""
    import redistopo.session.prove  # noqa: F401

    lines_to_connect(context.plan)
