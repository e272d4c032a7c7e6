"""`doctor --fix`: applies safe fixes one by one; a failed one is reported, the others go on."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from redistopo.doctor.facts import DoctorFix, FixKind, FixOutcome
from redistopo.doctor.leftover_cleanup import end_orphan, remove_empty_folder
from redistopo.errors import RedistopoError
from redistopo.host.files import restrict
from redistopo.model.topology.project_paths import NodeFolder
from redistopo.ops.doctor import DoctorRequest, DoctorResult, doctor
from redistopo.ops.doctor_facts import unplanned
from redistopo.ops.signals import SignalRequest, resume
from redistopo.progress import Progress, no_progress, note
from redistopo.project.registry import unregister
from redistopo.session.open import open_session
from redistopo.session.session import SessionRequest

_SECONDS = 10.0


def repair(
    request: DoctorRequest,
    result: DoctorResult,
    agreed: Callable[[DoctorFix], bool],
    progress: Progress,
) -> DoctorResult:
    """Apply the fixes that are `agreed` to, check again, and return the new result.

    Fixes that become possible only then (such as to forget a folder once no server runs in it) are
    offered too; none is offered or tried twice. Each command is shown before it runs. Nothing that
    has data is removed, and only the very process that was observed is ended.
    """
    offered: set[DoctorFix] = set()
    mended: list[FixOutcome] = []
    while new := [fix for fix in result.fixes if fix not in offered]:
        offered.update(new)
        chosen = [fix for fix in new if agreed(fix)]
        if not chosen:
            break
        mended += [_repair_one(request.root, fix, progress) for fix in chosen]
        result = doctor(request, progress)
    return replace(result, mended=tuple(mended))


def _repair_one(root: Path, fix: DoctorFix, progress: Progress) -> FixOutcome:
    note(progress, f"{fix.command}   ({fix.why})")
    try:
        why = _done(root, fix, progress)
    except RedistopoError as error:
        return FixOutcome(fix=fix, done=False, why=f"{error.message}: {error.detail}".rstrip(": "))
    return FixOutcome(fix=fix, done=not why, why=why)


def _done(root: Path, fix: DoctorFix, progress: Progress) -> str:
    """Apply one fix; returns why it failed, "" if it didn't."""
    path = Path(fix.target)
    if fix.cure is FixKind.FORGET:
        unregister(path)
    elif fix.cure is FixKind.CHMOD:
        restrict(path, fix.mode)
    elif fix.cure is FixKind.REMOVE:
        return _removed(root, NodeFolder(path), progress)
    elif fix.cure is FixKind.RESUME:
        resume(SignalRequest(root=root, words=(fix.target,), seconds=_SECONDS), no_progress)
    elif fix.mark is not None and not end_orphan(fix.mark, path, _SECONDS):
        return f"it still runs after {_SECONDS:g} s: it may be unable to save; see its log"
    return ""


def _removed(root: Path, folder: NodeFolder, progress: Progress) -> str:
    """Remove an empty folder of a node; it is checked again under the lock, which other verbs that
    change the topology need too."""
    asked = SessionRequest(
        root=root,
        lock="doctor --fix",
        seconds=_SECONDS,
        needs_file=False,
        needs_started=False,
        needs_topology=False,
    )
    with open_session(asked, progress) as session:
        if not session.locked or not folder.root.exists():
            return ""
        empty, _kept = unplanned(session)
        if str(folder.root) in empty and remove_empty_folder(folder):
            return ""
    return "by now it holds something, or is a node of the topology, and is kept"
