"""`down`: stops every process of the topology, with its data saved."""

import time
from contextlib import suppress
from dataclasses import field
from pathlib import Path

from redistopo.client.observe import observe
from redistopo.client.target import Detail
from redistopo.drill.interrupted_drill import finish_interrupted_drill
from redistopo.errors import ExitCode, RedistopoError, TimedOut
from redistopo.execute.shutdown import shut_down_saving
from redistopo.host.polling import Deadline, wait_for
from redistopo.host.run_recorded import end_leftover
from redistopo.host.running_servers import servers_below
from redistopo.model.remedies.of_machine import end_process
from redistopo.model.remedies.of_topology import wipe
from redistopo.model.remedies.remedy import joined
from redistopo.model.topology.project_paths import Layout
from redistopo.model.topology.spec import Shape
from redistopo.progress import Progress, step
from redistopo.project.load import layout_of_folder
from redistopo.project.registry import unregister
from redistopo.project.started_topology import running_nodes
from redistopo.project.state_folder import wipe_state_folder
from redistopo.quick_dataclass import dataclass
from redistopo.session.open import open_session
from redistopo.session.session import Session, SessionRequest
from redistopo.session.unseen_servers import refuse_unseen


@dataclass(frozen=True, slots=True, kw_only=True)
class DownRequest:
    """How to bring it down; `seconds` until what still runs is killed.

    With `force` also what can't save: it loses what it has not saved.
    """

    root: Path
    seconds: float = 30.0
    wipe: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DownResult:
    """Names of the nodes that were stopped, and what became of the state folder; `unsaved` are
    nodes whose keys are gone because they have no persistence."""

    root: Path
    stopped: tuple[str, ...]
    wiped: bool
    data_kept: bool
    unsaved: tuple[str, ...] = ()
    seconds: float
    code: ExitCode = field(default=ExitCode.DONE)


def down(request: DownRequest, progress: Progress) -> DownResult:
    """Stop every process of this topology; data is kept, unless `wipe`.

    Works without a valid topology file: what was started is recorded. A second `down` does
    nothing. Raises RedistopoError, also if a server that can't save was left running, if one was
    killed before it had saved, and if one that isn't recorded is left.
    """
    began = time.monotonic()
    layout = layout_of_folder(request.root)
    stopped: tuple[str, ...] = ()
    unsaved: tuple[str, ...] = ()
    wiped = False
    if not layout.state.exists():
        _refuse_left(layout)
    asked = SessionRequest(
        root=request.root,
        lock="down",
        seconds=request.seconds,
        needs_file=False,
        needs_started=False,
    )
    with open_session(asked, progress) as session:
        if session.locked:
            finish_interrupted_drill(layout, session.progress, session.host)
            if not servers_below(layout.state):  # these are named with their pids
                refuse_unseen(session)
            stopped, unsaved = _stop(session, lossy=request.force or request.wipe)
            if request.wipe:
                _wipe(session)
                wiped = True
    _refuse_left(layout)
    return DownResult(
        root=layout.root,
        stopped=stopped,
        wiped=wiped,
        data_kept=layout.nodes.exists() and not (unsaved and {*unsaved} == _data_nodes(stopped)),
        unsaved=unsaved,
        seconds=time.monotonic() - began,
    )


def _data_nodes(names: tuple[str, ...]) -> set[str]:
    return {name for name in names if not name.startswith("sentinel")}


def _wipe(session: Session) -> None:
    layout, progress = session.layout, session.progress
    if left := servers_below(layout.state):
        raise RedistopoError(
            f"a server that is not on record works in {left[0].folder}: nothing was removed",
            detail="\n".join(f"pid {server.pid} in {server.folder}" for server in left),
            hint=joined(
                end_process(str(left[0].pid), before="if it is yours, stop it (", after="), then "),
                wipe(" again"),
            ),
        )
    with step(progress, f"remove {layout.state}"):
        session.host.wipe()  # first: without the record here, nothing would lead there again
        unregister(layout.root)
        wipe_state_folder(layout)


def _refuse_left(layout: Layout) -> None:
    """Raise RedistopoError if a server runs in the state folder, or ran in one that was removed: no
    record refers to it any more."""
    if not servers_below(layout.state):
        return
    # the child of a server that was just killed in the midst of saving ends a moment later
    with suppress(TimedOut):
        wait_for(lambda: None if servers_below(layout.state) else True, Deadline(1))
    if left := servers_below(layout.state):
        raise RedistopoError(
            f"a server that is not on record still runs: pid {left[0].pid} in {left[0].folder}",
            detail="\n".join(f"pid {server.pid} in {server.folder}" for server in left),
            hint=end_process(
                " ".join(str(one.pid) for one in left), before="if it is yours, stop it: "
            ),
        )


def _stop(session: Session, *, lossy: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    layout = session.layout
    end_leftover(layout.formation)
    if not (names := running_nodes(layout, session.host)):
        return (), ()
    targets = [one for one in session.targets if one.name in names]
    # of a cluster, too, only the role is asked for
    seen = observe(Shape.REPLICATION, targets, session.client, Detail.HEALTH)
    seen = session.record_primary(seen)
    shutdown = session.shutdown(seen, lossy=lossy, command="redistopo down")
    return names, shut_down_saving(shutdown, names, session.deadline, session.progress)
