"""Opens a topology's folder: lock, progress log and preconditions; all released at the end."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from redistopo.errors import RedistopoError, Unreachable
from redistopo.host.host import Host
from redistopo.host.local_host import LOCAL
from redistopo.model.state.observed import Observed
from redistopo.model.topology.project_paths import Layout
from redistopo.progress import Progress, no_progress
from redistopo.project.load import layout_of_folder
from redistopo.project.lock import locked
from redistopo.project.progress_log import progress_logged
from redistopo.project.started_topology import nothing_started_error
from redistopo.project.topology_state_file import node_folder_names
from redistopo.session.adopted import check_adopted, check_file_has_adopted, refuse_on_adopted
from redistopo.session.session import Session, SessionRequest


@contextmanager
def open_session(
    request: SessionRequest, progress: Progress = no_progress, host: Host = LOCAL
) -> Iterator[Session]:
    """Open the topology of a folder until the block ends; errors are redacted.

    Raises UsageError for a missing or invalid topology file, if it is needed; RedistopoError if
    no node was started although that is needed, or if the lock isn't free before the deadline.
    """
    layout = layout_of_folder(request.root)
    session = Session(request, layout, progress, _host(layout, host, progress))
    empty = not (layout.state.exists() or layout.topology.exists())
    if request.needs_file or (request.needs_topology and empty):
        _ = session.project
    with ExitStack() as stack:
        stack.enter_context(_redacting_errors(layout))
        if session.adopted:
            if request.needs_file:
                check_file_has_adopted(layout, session.topology.adopted)
            check_adopted(layout, session.adopted, request.verb or request.lock)
        if request.lock:
            stack.enter_context(hold_lock(session, request.lock))
            session.reread_file()
        there = session.locked or not request.lock
        if request.needs_started and not (there and session.rendered):
            raise nothing_started_error(layout)
        stack.callback(session.close)
        yield session


@contextmanager
def hold_lock(session: Session, verb: str, *, make: bool = False) -> Iterator[None]:
    """Lock the topology until the block ends, log progress, and record servers of ours that are
    not on record.

    `make` creates the state folder; otherwise `session.locked` is False if there is none. A verb
    that opens without the lock can refuse before it touches the folder.
    """
    layout, progress = session.layout, session.progress
    refuse_on_adopted(verb, session.adopted)
    with ExitStack() as stack:
        lock = locked(layout, verb, session.deadline, progress, make=make)
        session.locked = stack.enter_context(lock)
        if session.locked:
            session.progress = stack.enter_context(progress_logged(layout, verb, progress))
            stack.enter_context(_redacting_errors(layout))  # before they are logged
            for name in node_folder_names(layout):
                session.host.processes.adopt(layout, name)
            session.host.claim(verb, partly=session.skip_unreachable)
            stack.callback(session.release)
        try:
            with _naming_silent_nodes(session):
                yield
        finally:
            session.locked, session.progress = False, progress


def _host(layout: Layout, host: Host, progress: Progress) -> Host:
    """The machines of a topology over several hosts, or the given one."""
    if not layout.hosts.exists():
        return host
    from redistopo.host.fleet.fleet_host import fleet_of
    from redistopo.project.trust import require_trusted_hosts

    if (found := fleet_of(layout)) is None:
        return host
    require_trusted_hosts(layout, found.fleet.file.hosts)
    found.report(progress)
    return found


@contextmanager
def _naming_silent_nodes(session: Session) -> Iterator[None]:
    """Name the node that ended, or hangs, while a command changed the topology, and what starts it:
    connections know addresses alone."""
    try:
        yield
    except Unreachable as error:
        for node in session.targets if error.address and not error.hint else ():
            if str(node.endpoint) == error.address:
                error.detail = f"{node.name}: {error.detail}"
                error.hint = "redistopo up, then the same command again"
        raise


@contextmanager
def _redacting_errors(layout: Layout) -> Iterator[None]:
    """Redact errors that pass through: servers quote invalid configuration lines, and templates
    quote values."""
    try:
        yield
    except RedistopoError as error:
        from redistopo.project.redact_secrets import hide

        hide(error, layout)
        raise


def record_primary_unless_busy(root: Path, verb: str, seen: Observed) -> None:
    """Record the primary of a snapshot, unless another verb holds the lock: that one records it.

    Raises RedistopoError if the state can't be written.
    """
    asked = SessionRequest(root=root, lock=verb, seconds=0, needs_file=False, needs_started=False)
    with open_session(asked) as session:
        if session.locked:
            session.record_primary(seen)
