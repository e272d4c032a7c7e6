"""`reset`: CLUSTER RESET of one node, after a failover, or with its data knowingly given up."""

import time
from dataclasses import field, replace
from pathlib import Path

from redistopo.client.connection import Command, Connections, raise_on_error
from redistopo.errors import ExitCode
from redistopo.execute.executor import execute
from redistopo.execute.handover import HandoverResult
from redistopo.host.interrupts import interrupts_deferred
from redistopo.model.planning.guards import guard
from redistopo.model.planning.plan_node_reset import NodeReset, plan_reset
from redistopo.model.planning.proposal import Asked, Proposal
from redistopo.model.planning.situation import Situation
from redistopo.model.planning.step import Step, StepKind
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.model.state.selector import select_one_node
from redistopo.model.state.status_rows import NodeStatus, status_rows
from redistopo.ops.failover import hand_over_to
from redistopo.progress import Progress, step
from redistopo.quick_dataclass import dataclass
from redistopo.session.live_change import LiveChange, change_request, live_change
from redistopo.session.local_preconditions import refuse_folder
from redistopo.session.node_action import require_words
from redistopo.session.open import open_session
from redistopo.session.session import Session, SessionRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetRequest:
    """The node, by selectors; `hard` also gives it a new id; `force` accepts the loss of the only
    copy of data. `seconds` is the time limit."""

    root: Path
    words: tuple[str, ...]
    hard: bool = False
    force: bool = False
    seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetResult:
    """The former state of the node, the node that took over (None for none), the current state of
    all nodes, and the command with which the node rejoins."""

    reset: NodeReset
    handover: HandoverResult | None
    now: tuple[NodeStatus, ...]
    seconds: float
    next: str = "redistopo up"
    code: ExitCode = field(default=ExitCode.DONE)


def outlook(request: ResetRequest) -> NodeReset:
    """Determine the effects of the reset; nothing is changed.

    Raises UsageError unless one node is selected, and for shapes other than cluster;
    RedistopoError if it isn't possible, or loses data without `force`.
    """
    require_words(request.words, "reset")
    with open_session(SessionRequest(root=request.root, verb="reset")) as session:
        refuse_folder(session, session.plan(assume=True))
        return _plan(session, session.observe(disk=True), request)


def reset(request: ResetRequest, progress: Progress) -> ResetResult:
    """Reset the node, so that it knows no other node and has no slots and no keys, also on disk; a
    replica is promoted first. With `hard` the others forget its id; otherwise they still know it.

    Raises what `outlook` raises, before anything is changed. If interrupted, `up` makes the node
    rejoin as it does after a complete reset.
    """
    began = time.monotonic()
    require_words(request.words, "reset")
    asked = change_request("reset", request.root, request.seconds)
    with open_session(asked, progress) as session:
        now = live_change(session, assume=True)
        found, done = _plan(session, session.observe(disk=True), request), None
        if found.heir:
            _, done = hand_over_to(now, [found.heir])
            _plan(session, session.observe(disk=True), replace(request, words=(found.name,)))
        if not found.already:
            _reset(now, select_one_node(now.seen, [found.name]), found)
        return ResetResult(
            reset=found,
            handover=done,
            now=status_rows(now.again()),
            seconds=time.monotonic() - began,
        )


def _plan(session: Session, seen: Observed, request: ResetRequest) -> NodeReset:
    """Plan the reset of the selected node, unless a guard refuses it."""
    node = select_one_node(seen, request.words)
    found = plan_reset(seen, node, hard=request.hard)
    proposal = Proposal(
        plan=session.plan(assume=True),
        now=Situation(seen=seen, record=session.state),
        steps=(),
        asked=Asked(among=(), force=request.force),
        reset=found,
    )
    guard(proposal)
    return found


def _reset(now: LiveChange, node: NodeSeen, found: NodeReset) -> None:
    context = now.context
    with (
        step(context.progress, f"reset {node.name}"),
        # it replies once all keys are freed, which takes seconds for many millions
        Connections(context.credentials, seconds=context.deadline.left) as client,
        interrupts_deferred(later=True),  # Ctrl-C in between would leave its keys on disk
    ):
        for commands in _batches(node, found):
            for reply in client.execute(node.endpoint, commands):
                for one in reply if isinstance(reply, list) else [reply]:
                    raise_on_error(one, f"{node.name}: CLUSTER RESET")
    # only with a new id: Valkey refuses a forgotten one for 60 s, even after CLUSTER MEET
    if found.hard:
        names = tuple(other.name for other in now.seen.answering if other.name != node.name)
        ids = dict.fromkeys(names, (found.id,))
        why = f"{node.name} has a new one"
        execute(context, (Step(do=StepKind.FORGET, nodes=names, cause=why, ids=ids),))


def _batches(node: NodeSeen, found: NodeReset) -> tuple[tuple[Command, ...], ...]:
    """Return the commands that reset and empty the node; each batch is sent once the one before is
    done.

    A primary with keys refuses the reset, so it is flushed first, if they may be lost: in one
    transaction, because an empty primary that still owns slots would empty its replicas. Its
    replicas are disconnected before, so that the flush isn't replicated: one that is paused would
    execute it later. A replica refuses to be flushed. The reset empties it, but only in memory: at
    the next start its append-only file would restore the keys, and claim their slots. So it is
    flushed afterwards, but not after a refusal: then it was elected in the meantime.
    """
    reset_it: Command = ("CLUSTER", "RESET", "HARD" if found.hard else "SOFT")
    if node.role is Role.PRIMARY and found.lost:
        hang_up: Command = ("CLIENT", "KILL", "TYPE", "replica")
        return ((("MULTI",), hang_up, ("FLUSHALL",), reset_it, ("EXEC",)),)
    return ((reset_it,), (("FLUSHALL",),))
