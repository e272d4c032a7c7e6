"""Cleans up after a drill that was interrupted or killed."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from redistopo.client.target import Detail
from redistopo.errors import RedistopoError
from redistopo.execute.context import ExecutionContext
from redistopo.host.host import Host
from redistopo.host.local_host import LOCAL
from redistopo.host.partition import lift_partition
from redistopo.host.server_process import find_process
from redistopo.host.stop_record_files import forget_stop_record
from redistopo.model.protocol.credentials import Credentials
from redistopo.model.state.drill_fault import Fault
from redistopo.model.state.drill_intent import DrillIntent
from redistopo.model.state.job import Job
from redistopo.model.state.observed import Observed, Role
from redistopo.model.topology.project_paths import Layout
from redistopo.model.topology.spec import Shape
from redistopo.progress import Progress, note, step, warn
from redistopo.project.drill_intent_file import forget_intent, load_intent
from redistopo.project.job_file import load_job
from redistopo.project.topology_state_file import node_folder_names
from redistopo.session.session import Session
from redistopo.session.undo_resize import move_back

if TYPE_CHECKING:
    from redistopo.client.app_entry_point import EntryPoint

GROW_VERB = "drill grow"
"""The verb of the drill that adds nodes, and removes them again."""

_SWEEP_SECONDS = 10.0


def finish_interrupted_drill(layout: Layout, progress: Progress, host: Host) -> DrillIntent | None:
    """Lift the partition of an interrupted drill, if there was one, and return its record.

    Frozen and ended processes are left to `up`. Call it under the lock.
    """
    intent = load_intent(layout)
    if intent is None:
        return None
    began = intent.began or "earlier"
    note(progress, f"a drill of {began} was interrupted: repairing its effects")
    if host is not LOCAL:
        if intent.fault is Fault.PARTITION:
            from redistopo.host.fleet.fleet_host import FleetHost
            from redistopo.host.fleet.fleet_network import heal_partitions

            if isinstance(host, FleetHost):
                heal_partitions(host.fleet, [one.node for one in intent.hurt])
        return intent
    found = (find_process(layout, name) for name in node_folder_names(layout))
    lift_partition(process.pid for process in found if process is not None)
    return intent


def take_back(session: Session, intent: DrillIntent, engine: str = "") -> ExecutionContext | None:
    """Begin to take back the growth of a drill, which ended in it: the file and the slots. What is
    left is to bring up the topology, in the returned context; None if the drill added no node."""
    if not intent.added:
        return None
    job = load_job(session.layout) or Job(
        verb=GROW_VERB, arguments=(), began=intent.began, file_before=intent.file_before
    )
    return move_back(session, job, engine)[0]


def end_drill(session: Session, context: ExecutionContext, intent: DrillIntent) -> None:
    """Delete the keys and the nodes that an interrupted drill left, then its record; a failure is a
    warning, and the next `up` tries again. The topology must be healthy."""
    from redistopo.drill.key_cleanup import delete_keys

    try:
        with step(session.progress, "delete the keys that a drill left"):
            seen = context.observe(Detail.HEALTH)
            way = application_entry(seen, context.credentials)
            delete_keys(way, _SWEEP_SECONDS, load_id=intent.load)
            forget_added(session, intent.added)
    except RedistopoError as error:
        warn(
            session.progress,
            f"keys of a drill may be left: {error.message}; redistopo up tries again",
        )
        return
    forget_intent(session.layout)


def forget_added(session: Session, names: Iterable[str]) -> None:
    """Remove the folders of nodes that a drill added and removed again; their names are free again,
    so that repeated drills leave nothing. Their data are copies: they were drained before."""
    state = session.state
    if state is None:
        return
    gone = tuple(name for name in names if name in state.removed and name not in state.names)
    for name in gone:
        forget_stop_record(session.host.files, session.layout, name)
        session.host.files.remove(session.layout.node(name).root)
    left = tuple(name for name in state.removed if name not in gone)
    session.save_state(replace(state, removed=left))


def application_entry(seen: Observed, credentials: Credentials) -> "EntryPoint":
    """Return how an application connects."""
    from redistopo.client.app_entry_point import EntryKind, EntryPoint

    access = credentials.application or credentials.own
    if seen.shape is Shape.CLUSTER:
        entries = tuple(node.endpoint for node in seen.answering)
        return EntryPoint(kind=EntryKind.CLUSTER, entries=entries, access=access)
    if seen.sentinels:
        places = tuple(node.endpoint for node in seen.sentinels)
        names = (watch.name for node in seen.sentinels for watch in node.watches)
        return EntryPoint(
            kind=EntryKind.SENTINEL,
            entries=places,
            access=access,
            service=next(names, ""),
            # with ACL, applications have one password; Sentinels do not admit the user "sentinel"
            sentinel=credentials.sentinels.get(places[0], access),
        )
    primaries = (node for node in seen.answering if node.role is Role.PRIMARY)
    entries = tuple(node.endpoint for node in primaries)
    return EntryPoint(kind=EntryKind.PLAIN, entries=entries[:1], access=access)
