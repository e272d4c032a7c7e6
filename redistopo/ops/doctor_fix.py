"""`doctor --fix`: the safe cures, one by one; what fails is told, and the others go on."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from redistopo.doctor.facts import Cure, Fix, Mended
from redistopo.doctor.leftovers import end_orphan, remove_bare, tighten
from redistopo.errors import RedistopoError
from redistopo.host.polling import Deadline
from redistopo.model.topology.layout import Layout, NodeFolder
from redistopo.ops.doctor import DoctorRequest, DoctorResult, doctor
from redistopo.ops.doctor_facts import unplanned
from redistopo.ops.signals import SignalRequest, resume
from redistopo.progress import Tell, note, silent
from redistopo.project.load import layout_of
from redistopo.project.lock import locked
from redistopo.project.registry import leave

_SECONDS = 10.0


def mend(
    request: DoctorRequest, result: DoctorResult, agreed: Callable[[Fix], bool], tell: Tell
) -> DoctorResult:
    """All of the result's cures that were `agreed` to were done, or are told with what stood in
    the way; all is looked at anew. What may be done only then, as a folder that is forgotten
    once no server works in it, is done as well; nothing is tried, or asked about, twice.

    Each command is told before it is done. Nothing that holds data is removed, and no process
    ends but the very one that was seen.
    """
    offered: set[Fix] = set()
    mended: list[Mended] = []
    while new := [fix for fix in result.fixes if fix not in offered]:
        offered.update(new)
        chosen = [fix for fix in new if agreed(fix)]
        if not chosen:
            break
        mended += [_mend(request.root, fix, tell) for fix in chosen]
        result = doctor(request, tell)
    return replace(result, mended=tuple(mended))


def _mend(root: Path, fix: Fix, tell: Tell) -> Mended:
    note(tell, f"{fix.command}   ({fix.why})")
    try:
        why = _done(root, fix, tell)
    except RedistopoError as error:
        return Mended(fix=fix, done=False, why=f"{error.message}: {error.detail}".rstrip(": "))
    return Mended(fix=fix, done=not why, why=why)


def _done(root: Path, fix: Fix, tell: Tell) -> str:
    """Why it couldn't be done; "" where it is."""
    path = Path(fix.target)
    if fix.cure is Cure.FORGET:
        leave(path)
    elif fix.cure is Cure.CHMOD:
        tighten(path, fix.mode)
    elif fix.cure is Cure.REMOVE:
        return _removed(layout_of(root), NodeFolder(path), tell)
    elif fix.cure is Cure.RESUME:
        resume(SignalRequest(root=root, words=(fix.target,), seconds=_SECONDS), silent)
    elif fix.mark is not None and not end_orphan(fix.mark, path, _SECONDS):
        return f"it still runs after {_SECONDS:g} s: it may be unable to save; see its log"
    return ""


def _removed(layout: Layout, folder: NodeFolder, tell: Tell) -> str:
    """As above. Others change the topology too: it is looked at again while none of them may."""
    with locked(layout, "doctor --fix", Deadline(_SECONDS), tell) as there:
        if not there or not folder.root.exists():
            return ""
        empty, _kept = unplanned(layout)
        if str(folder.root) in empty and remove_bare(folder):
            return ""
    return "by now it holds something, or is a node of the topology, and is kept"
