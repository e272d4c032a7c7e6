"""`move-slots`: move slots with their keys to a shard, while clients go on."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import field
from pathlib import Path

from redistopo.client.connection import Connections
from redistopo.client.target import Detail
from redistopo.errors import ExitCode, UsageError
from redistopo.execute.move_slots import ANSWER_SECONDS, engine_of
from redistopo.execute.slot_rights import require_slot_rights
from redistopo.execute.survey_slots import survey_moves
from redistopo.host.polling import Deadline
from redistopo.model.planning.change_cost import ShardMove, moving_seconds, shard_moves
from redistopo.model.planning.move_method import MoveMethod, method_of
from redistopo.model.planning.refuse_moves import (
    BlockingKey,
    blocking_keys,
    one_primary_of,
    owners_of,
    refuse_blocking,
    refuse_full,
    refuse_shape,
)
from redistopo.model.planning.refuse_unhealthy import refuse_unhealthy
from redistopo.model.planning.room import refuse_little_room_to_move
from redistopo.model.planning.slot_moves import moves_to, slots_of
from redistopo.model.planning.slot_survey import SlotSurvey
from redistopo.model.protocol.replies import slot_range
from redistopo.model.protocol.slots import SLOT_COUNT, SlotRange, ranges
from redistopo.model.state.job import SlotMove
from redistopo.model.state.observed import Observed
from redistopo.progress import Progress, note, step
from redistopo.project.unfinished_changes import refuse_unfinished
from redistopo.quick_dataclass import dataclass
from redistopo.session.expected import expected_of
from redistopo.session.health import wait_until_healthy
from redistopo.session.live_change import LiveChange, change_request, live_change, unrecorded
from redistopo.session.open import open_session
from redistopo.session.slot_job import new_job, run_job, spare_empty_shards


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveSlotsRequest:
    """The slots, as ``0-100,500``, and the selector of the shard that they move to.

    `allow_blocking` accepts keys that block both servers for more than half the node timeout.
    """

    root: Path
    slots: str
    to: str
    allow_blocking: bool = False
    seconds: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotMoves:
    """What moves, or has moved; `moves` is empty if nothing is to be done.

    `measured` is how the bytes were determined, `big` are the keys that are moved alone, with the
    time that each may block; `seconds` is an estimate if it was not `done`.
    """

    verb: str
    moves: tuple[ShardMove, ...]
    method: str
    measured: str
    seconds: float
    done: bool
    big: tuple[str, ...] = ()
    code: ExitCode = field(default=ExitCode.DONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class MovePlan:
    """The moves that a verb decided on, what they move, and how."""

    moves: tuple[SlotMove, ...]
    survey: SlotSurvey
    method: MoveMethod
    big: tuple[BlockingKey, ...]


Choose = Callable[[Connections, Observed], tuple[SlotMove, ...]]
"""Decides on the moves, by a snapshot and by what else it asks the servers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveRequest:
    """What the verbs that move slots have in common; `arguments` are as typed."""

    verb: str
    arguments: tuple[str, ...]
    root: Path
    seconds: float
    allow_blocking: bool
    choose: Choose


def move_slots_of(request: MoveSlotsRequest) -> MoveRequest:
    """Return what `move-slots` does; raises UsageError for slots that don't exist."""
    wanted = parse_slots(request.slots)
    consent = ("--allow-blocking",) if request.allow_blocking else ()

    def choose(_client: Connections, seen: Observed) -> tuple[SlotMove, ...]:
        return moves_to(owners_of(seen), wanted, one_primary_of(seen, request.to))

    return MoveRequest(
        verb="move-slots",
        arguments=(request.slots, "--to", request.to, *consent),
        root=request.root,
        seconds=request.seconds,
        allow_blocking=request.allow_blocking,
        choose=choose,
    )


def parse_slots(text: str) -> tuple[SlotRange, ...]:
    """Parse ``0-100,500``; raises UsageError for anything else, and for slots given twice."""
    found: list[SlotRange] = []
    for part in filter(None, (one.strip() for one in text.split(","))):
        try:
            found.append(slot_range(part))
        except ValueError as error:
            raise UsageError(
                f"{part!r} is not a slot, nor a range of slots",
                hint=f"slots are 0 to {SLOT_COUNT - 1}, for example 0-100,500",
            ) from error
    slots = slots_of(found)
    if not slots:
        raise UsageError("no slots are given", hint="name them, for example 0-100,500")
    slot, times = Counter(slots).most_common(1)[0]
    if times > 1:
        raise UsageError(f"slot {slot} is in {text!r} more than once", hint="name each slot once")
    return ranges(slots)


def move(request: MoveRequest, progress: Progress) -> SlotMoves:
    """Move slots, while clients go on; every key is at one node at any time.

    Raises RedistopoError if it refuses to, before anything is changed, or if a server fails; then
    `up` finishes it, and `undo` takes it back.
    """
    began = time.monotonic()
    asked = change_request(request.verb, request.root, request.seconds)
    with open_session(asked, progress) as session:
        refuse_shape(session.topology.shape)
        refuse_unfinished(session.layout)
        now = live_change(session, assume=True)
        plan = _planned(now, request)
        if plan.moves:
            for one in plan.big:
                note(session.progress, f"moved alone: {one}")
            job = new_job(request.verb, request.arguments, now.seen, plan.moves)
            run_job(now.context, job, plan.survey)
            spare_empty_shards(now.context, job)
            with step(session.progress, "wait until every node agrees", changes=False):
                now.await_health(now.context.accepted)
        return _result(request.verb, plan, seconds=time.monotonic() - began)


def preview_move(request: MoveRequest, progress: Progress) -> SlotMoves:
    """Determine what would move, and estimate how long that takes. Nothing is changed."""
    with open_session(change_request("", request.root, request.seconds), progress) as session:
        refuse_shape(session.topology.shape)
        refuse_unfinished(session.layout)
        plan = _planned(unrecorded(session, assume=True), request)
    return _result(request.verb, plan, seconds=None)


def _planned(now: LiveChange, request: MoveRequest) -> MovePlan:
    """Decide on the moves of a healthy topology, and survey what they move."""
    session, context = now.session, now.context
    with step(session.progress, "look at the slots and their keys", changes=False):
        wanted = expected_of(session.topology)
        patience = Deadline(min(3.0, context.deadline.left))  # gossip of a change just before
        taken = [now.seen]

        def look() -> Observed:
            return taken.pop() if taken else context.observe(Detail.HEALTH)

        verdict = wait_until_healthy(look, wanted, patience)
        now.seen = verdict.seen
        refuse_unhealthy(now.seen, verdict.findings, "slots are moved")
        by_name = {node.name: node for node in now.seen.nodes}
        with Connections(context.credentials, seconds=ANSWER_SECONDS, binary=True) as client:
            moves = request.choose(client, now.seen)
            ends = dict.fromkeys(name for one in moves for name in (one.source, one.target))
            require_slot_rights(client, [by_name[name] for name in ends], context.credentials)
            survey = survey_moves(client, now.seen, moves)
    method = method_of(engine_of(now.seen.answering[0]))
    big = blocking_keys(survey, method)
    timeout = session.topology.node_timeout / 1000
    refuse_blocking(big, timeout, allowed=request.allow_blocking)
    refuse_full(moves, survey, by_name)
    _refuse_little_room(now, moves, survey)
    return MovePlan(moves=moves, survey=survey, method=method, big=big)


def _refuse_little_room(now: LiveChange, moves: Iterable[SlotMove], survey: SlotSurvey) -> None:
    moved = Counter[tuple[str, str]]()
    for one in moves:
        moved[one.source, one.target] += survey.bytes_in(slots_of(one.slots))
    plan, host = now.context.plan, now.context.host
    folders = {node.machine: node.folder.root for node in plan.nodes if moved}
    rooms = {machine: host.room(folder) for machine, folder in folders.items()}
    refuse_little_room_to_move(plan, moved, now.seen, rooms)


def _result(verb: str, plan: MovePlan, *, seconds: float | None) -> SlotMoves:
    moves = shard_moves(plan.moves, plan.survey)
    return SlotMoves(
        verb=verb,
        moves=moves,
        method=plan.method.value,
        measured=plan.survey.measured,
        seconds=round(moving_seconds(moves, plan.method, plan.big), 1)
        if seconds is None
        else seconds,
        done=seconds is not None,
        big=tuple(map(str, plan.big)),
    )
