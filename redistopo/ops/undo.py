"""`undo`: take back a change that was interrupted."""

import time
from dataclasses import field
from pathlib import Path

from redistopo.client.target import Detail
from redistopo.drill.interrupted_drill import end_drill
from redistopo.errors import ExitCode, RedistopoError
from redistopo.execute.close_slots import close_slots
from redistopo.model.planning.slot_moves import slots_of
from redistopo.model.state.job import Job
from redistopo.ops.up import UpRequest, bring_up
from redistopo.progress import Progress, step
from redistopo.project.drill_intent_file import load_intent
from redistopo.project.job_file import end_job, load_job, save_job
from redistopo.project.unfinished_changes import naming_ways_on
from redistopo.quick_dataclass import dataclass
from redistopo.session.live_change import change_request, live_change
from redistopo.session.open import open_session
from redistopo.session.session import Session
from redistopo.session.slot_job import finish_job, spare_empty_shards, told_how_to_go_on, undoing
from redistopo.session.undo_resize import move_back


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoRequest:
    """The folder, and the time limit in seconds."""

    root: Path
    seconds: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoResult:
    """What was taken back: the command, and how many slots moved back; `file` is whether the
    topology file is again as it was before."""

    command: str
    slots: int
    file: bool
    seconds: float
    code: ExitCode = field(default=ExitCode.DONE)


def undo(request: UndoRequest, progress: Progress) -> UndoResult:
    """Take back the change that is on record: its slots move back with their keys, and the topology
    file gets its former text.

    Raises RedistopoError if no change was interrupted, or a server fails; then the same command
    again, or `up`, goes on.
    """
    began = time.monotonic()
    with open_session(change_request("undo", request.root, request.seconds), progress) as session:
        job = load_job(session.layout)
        if job is None:
            raise RedistopoError(
                "no change was interrupted: there is nothing to take back",
                hint="to distribute slots evenly: redistopo rebalance; or to move some: "
                "redistopo move-slots SLOTS --to NODE",
            )
        if job.verb == "move":
            from redistopo.ops.rolling_move import take_move_back

            take_move_back(session, job, request.seconds)
            return UndoResult(
                command=job.command, slots=0, file=True, seconds=time.monotonic() - began
            )
        if job.file_before:
            return _undo_resize(session, job, request, began)
        now = live_change(session, assume=True)
        with told_how_to_go_on(now.context, job):
            touched = {slot for one in job.moves for slot in slots_of(one.slots)}
            close_slots(now.context, touched)
            seen = now.context.observe(Detail.HEALTH)
            back = undoing(job, seen)
            save_job(session.layout, back)
        moved = finish_job(now.context, back)
        spare_empty_shards(now.context, back)
        end_job(session.layout)
        with step(session.progress, "wait until every node agrees", changes=False):
            now.await_health(now.context.accepted)
        return UndoResult(
            command=job.command,
            slots=moved.slots,
            file=False,
            seconds=time.monotonic() - began,
        )


def _undo_resize(session: Session, job: Job, request: UndoRequest, began: float) -> UndoResult:
    """Take a change of the number of nodes back, from the file on; of a drill, its keys too."""
    drilled = load_intent(session.layout)
    with naming_ways_on(session.layout):
        context, moved = move_back(session, job)
        asked = UpRequest(root=request.root, seconds=request.seconds)
        bring_up(session, context, asked, began)
    end_job(session.layout)
    if drilled:
        end_drill(session, context, drilled)
    slots = moved.slots + context.moved_slots  # those of nodes that had to be started before
    return UndoResult(command=job.command, slots=slots, file=True, seconds=time.monotonic() - began)
