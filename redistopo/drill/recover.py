"""What a drill left behind is mended, also one that was killed in its midst."""

from typing import TYPE_CHECKING

from redistopo.errors import RedistopoError
from redistopo.host.partition import let_go
from redistopo.host.process import ours
from redistopo.host.process_marks import recorded_nodes
from redistopo.model.protocol.credentials import Keys
from redistopo.model.state.drill_intent import Intent
from redistopo.model.state.observed import Observed, Role
from redistopo.model.topology.layout import Layout
from redistopo.model.topology.spec import Shape
from redistopo.progress import Tell, note, step, warn
from redistopo.project.drill_intent_file import forget_intent, load_intent

if TYPE_CHECKING:
    from redistopo.client.entry_point import Way

_SWEEP_SECONDS = 10.0


def release(layout: Layout, tell: Tell) -> Intent | None:
    """The drill that was cut off, if one was; servers that it held apart reach each other.

    What it froze or ended is for `up`. Call it under the lock.
    """
    intent = load_intent(layout)
    if intent is None:
        return None
    note(tell, f"a drill of {intent.began or 'earlier'} was cut off: what it did is mended")
    found = (ours(layout, name) for name in recorded_nodes(layout))
    let_go(process.pid for process in found if process is not None)
    return intent


def tidy(layout: Layout, seen: Observed, keys: Keys, tell: Tell) -> None:
    """No key of a drill that was cut off is left, and it is forgotten; where keys can't be
    removed it is told, and tried again by the next `up`. The topology is healthy."""
    intent = load_intent(layout)
    if intent is None:
        return
    from redistopo.drill import key_cleanup as sweep

    try:
        with step(tell, "remove the keys that a drill left"):
            sweep(way_in(seen, keys), _SWEEP_SECONDS, load_id=intent.load)
    except RedistopoError as error:
        warn(tell, f"keys of a drill may be left: {error.message}; redistopo up tries again")
        return
    forget_intent(layout)


def way_in(seen: Observed, keys: Keys) -> "Way":
    """How an application comes in, as its users do."""
    from redistopo.client.entry_point import Door, Way

    access = keys.application or keys.own
    if seen.shape is Shape.CLUSTER:
        entries = tuple((node.host, node.port) for node in seen.answering)
        return Way(door=Door.CLUSTER, entries=entries, access=access)
    if seen.sentinels:
        places = tuple((node.host, node.port) for node in seen.sentinels)
        names = (watch.name for node in seen.sentinels for watch in node.watches)
        return Way(
            door=Door.SENTINEL,
            entries=places,
            access=access,
            service=next(names, ""),
            # with ACL the application has one password for all; the user "sentinel" may not ask
            sentinel=access if keys.acl else keys.at(*places[0]),
        )
    leads = (node for node in seen.answering if node.role is Role.PRIMARY)
    entries = tuple((node.host, node.port) for node in leads)
    return Way(door=Door.PLAIN, entries=entries[:1], access=access)
