"""Runs a change that moves slots; an interrupted one can be continued or taken back."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from redistopo.client.target import Detail
from redistopo.errors import Interrupted, RedistopoError
from redistopo.execute.close_slots import close_slots
from redistopo.execute.context import ExecutionContext
from redistopo.execute.move_slots import (
    MovedSlots,
    current_primary,
    move_slots,
    restore_replica_migration,
)
from redistopo.model.planning.refuse_moves import owners_of
from redistopo.model.planning.slot_moves import empty_after, moves_back, moves_to, slots_of
from redistopo.model.planning.slot_survey import SlotSurvey
from redistopo.model.protocol.slots import SlotRange, ranges
from redistopo.model.state.job import Job, SlotMove
from redistopo.model.state.observed import Observed
from redistopo.progress import note, warn
from redistopo.project.job_file import end_job, load_job, save_job
from redistopo.project.unfinished_changes import GO_ON


def run_job(context: ExecutionContext, job: Job, survey: SlotSurvey | None = None) -> MovedSlots:
    """Do the moves of a job, which is on record until they are done."""
    save_job(context.plan.layout, job)
    with told_how_to_go_on(context, job):
        moved = move_slots(context, job.moves, survey)
    end_job(context.plan.layout)
    return moved


def finish_job(context: ExecutionContext, job: Job) -> MovedSlots:
    """Settle what an interruption left open, and do the moves that aren't done; the job stays on
    record."""
    with told_how_to_go_on(context, job):
        every = {slot for one in job.moves for slot in slots_of(one.slots)}
        close_slots(context, every)
        seen = context.observe(Detail.HEALTH)
        moved = move_slots(context, left_of(job, seen))
        # an interrupted run may have left it off
        restore_replica_migration(context, seen.answering)
    return moved


def spare_empty_shards(context: ExecutionContext, job: Job) -> None:
    """Warn of the shards that a finished job leaves without slots, as was asked; from then on the
    context has that as no fault. A change of the number of nodes asks for none."""
    empty = () if job.file_before else empty_after(job)
    if not empty:
        return
    seen = context.observe(Detail.HEALTH)
    for name in dict.fromkeys(current_primary(seen, one).name for one in empty):
        text = f"the shard of {name} has no slots; redistopo rebalance gives it some"
        warn(context.progress, text)
        context.accepted |= {("cluster.empty-shards", name)}


def finish_moves(context: ExecutionContext, *, moved: bool) -> None:
    """Finish the change of slots that is on record, if there is one; `moved` is whether its moves
    are done. A change that is taken back stays on record, until all is proven."""
    layout = context.plan.layout
    job = load_job(layout)
    if job is None:
        return
    if job.verb == "undo" and job.file_before:
        context.moved_slots += _restore_division(context, job)
    elif job.moves and not moved:
        note(context.progress, f"finishing what was interrupted: {job.command}")
        finish_job(context, job)
        spare_empty_shards(context, job)
        end_job(layout)


def new_job(
    verb: str, arguments: tuple[str, ...], seen: Observed, moves: tuple[SlotMove, ...]
) -> Job:
    """Return the record of a change that only moves slots."""
    return Job(
        verb=verb,
        arguments=arguments,
        began=datetime.now(UTC).isoformat(timespec="seconds"),
        slots_before=owners_of(seen),
        moves=moves,
    )


def left_of(job: Job, seen: Observed) -> tuple[SlotMove, ...]:
    """Return the moves of a job that aren't done."""
    owners = owners_of(seen)
    found: list[SlotMove] = []
    for one in job.moves:
        target = current_primary(seen, one.target).name
        found += moves_to(owners, one.slots, target)
    return tuple(found)


def undoing(job: Job, seen: Observed) -> Job:
    """Return the job that takes another one back: its slots, and no others, go where they were."""
    if job.verb == "undo":
        return job
    touched = {slot for one in job.moves for slot in slots_of(one.slots)}
    back: list[SlotMove] = []
    before: Mapping[str, tuple[SlotRange, ...]] = owners_of(seen)
    for name, slots in job.slots_before.items():
        wanted = ranges(touched.intersection(slots_of(slots)))
        target = current_primary(seen, name).name
        back += [replace(one, target=target) for one in moves_to(before, wanted, target)]
    made = new_job("undo", (), seen, tuple(back))
    return replace(made, file_before=job.file_before, slots_before=job.slots_before)


def _restore_division(context: ExecutionContext, job: Job) -> int:
    """Give each shard the slots that it had before a change of the number of nodes: nodes that were
    down as it was taken back, or are new, got an even share. Returns how many moved."""
    seen = context.observe(Detail.HEALTH)
    names = {node.name for node in seen.answering}
    if len(names) < len(seen.nodes) or not context.plan.topology.clustered:
        return 0
    close_slots(context, {slot for one in job.moves for slot in slots_of(one.slots)})
    seen = context.observe(Detail.HEALTH)
    primaries = {
        name: current_primary(seen, name).name for name in job.slots_before if name in names
    }
    again = replace(job, moves=moves_back(owners_of(seen), job.slots_before, primaries))
    if not again.moves and not job.moves:
        return 0
    save_job(context.plan.layout, again)
    return finish_job(context, again).slots


@contextmanager
def told_how_to_go_on(context: ExecutionContext, job: Job) -> Iterator[None]:
    """Add to an error, or to an interrupt, how far the moves are and how to go on or back."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise Interrupted(f"{job.verb} was stopped: {_far(context, job)}", hint=GO_ON) from error
    except RedistopoError as error:
        error.detail = "\n".join(filter(None, (error.detail, _far(context, job))))
        error.hint = f"{error.hint}; then {GO_ON}" if error.hint else GO_ON
        raise


def _far(context: ExecutionContext, job: Job) -> str:
    total = sum(map(len, job.moves))
    try:
        left = sum(map(len, left_of(job, context.observe(Detail.HEALTH))))
    except RedistopoError:
        return f"some of {total} slots have moved"
    return f"{total - left} of {total} slots have moved"
