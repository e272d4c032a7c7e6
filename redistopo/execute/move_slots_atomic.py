"""Moves slots by the servers' own atomic way: whole or not at all, and no slot is ever open."""

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager

from redistopo.client.connection import Command, Connections, Reply, raise_on_error
from redistopo.errors import BadReply
from redistopo.execute.survey_slots import text_of
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.planning.move_method import MoveMethod
from redistopo.model.protocol.slots import ranges
from redistopo.model.state.observed import NodeSeen

_BAD = {"failed", "canceled", "cancelled", "error"}


def move_atomically(
    method: MoveMethod,
    ends: tuple[NodeSeen, NodeSeen],
    slots: Sequence[int],
    client: Connections,
    deadline: Deadline,
) -> None:
    """Move slots from a primary to another, and wait until the servers report that it is done.

    An interrupt cancels the move. Raises BadReply if the servers refuse or cancel it.
    """
    source, target = ends
    words = [str(n) for one in ranges(slots) for n in (one.first, one.last)]
    if method is MoveMethod.MIGRATE_SLOTS:
        command: Command = ("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", *words, "NODE", target.id)
        before = {one.get("name") for one in _exports(client, source)}
        _start(client, source, command)
        with _cancelled_if_left(client, source, ("CLUSTER", "CANCELSLOTMIGRATIONS")):
            _await(lambda: _valkey_state(client, source, before), source, deadline)
        return
    task = _start(client, target, ("CLUSTER", "MIGRATION", "IMPORT", *words))
    with _cancelled_if_left(
        client, target, ("CLUSTER", "MIGRATION", "CANCEL", "ID", text_of(task))
    ):
        _await(lambda: _redis_state(client, target, text_of(task)), target, deadline)


def _start(client: Connections, node: NodeSeen, command: Command) -> Reply:
    reply = client.execute(node.endpoint, [command])[0]
    return raise_on_error(reply, f"{node.name}: {' '.join(map(str, command[:3]))}")


@contextmanager
def _cancelled_if_left(client: Connections, node: NodeSeen, command: Command) -> Iterator[None]:
    """Cancel the move if it isn't waited for any more."""
    try:
        yield
    except BaseException:
        client.close(node.endpoint)  # a reply may be outstanding
        client.execute(node.endpoint, [command])
        raise


def _await(state: Callable[[], tuple[str, str]], node: NodeSeen, deadline: Deadline) -> None:
    def done() -> bool | None:
        now, why = state()
        if now in _BAD:
            raise BadReply(f"{node.name} didn't move the slots: {now}", detail=why)
        return True if now in ("success", "completed") else None

    wait_for(done, deadline, lambda: f"{node.name}: {state()[0]}", pause=0.002, most=0.02)


def _pairs(reply: Reply) -> dict[str, str]:
    """A flat list of fields and values, or a map."""
    if isinstance(reply, dict):
        return {text_of(name): text_of(value) for name, value in reply.items()}
    flat = reply if isinstance(reply, list) else []
    pairs = zip(flat[::2], flat[1::2], strict=False)
    return {text_of(name): text_of(value) for name, value in pairs}


def _exports(client: Connections, source: NodeSeen) -> list[dict[str, str]]:
    reply = client.execute(source.endpoint, [("CLUSTER", "GETSLOTMIGRATIONS")])[0]
    found = _jobs(raise_on_error(reply, f"{source.name}: CLUSTER GETSLOTMIGRATIONS"))
    return [one for one in found if one.get("operation") == "EXPORT"]


def _valkey_state(
    client: Connections, source: NodeSeen, before: Container[str | None]
) -> tuple[str, str]:
    """The state of the export that wasn't there before."""
    for one in _exports(client, source):
        if one.get("name") not in before:
            return one.get("state", ""), one.get("message", "")
    return "", ""


def _redis_state(client: Connections, target: NodeSeen, task: str) -> tuple[str, str]:
    asked: Command = ("CLUSTER", "MIGRATION", "STATUS", "ID", task)
    reply = client.execute(target.endpoint, [asked])[0]
    for one in _jobs(raise_on_error(reply, f"{target.name}: CLUSTER MIGRATION STATUS")):
        return one.get("state", ""), one.get("last_error", "")
    return "", ""


def _jobs(reply: Reply) -> Iterable[dict[str, str]]:
    return [_pairs(one) for one in reply] if isinstance(reply, list) else []
