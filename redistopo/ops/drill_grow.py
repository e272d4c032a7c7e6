"""`drill grow`: adds nodes under load and removes them again, measures, and judges."""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import field, replace
from datetime import UTC, datetime
from pathlib import Path

from redistopo.client.app_entry_point import LoadRequest
from redistopo.client.target import Detail
from redistopo.drill.drill_report import DrillReport, TimelineKind, TimelineMoment
from redistopo.drill.growth_phase import PhaseSpan
from redistopo.drill.growth_report import Growth, adding, growth_report
from redistopo.drill.interrupted_drill import (
    GROW_VERB,
    application_entry,
    end_drill,
    forget_added,
    take_back,
)
from redistopo.drill.load_generator import LoadGenerator
from redistopo.drill.load_result import TimeSpan
from redistopo.errors import RedistopoError, TimedOut
from redistopo.execute.context import ExecutionContext
from redistopo.host.interrupts import interrupts_deferred
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.planning.refuse_moves import owners_of
from redistopo.model.protocol.slots import SLOT_COUNT, SlotRange
from redistopo.model.state.drill_fault import Fault
from redistopo.model.state.drill_intent import DrillIntent
from redistopo.model.state.job import SlotMove
from redistopo.model.state.observed import Observed
from redistopo.model.topology.spec import Shape
from redistopo.ops.drill import drill_session, finish_earlier
from redistopo.ops.plan import result_of
from redistopo.ops.scale import Edit, begin, edited, preflight
from redistopo.ops.up import UpRequest, bring_up
from redistopo.progress import Event, EventKind, Progress, note, step, warn
from redistopo.project.drill_intent_file import forget_intent, save_intent
from redistopo.project.job_file import end_job, save_job
from redistopo.quick_dataclass import dataclass
from redistopo.session.local_preconditions import refuse_changed_security
from redistopo.session.open import open_session
from redistopo.session.preview_result import Preview
from redistopo.session.session import Session
from redistopo.session.slot_job import new_job
from redistopo.session.undo_resize import move_back

_WARM_SECONDS = 10.0
_QUIET_SECONDS = 0.5
_CHECK_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GrowRequest:
    """The folder; `budget` is the longest wait of a client, and `seconds` the time limit of each
    change; `rate` is operations per second, by so many `clients`."""

    root: Path
    budget: float = 1.0
    rate: int = 500
    clients: int = 4
    seconds: float = 600.0


@dataclass(slots=True, kw_only=True)
class _Drill:
    """A drill under way; times are on the monotonic clock, and `origin` is the first change."""

    session: Session
    request: GrowRequest
    edit: Edit
    before: Observed
    added: tuple[str, ...]
    origin: float = 0.0
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    spans: list[PhaseSpan] = field(default_factory=list)
    moments: list[TimelineMoment] = field(default_factory=list)

    def moment(self, text: str, kind: TimelineKind = TimelineKind.NOTE) -> None:
        """Note what the drill does now."""
        at = time.monotonic() - self.origin
        self.moments.append(TimelineMoment(at=at, source="drill", text=text, kind=kind))


def drill_grow(request: GrowRequest, progress: Progress) -> DrillReport:
    """Add a shard to a cluster, or a replica to any other topology, and remove it again, under
    load; then nodes, slots and file are as before.

    Raises RedistopoError for a topology that isn't healthy or has no room, and if a change fails:
    then it is taken back as far as possible.
    """
    with open_session(drill_session(request.root), progress) as session:
        refuse_changed_security(session)
        finish_earlier(session)
        session.deadline = Deadline(request.seconds)
        drill = _prepared(session, request)
        load_request = _load_request(drill)
        intent = DrillIntent(
            load=load_request.id,
            began=datetime.now(UTC).isoformat(timespec="milliseconds"),
            fault=Fault.NONE,
            hurt=(),
            added=drill.added,
            file_before=drill.edit.before,
        )
        save_intent(session.layout, intent)
        try:
            return _run(drill, load_request)
        except BaseException:  # Ctrl-C too: the change is taken back
            with interrupts_deferred():
                _take_back_anyway(drill, intent)
            raise


def preview_drill_grow(request: GrowRequest) -> Preview:
    """Determine what the drill would do, and raise what it would raise; nothing is changed."""
    with open_session(replace(drill_session(request.root), lock="")) as session:
        session.deadline = Deadline(request.seconds)
        drill = _prepared(session, request)
        turns = tuple(str(one) for one in result_of(session).steps)
    way_back = "move the slots back" if session.topology.clustered else "remove it again"
    return Preview(
        verb=GROW_VERB,
        nodes=drill.added,
        turns=(*turns, f"{way_back}, remove the nodes and their folders; clients read and write"),
    )


def _prepared(session: Session, request: GrowRequest) -> _Drill:
    """Refuse what `scale` would refuse; from then on the session uses the edited file."""
    was = session.topology
    if was.shape is Shape.CLUSTER:
        edit = edited(session, {"shards": was.shards + 1})
    else:
        edit = edited(session, {"replicas": was.replicas + 1})
    known = {node.name for node in session.plan().nodes}
    before = preflight(session, edit)
    added = tuple(node.name for node in session.plan().nodes if node.name not in known)
    return _Drill(session=session, request=request, edit=edit, before=before, added=added)


def _load_request(drill: _Drill) -> LoadRequest:
    """Clients of all slots: most will be where others move to and from."""
    clustered = drill.session.topology.clustered
    return LoadRequest(
        id=secrets.token_hex(4),
        way=application_entry(drill.before, drill.session.credentials),
        shards={1: (SlotRange(0, SLOT_COUNT - 1),) if clustered else ()},
        hurt=frozenset({1}),
        rate=drill.request.rate,
        clients=drill.request.clients,
        proving=True,
    )


def _run(drill: _Drill, load_request: LoadRequest) -> DrillReport:
    session, request = drill.session, drill.request
    with LoadGenerator(load_request) as load, _told(drill):
        text = f"load: {request.clients} clients, {request.rate} operations/s"
        with step(session.progress, text, changes=False):
            if why := load.warm(_WARM_SECONDS):
                raise RedistopoError(
                    "the load's clients get no replies, before anything was changed",
                    detail=why,
                    hint="redistopo verify shows why",
                )
            with _phase(drill, "before"):
                _wait()
        drill.origin, drill.began = time.monotonic(), datetime.now(UTC)
        drill.moments.append(adding(drill.added))
        with _phase(drill, "out") as moved:
            moved(_grow(drill))
        with _phase(drill, "between"):
            _wait()
        drill.moment(f"removes {', '.join(drill.added)} again", TimelineKind.FAULT)
        with _phase(drill, "in") as moved:
            context = _shrink(drill)
            moved(context)
        healed = time.monotonic() - drill.origin
        with _phase(drill, "after"):
            _wait()
        load.stop()
        with step(session.progress, "read every acknowledged write back", changes=False):
            seen = load.check(_CHECK_SECONDS)
        _delete_keys(session, load)
        retried = load.retried
    forget_added(session, drill.added)
    forget_intent(session.layout)
    return growth_report(
        seen,
        Growth(
            topology=session.topology,
            added=drill.added,
            origin=drill.origin,
            began=drill.began,
            budget=request.budget,
            rate=request.rate,
            clients=request.clients,
            before=drill.before,
            after=session.context(session.plan()).observe(Detail.HEALTH),
            spans=tuple(drill.spans),
            moments=tuple(drill.moments),
            healed=healed,
            retried=retried,
        ),
    )


@contextmanager
def _phase(drill: _Drill, name: str) -> Iterator[Callable[[ExecutionContext], None]]:
    """Note when a phase was, and what its context moved."""
    begin = time.monotonic()
    contexts: list[ExecutionContext] = []
    yield contexts.append
    drill.spans.append(
        PhaseSpan(
            name=name,
            span=TimeSpan(begin, time.monotonic()),
            slots=sum(one.moved_slots for one in contexts),
            keys=sum(one.moved_keys for one in contexts),
        )
    )


@contextmanager
def _told(drill: _Drill) -> Iterator[None]:
    """Note every step that changes something in the timeline, too."""
    session = drill.session
    true = session.progress

    def told(event: Event) -> None:
        true(event)
        if event.kind is EventKind.STARTED and event.changes and drill.origin:
            drill.moment(event.text)

    session.progress = told
    try:
        yield
    finally:
        session.progress = true


def _grow(drill: _Drill) -> ExecutionContext:
    """Add the nodes, until every check passes."""
    session = drill.session
    begin(session, new_job(GROW_VERB, (), drill.before, ()), drill.edit)
    return _brought_up(drill, session.context(session.plan()))


def _shrink(drill: _Drill) -> ExecutionContext:
    """Move the slots back to where they were, and remove the nodes, until every check passes."""
    session = drill.session
    seen = session.context(session.plan()).observe(Detail.HEALTH)
    job = new_job(GROW_VERB, (), drill.before, _moves_out(drill, seen))
    save_job(session.layout, replace(job, file_before=drill.edit.before))
    context, moved = move_back(session, replace(job, file_before=drill.edit.before))
    context.moved_slots, context.moved_keys = moved.slots, moved.keys
    _brought_up(drill, context)
    return context


def _moves_out(drill: _Drill, seen: Observed) -> tuple[SlotMove, ...]:
    """The moves that gave the added nodes their slots."""
    first = next(iter(owners_of(drill.before)), "")
    return tuple(
        SlotMove(source=first, target=name, slots=slots)
        for name, slots in owners_of(seen).items()
        if name in drill.added
    )


def _brought_up(drill: _Drill, context: ExecutionContext) -> ExecutionContext:
    request = UpRequest(root=drill.request.root, seconds=drill.request.seconds, keep=True)
    context.deadline = Deadline(request.seconds)
    bring_up(drill.session, context, request, time.monotonic())
    end_job(drill.session.layout)
    drill.moment("every check of verify passes", TimelineKind.REPAIRED)
    return context


def _wait() -> None:
    with suppress(TimedOut):
        wait_for(lambda: None, Deadline(_QUIET_SECONDS), lambda: "")


def _delete_keys(session: Session, load: LoadGenerator) -> None:
    try:
        load.clean(_CHECK_SECONDS)
    except RedistopoError as error:
        warn(session.progress, f"keys of the drill may be left: {error.message}")


def _take_back_anyway(drill: _Drill, intent: DrillIntent) -> None:
    """Take the change back as far as possible; otherwise it stays on record, for `up`."""
    session = drill.session
    note(session.progress, "the drill ends early: taking its change back")
    session.deadline = Deadline(drill.request.seconds)
    try:
        if context := take_back(session, intent):
            _brought_up(drill, context)
        end_drill(session, session.context(session.plan()), intent)
    except RedistopoError as error:
        warn(session.progress, f"not everything was taken back: {error.message}; run redistopo up")
