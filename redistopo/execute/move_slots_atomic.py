"""Moves slots by the servers' own atomic way: whole or not at all, and no slot is ever open."""

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

from redistopo.client.connection import Command, Connections, Reply, raise_on_error
from redistopo.errors import RedistopoError
from redistopo.execute.refused_move import refused_move
from redistopo.execute.survey_slots import text_of
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.planning.move_method import MoveMethod
from redistopo.model.protocol.slots import ranges
from redistopo.model.state.observed import NodeSeen
from redistopo.quick_dataclass import dataclass

_BAD = {"failed", "canceled", "cancelled", "error"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Slots that a primary gives to another one."""

    source: NodeSeen
    target: NodeSeen
    slots: Sequence[int]


State = Callable[[], tuple[str, str]]
"""Asks for the state of a transfer, and why it is so."""


def move_atomically(
    method: MoveMethod,
    transfers: Iterable[Transfer],
    client: Connections,
    deadline: Deadline,
) -> None:
    """Move slots from primaries to others at the same time, and wait until the servers report that
    all of it is done. Each primary gives once at most.

    An interrupt cancels the moves. Raises BadReply if the servers refuse or cancel one.
    """
    begin = _export if method is MoveMethod.MIGRATE_SLOTS else _import
    with ExitStack() as stack:
        _await([(one, begin(client, one, stack)) for one in transfers], deadline)


def _words(one: Transfer) -> list[str]:
    return [str(n) for some in ranges(one.slots) for n in (some.first, some.last)]


def _export(client: Connections, one: Transfer, stack: ExitStack) -> State:
    """Begin a transfer that its source, a Valkey, controls."""
    before = {job.get("name") for job in _migrations(client, one.source, "EXPORT")}
    ends = ("SLOTSRANGE", *_words(one), "NODE", one.target.id)
    _start(client, one.source, ("CLUSTER", "MIGRATESLOTS", *ends))
    cancel = ("CLUSTER", "CANCELSLOTMIGRATIONS")
    stack.enter_context(_cancelled_if_left(client, one.source, cancel))
    return lambda: _valkey_state(client, one, before)


def _import(client: Connections, one: Transfer, stack: ExitStack) -> State:
    """Begin a transfer that its target, a Redis, controls."""
    reply = _start(client, one.target, ("CLUSTER", "MIGRATION", "IMPORT", *_words(one)))
    task = text_of(reply)
    cancel = ("CLUSTER", "MIGRATION", "CANCEL", "ID", task)
    stack.enter_context(_cancelled_if_left(client, one.target, cancel))
    return lambda: _redis_state(client, one.target, task)


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


def _await(begun: Iterable[tuple[Transfer, State]], deadline: Deadline) -> None:
    left = list(begun)
    said = [""]

    def done() -> bool | None:
        for one, state in tuple(left):
            now, why = state()
            said[0] = f"{one.source.name} to {one.target.name}: {now}"
            if now in _BAD:
                raise refused_move(f"{one.source.name} didn't move the slots: {now}", why)
            if now in ("success", "completed"):
                left.remove((one, state))
        return None if left else True

    wait_for(done, deadline, lambda: said[0], pause=0.002, most=0.02)


def _pairs(reply: Reply) -> dict[str, str]:
    """A flat list of fields and values, or a map."""
    if isinstance(reply, dict):
        return {text_of(name): text_of(value) for name, value in reply.items()}
    flat = reply if isinstance(reply, list) else []
    pairs = zip(flat[::2], flat[1::2], strict=False)
    return {text_of(name): text_of(value) for name, value in pairs}


def _migrations(client: Connections, node: NodeSeen, operation: str) -> list[dict[str, str]]:
    """The migrations that a Valkey lists, of one operation: EXPORT or IMPORT."""
    reply = client.execute(node.endpoint, [("CLUSTER", "GETSLOTMIGRATIONS")])[0]
    found = _jobs(raise_on_error(reply, f"{node.name}: CLUSTER GETSLOTMIGRATIONS"))
    return [one for one in found if one.get("operation") == operation]


def _valkey_state(
    client: Connections, one: Transfer, before: Container[str | None]
) -> tuple[str, str]:
    """The state of the export that wasn't there before; of one that failed because the target
    ended it, also why that did."""
    for job in _migrations(client, one.source, "EXPORT"):
        if job.get("name") in before:
            continue
        state, why = job.get("state", ""), job.get("message", "")
        if state in _BAD:
            with suppress(RedistopoError):  # it may have ended
                there = _migrations(client, one.target, "IMPORT")
                said = (its.get("message") for its in there if its.get("name") == job.get("name"))
                why = "\n".join(filter(None, (why, *said)))
        return state, why
    return "", ""


def _redis_state(client: Connections, target: NodeSeen, task: str) -> tuple[str, str]:
    asked: Command = ("CLUSTER", "MIGRATION", "STATUS", "ID", task)
    reply = client.execute(target.endpoint, [asked])[0]
    for one in _jobs(raise_on_error(reply, f"{target.name}: CLUSTER MIGRATION STATUS")):
        return one.get("state", ""), one.get("last_error", "")
    return "", ""


def _jobs(reply: Reply) -> Iterable[dict[str, str]]:
    return [_pairs(one) for one in reply] if isinstance(reply, list) else []
