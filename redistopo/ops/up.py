"""`up`: from the topology file to a running, healthy, proven topology."""

import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from redistopo.client.connection import Asker
from redistopo.client.observe import Depth
from redistopo.drill.recover import release, tidy
from redistopo.errors import ExitCode, RestartNeeded
from redistopo.execute.context import Hands, targets
from redistopo.execute.executor import execute
from redistopo.execute.node_timeout import calm
from redistopo.execute.repair_nodes_conf import (
    lost_tables,
    refuse_lost_tables,
    require_nodes,
    steps_to_promote,
    steps_to_rebuild,
)
from redistopo.execute.rollback import undo
from redistopo.execute.rotate_passwords import finish_rotation, restore_old
from redistopo.host.polling import Deadline
from redistopo.host.redis_cli import end_leftover
from redistopo.model.planning.bereft import bereaved
from redistopo.model.planning.leadership import leading, refuse_empty_primaries, require_primaries
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.reconcile import Do, Step, changes, current
from redistopo.model.planning.rejoin import comebacks, ghosts, refuse_more_keys, returned
from redistopo.model.planning.sole_copies import decided
from redistopo.model.state.finding import Finding
from redistopo.model.state.observed import Observed, ShardSeen, shards_of
from redistopo.model.state.record import Record
from redistopo.model.topology.exposure import open_to_listeners
from redistopo.ops.certs import prepare_certificates
from redistopo.progress import Tell, note, step, warn
from redistopo.project.lifecycle import begin, remember
from redistopo.project.load import load, plan_of, require_address
from redistopo.project.lock import locked
from redistopo.project.passwords import keys, password_path
from redistopo.project.progress_log import recorded
from redistopo.project.secrets import discreet
from redistopo.project.started import configs, refuse_other_locks
from redistopo.render.connect import Connect, connect
from redistopo.session.diagnosis import explaining
from redistopo.session.failures import blaming, refuse_busy_ports, unhealthy
from redistopo.session.guards import refuse_low_limits
from redistopo.session.health import Verdict, settle, with_proof
from redistopo.session.situation import expected, look_for_steps, primary_in, situation

_ROUNDS = 4
"""At most: continue what is stopped, see what a half-made topology holds, make it anew."""


_LOOK_AGAIN = (Do.RESUME, Do.FAILOVER, Do.RESET, Do.REJOIN)
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
    connect: Connect
    code: ExitCode = field(default=ExitCode.DONE)


def up(request: UpRequest, tell: Tell) -> UpResult:
    """The topology runs as its file says, and no check fails.

    Nothing is done twice: what runs already is left alone, what stopped comes back with
    its data and its roles. On failure, and on Ctrl-C, what this run started is stopped
    again unless `keep`. Raises RedistopoError.
    """
    began = time.monotonic()
    deadline = Deadline(request.seconds)
    project = load(request.root)
    plan = plan_of(project, request.engine)
    require_address(plan.topology)
    if risk := open_to_listeners(plan.topology):
        warn(tell, risk)
    require_nodes(plan, request.rebuild)
    require_primaries(plan, request.primary)
    with (
        locked(plan.layout, "up", deadline, tell, make=True),
        recorded(plan.layout, "up", tell) as told,
        discreet(plan.layout),
    ):
        refuse_other_locks(plan.topology, plan.layout)
        prepare_certificates(plan, told)
        held = finish_rotation(plan.layout, keys(plan.topology, plan.layout, make=True), told)
        with Asker(held) as asker:
            hands = Hands(plan=plan, keys=held, asker=asker, deadline=deadline, tell=told)
            release(plan.layout, told)
            result = bring_up(hands, request, began)
            tidy(plan.layout, hands.look(Depth.HEALTH), held, told)
            return result


def bring_up(hands: Hands, request: UpRequest, began: float) -> UpResult:
    """The same under a lock that the caller holds; `began` is on the monotonic clock."""
    try:
        end_leftover(hands.plan.layout.formation)
        record = begin(hands.plan, hands.tell)
        with explaining(hands), blaming(hands):
            steps = _converge(hands, record, request)
            restore_old(hands.plan.layout, targets(hands.plan), hands.keys)
            formed_now = any(one.do is Do.FORM for one in steps)
            verdict = _prove(hands, record, formed_now=formed_now)
        kept = password_path(hands.plan.topology, hands.plan.layout)
        return UpResult(
            plan=hands.plan,
            steps=steps,
            seconds=time.monotonic() - began,
            findings=verdict.findings,
            shards=shards_of(verdict.seen),
            engine=verdict.seen.engine,
            connect=connect(hands.plan, str(kept or "")),
        )
    except RestartNeeded:
        raise  # a rolling restart wants all nodes: what was started stays
    except BaseException:  # Ctrl-C too: what this run started is stopped
        if hands.started and not request.keep:
            undo(hands)
        elif hands.started:
            note(hands.tell, f"kept running: {', '.join(hands.started)}; redistopo down stops them")
        raise


def _converge(hands: Hands, record: Record, request: UpRequest) -> tuple[Step, ...]:
    """Steps until none is left to do; most often one round, or none."""
    done: list[Step] = list(_rebuilt(hands, record, request))
    for _round in range(_ROUNDS):
        seen = look_for_steps(hands)
        now = situation(hands.plan, record, seen, hands.keys, refused=hands.refused)
        hands.plan = current(hands.plan, now)
        lead = next(iter(request.primary), "")
        hands.plan = leading(hands.plan, seen, record, lead, hands.tell)
        steps = changes(hands.plan, now)
        refuse_more_keys(returned(seen))
        refuse_busy_ports(hands.plan, seen, formed=record.formed)
        refuse_low_limits(hands.plan, steps, hands.tell)
        execute(hands, steps)
        done += steps
        unformed = hands.plan.topology.clustered and not record.formed
        more = (
            any(one.do in _LOOK_AGAIN for one in steps)
            or (unformed and steps and not any(one.do is Do.FORM for one in steps))
            or (record.formed and any(one.do is Do.START for one in steps) and _strayed(hands))
        )
        if not more:
            break
    return tuple(done)


def _strayed(hands: Hands) -> bool:
    """Whether there are nodes to take back, now that all run: one that is down may own slots."""
    seen = hands.look(Depth.HEALTH)
    found = comebacks(seen, hands.plan.topology.shards) or ghosts(seen) or returned(seen)
    return bool(found)


def _rebuilt(hands: Hands, record: Record, request: UpRequest) -> tuple[Step, ...]:
    """No absent node of a formed cluster is without its table; those asked for got a new one,
    and so did those that are to lead in place of a primary that was reset."""
    if not hands.plan.topology.clustered:
        return ()
    seen = look_for_steps(hands)
    refuse_empty_primaries(hands.plan, record, seen)
    lost, asked = lost_tables(hands.plan, record, seen), request.rebuild
    refuse_lost_tables(hands.plan, {k: v for k, v in lost.items() if k not in asked})
    steps = steps_to_rebuild(hands.plan, seen, lost, asked, hands.tell)
    execute(hands, steps)
    found = bereaved(hands.plan, record, seen)
    heirs = steps_to_promote(decided(found, request.primary))
    concerned = {name for one in found for name in (one.name, one.primary)}
    for name in (one for one in request.primary if one not in concerned):
        note(hands.tell, f"--primary {name} is not needed: no node's data depends on it")
    execute(hands, heirs)
    return (*steps, *heirs)


def _prove(hands: Hands, record: Record, *, formed_now: bool) -> Verdict:
    """Healthy by the same checks as `verify`; raises FaultFound where it isn't in time."""
    topology, layout = hands.plan.topology, hands.plan.layout
    with step(hands.tell, "wait until every node agrees"):
        first = settle(lambda: hands.look(Depth.HEALTH), expected(topology), hands.deadline, hands)
        if not first.healthy:
            raise unhealthy(hands.plan, first)
        if formed_now:
            calm(hands)
    with step(hands.tell, "verify"):
        paths = {node.name: str(node.folder.config) for node in hands.plan.nodes}
        wanted = expected(topology, configs(layout), paths)
        last = settle(lambda: _full(hands), wanted, hands.deadline, hands)
        if not last.healthy:
            raise unhealthy(hands.plan, last)
        engine = last.seen.engine.lower()
        primary = primary_in(last.seen)
        remember(layout, replace(record, formed=True, primary=primary, engine=engine))
    return last


def _full(hands: Hands) -> Observed:
    return with_proof(hands.look(Depth.FULL), hands.asker)
