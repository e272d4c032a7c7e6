"""Opening a topology's folder: the lock, the progress log, what must be there; all let go again."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from redistopo.host.process import adopt_process
from redistopo.host.process_marks import recorded_node_names
from redistopo.progress import Progress, no_progress
from redistopo.project.load import layout_of_folder
from redistopo.project.lock import locked
from redistopo.project.progress_log import progress_logged
from redistopo.project.secrets import redacting_errors
from redistopo.project.started import nothing_started_error
from redistopo.session.session import Session, SessionRequest


@contextmanager
def open_session(request: SessionRequest, progress: Progress = no_progress) -> Iterator[Session]:
    """The topology of that folder, until the block ends; errors that leave it hold no secret.

    Raises UsageError without a topology file, or with an invalid one where it is needed;
    RedistopoError where nothing was started and that is needed, or where the lock is held for
    longer than the time is.
    """
    layout = layout_of_folder(request.root)
    session = Session(request, layout, progress)
    empty = not (layout.state.exists() or layout.topology.exists())
    if request.needs_file or (request.needs_topology and empty):
        _ = session.project
    with ExitStack() as stack:
        if request.lock:
            lock = locked(layout, request.lock, session.deadline, progress, make=request.make)
            session.locked = stack.enter_context(lock)
        if request.needs_started and not (
            (session.locked or not request.lock) and session.rendered
        ):
            raise nothing_started_error(layout)
        if session.locked:
            # errors are redacted before they are logged
            log = progress_logged(layout, request.lock, progress)
            session.progress = stack.enter_context(log)
            for name in recorded_node_names(layout):
                adopt_process(layout, name)
        stack.enter_context(redacting_errors(layout))
        stack.callback(session.close)
        yield session
