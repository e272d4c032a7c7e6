"""`undo`: take back a change that was interrupted."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from redistopo.client.observe import Detail
from redistopo.errors import ExitCode, RedistopoError
from redistopo.execute.close_slots import close_slots
from redistopo.host.files import write_public
from redistopo.model.planning.slot_moves import slots_of
from redistopo.progress import Progress, step
from redistopo.project.job_file import end_job, load_job, save_job
from redistopo.session.live_change import change_request, live_change
from redistopo.session.open import open_session
from redistopo.session.slot_job import finish_job, told_how_to_go_on, undoing


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
                hint="redistopo move-slots and rebalance move slots of a finished change",
            )
        now = live_change(session, assume=True)
        with told_how_to_go_on(now.context, job):
            touched = {slot for one in job.moves for slot in slots_of(one.slots)}
            close_slots(now.context, touched)
            seen = now.context.observe(Detail.HEALTH)
            back = undoing(job, seen)
            save_job(session.layout, back)
        moved = finish_job(now.context, back)
        if back.file_before:
            write_public(session.layout.topology, back.file_before)
        end_job(session.layout)
        with step(session.progress, "wait until every node agrees", changes=False):
            now.await_health()
        return UndoResult(
            command=job.command,
            slots=moved.slots,
            file=bool(back.file_before),
            seconds=time.monotonic() - began,
        )
