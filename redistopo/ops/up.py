"""`up`: from the topology file to a running, healthy, proven topology."""

import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from redistopo.client.observe import Detail
from redistopo.drill.interrupted_drill import delete_leftover_keys, finish_interrupted_drill
from redistopo.errors import ExitCode
from redistopo.execute.context import ExecutionContext, targets_of_plan
from redistopo.execute.executor import execute
from redistopo.execute.node_timeout import restore_node_timeout
from redistopo.execute.repair_nodes_conf import (
    lost_nodes_confs,
    nodes_conf_steps,
    promotion_steps,
    refuse_lost_nodes_confs,
    require_cluster_nodes,
)
from redistopo.execute.rollback import rolled_back_on_failure
from redistopo.execute.rotate_passwords import finish_rotation, restore_old
from redistopo.host.recorded_program import end_leftover
from redistopo.model.planning.bereft import sole_copies_on_disk
from redistopo.model.planning.leadership import (
    refuse_empty_primaries,
    require_primaries,
    with_chosen_primary,
)
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.reconcile import Step, StepKind, reconcile, with_current_roles
from redistopo.model.planning.rejoin import (
    non_empty_resets,
    plan_rejoins,
    refuse_more_keys,
    stale_ids,
)
from redistopo.model.planning.sole_copies import chosen_primaries
from redistopo.model.state.finding import Finding
from redistopo.model.state.observed import Observed, ShardSeen, shards_of
from redistopo.model.state.record import TopologyState
from redistopo.model.topology.exposure import plaintext_warning
from redistopo.ops.certs import prepare_certificates
from redistopo.progress import Progress, note, step, warn
from redistopo.project.lifecycle import begin_lifecycle, save_topology_state
from redistopo.project.load import require_address
from redistopo.project.passwords import password_path
from redistopo.project.started import refuse_changed_security, rendered_confs
from redistopo.render.connect import ConnectLines, connect_lines
from redistopo.session.diagnosis import explaining
from redistopo.session.failures import explaining_ended_servers, refuse_busy_ports, unhealthy_error
from redistopo.session.guards import refuse_low_limits
from redistopo.session.health import Verdict, wait_until_healthy, with_write_probe
from redistopo.session.open import hold_lock, open_session
from redistopo.session.session import CredentialSource, Session, SessionRequest
from redistopo.session.situation import expected_of, observe_for_steps, situation

_ROUNDS = 4
"""At most: continue what is stopped, see what a half-made topology holds, make it anew."""


_LOOK_AGAIN = (StepKind.RESUME, StepKind.FAILOVER, StepKind.RESET, StepKind.REJOIN)
"""After these there may be more to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpRequest:
    """How to bring it up; `seconds` for all of it, `keep` leaves what was started on failure.

    `primary` says who leads a replication of which nobody runs and nobody can tell, and a
    cluster's shards whose primaries were reset while a stopped replica has the data;
    `rebuild` names cluster nodes that may get a new nodes.conf, should theirs be refused.
    """

    root: Path
    seconds: float = 60.0
    engine: str = ""
    primary: tuple[str, ...] = ()
    rebuild: tuple[str, ...] = ()
    keep: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UpResult:
    """What is now; `steps` is empty where nothing was to do."""

    plan: Plan
    steps: tuple[Step, ...]
    seconds: float
    findings: tuple[Finding, ...]
    shards: tuple[ShardSeen, ...]
    engine: str
    connect: ConnectLines
    code: ExitCode = field(default=ExitCode.DONE)


def up(request: UpRequest, progress: Progress) -> UpResult:
    """The topology runs as its file says, and no check fails.

    Nothing is done twice: what runs already is left alone, what stopped comes back with
    its data and its roles. On failure, and on Ctrl-C, what this run started is stopped
    again unless `keep`. Raises RedistopoError.
    """
    began = time.monotonic()
    asked = SessionRequest(
        root=request.root,
        seconds=request.seconds,
        credentials=CredentialSource.MADE,
        needs_started=False,
    )
    with open_session(asked, progress) as session:
        plan = session.plan(request.engine)
        require_address(plan.topology)
        if risk := plaintext_warning(plan.topology):
            warn(progress, risk)
        require_cluster_nodes(plan, request.rebuild)
        require_primaries(plan, request.primary)
        with hold_lock(session, "up", make=True):
            return _up(session, plan, request, began)


def _up(session: Session, plan: Plan, request: UpRequest, began: float) -> UpResult:
    layout, told = session.layout, session.progress
    refuse_changed_security(plan.topology, layout, session.rendered)
    prepare_certificates(plan, session.state, told)
    session.credentials = finish_rotation(layout, session.credentials, told)
    context = session.context(plan)
    finish_interrupted_drill(layout, told)
    result = bring_up(context, request, began)
    delete_leftover_keys(layout, context.look(Detail.HEALTH), session.credentials, told)
    return result


def bring_up(context: ExecutionContext, request: UpRequest, began: float) -> UpResult:
    """The same under a lock that the caller holds; `began` is on the monotonic clock."""
    with rolled_back_on_failure(context, keep=request.keep):
        end_leftover(context.plan.layout.formation)
        record = begin_lifecycle(context.plan, context.progress)
        with explaining(context), explaining_ended_servers(context):
            steps = _converge(context, record, request)
            restore_old(context.plan.layout, targets_of_plan(context.plan), context.credentials)
            formed_now = any(one.do is StepKind.FORM for one in steps)
            verdict = _prove(context, record, formed_now=formed_now)
        kept = password_path(context.plan.topology, context.plan.layout)
        return UpResult(
            plan=context.plan,
            steps=steps,
            seconds=time.monotonic() - began,
            findings=verdict.findings,
            shards=shards_of(verdict.seen),
            engine=verdict.seen.engine,
            connect=connect_lines(context.plan, str(kept or "")),
        )


def _converge(
    context: ExecutionContext, record: TopologyState, request: UpRequest
) -> tuple[Step, ...]:
    """Steps until none is left to do; most often one round, or none."""
    done: list[Step] = list(_rebuilt(context, record, request))
    for _round in range(_ROUNDS):
        seen = observe_for_steps(context)
        now = situation(context.plan, record, seen, context.credentials, refused=context.refused)
        context.plan = with_current_roles(context.plan, now)
        lead = next(iter(request.primary), "")
        context.plan = with_chosen_primary(context.plan, seen, record, lead, context.progress)
        steps = reconcile(context.plan, now)
        refuse_more_keys(non_empty_resets(seen))
        refuse_busy_ports(context.plan, seen, formed=record.formed)
        refuse_low_limits(context.plan, steps, context.progress)
        execute(context, steps)
        done += steps
        unformed = context.plan.topology.clustered and not record.formed
        more = (
            any(one.do in _LOOK_AGAIN for one in steps)
            or (unformed and steps and not any(one.do is StepKind.FORM for one in steps))
            or (
                record.formed
                and any(one.do is StepKind.START for one in steps)
                and _strayed(context)
            )
        )
        if not more:
            break
    return tuple(done)


def _strayed(context: ExecutionContext) -> bool:
    """Whether there are nodes to take back, now that all run: one that is down may own slots."""
    seen = context.look(Detail.HEALTH)
    found = (
        plan_rejoins(seen, context.plan.topology.shards)
        or stale_ids(seen)
        or non_empty_resets(seen)
    )
    return bool(found)


def _rebuilt(
    context: ExecutionContext, record: TopologyState, request: UpRequest
) -> tuple[Step, ...]:
    """No absent node of a formed cluster is without its table; those asked for got a new one,
    and so did those that are to lead in place of a primary that was reset."""
    if not context.plan.topology.clustered:
        return ()
    seen = observe_for_steps(context)
    refuse_empty_primaries(context.plan, record, seen)
    lost, asked = lost_nodes_confs(context.plan, record, seen), request.rebuild
    refuse_lost_nodes_confs(context.plan, {k: v for k, v in lost.items() if k not in asked})
    steps = nodes_conf_steps(context.plan, seen, lost, asked, context.progress)
    execute(context, steps)
    found = sole_copies_on_disk(context.plan, record, seen)
    heirs = promotion_steps(chosen_primaries(found, request.primary))
    concerned = {name for one in found for name in (one.name, one.primary)}
    for name in (one for one in request.primary if one not in concerned):
        note(context.progress, f"--primary {name} is not needed: no node's data depends on it")
    execute(context, heirs)
    return (*steps, *heirs)


def _prove(context: ExecutionContext, record: TopologyState, *, formed_now: bool) -> Verdict:
    """Healthy by the same checks as `verify`; raises Unhealthy where it isn't in time."""
    topology, layout = context.plan.topology, context.plan.layout
    with step(context.progress, "wait until every node agrees"):
        first = wait_until_healthy(
            lambda: context.look(Detail.HEALTH), expected_of(topology), context.deadline, context
        )
        if not first.healthy:
            raise unhealthy_error(context.plan, first)
        if formed_now:
            restore_node_timeout(context)
    with step(context.progress, "verify"):
        paths = {node.name: str(node.folder.config) for node in context.plan.nodes}
        wanted = expected_of(topology, rendered_confs(layout, record), paths)
        last = wait_until_healthy(lambda: _full(context), wanted, context.deadline, context)
        if not last.healthy:
            raise unhealthy_error(context.plan, last)
        engine = last.seen.engine.lower()
        primary = last.seen.primary
        save_topology_state(layout, replace(record, formed=True, primary=primary, engine=engine))
    return last


def _full(context: ExecutionContext) -> Observed:
    return with_write_probe(context.look(Detail.FULL), context.client)
