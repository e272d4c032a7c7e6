"""Cleans up after a drill that was interrupted or killed."""

from typing import TYPE_CHECKING

from redistopo.errors import RedistopoError
from redistopo.host.partition import lift_partition
from redistopo.host.server_process import find_process
from redistopo.model.protocol.credentials import Credentials
from redistopo.model.state.drill_intent import DrillIntent
from redistopo.model.state.observed import Observed, Role
from redistopo.model.topology.project_paths import Layout
from redistopo.model.topology.spec import Shape
from redistopo.progress import Progress, note, step, warn
from redistopo.project.drill_intent_file import forget_intent, load_intent
from redistopo.project.topology_state_file import node_folder_names

if TYPE_CHECKING:
    from redistopo.client.app_entry_point import EntryPoint

_SWEEP_SECONDS = 10.0


def finish_interrupted_drill(layout: Layout, progress: Progress) -> DrillIntent | None:
    """Lift the partition of an interrupted drill, if there was one, and return its record.

    Frozen and ended processes are left to `up`. Call it under the lock.
    """
    intent = load_intent(layout)
    if intent is None:
        return None
    note(progress, f"a drill of {intent.began or 'earlier'} was interrupted: repairing its effects")
    found = (find_process(layout, name) for name in node_folder_names(layout))
    lift_partition(process.pid for process in found if process is not None)
    return intent


def delete_leftover_keys(
    intent: DrillIntent,
    layout: Layout,
    seen: Observed,
    credentials: Credentials,
    progress: Progress,
) -> None:
    """Delete the keys of an interrupted drill, then its record; a failure is a warning, and the
    next `up` tries again. The topology must be healthy."""
    from redistopo.drill.key_cleanup import delete_keys

    try:
        with step(progress, "delete the keys that a drill left"):
            delete_keys(application_entry(seen, credentials), _SWEEP_SECONDS, load_id=intent.load)
    except RedistopoError as error:
        warn(progress, f"keys of a drill may be left: {error.message}; redistopo up tries again")
        return
    forget_intent(layout)


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
            sentinel=access if credentials.acl else credentials.login_to(places[0]),
        )
    primaries = (node for node in seen.answering if node.role is Role.PRIMARY)
    entries = tuple(node.endpoint for node in primaries)
    return EntryPoint(kind=EntryKind.PLAIN, entries=entries[:1], access=access)
