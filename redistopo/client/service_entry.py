"""How clients find the server for a key: by CLUSTER SLOTS, by Sentinels, and by redirections.

The rules are those for clients in redis.io, Redis cluster specification and Sentinel client
spec; the addresses are the announced ones, which may lead elsewhere than ours.
"""

from collections.abc import Iterable

from redistopo.client.connection import Command, Connections, Reply, raise_on_error
from redistopo.errors import BadReply, RedistopoError, Unreachable
from redistopo.model.protocol.endpoint import LAST_PORT, Endpoint, split_address
from redistopo.model.protocol.resp import ErrorReply
from redistopo.model.protocol.sentinel_replies import parse_masters
from redistopo.model.protocol.slots import SLOT_COUNT
from redistopo.model.state.announced import UNKNOWN_HOST
from redistopo.quick_dataclass import dataclass

_MOST_REDIRECTIONS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotOwner:
    """A range of CLUSTER SLOTS, and where clients are sent for it."""

    first: int
    last: int
    endpoint: Endpoint


def slot_owners(entries: Iterable[Endpoint], app: Connections) -> tuple[SlotOwner, ...]:
    """Return the slot table of the first entry that knows an owner of every slot.

    Raises RedistopoError if none does: the last reason.
    """
    trouble: RedistopoError = Unreachable("no node is known that a client could connect to")
    for entry in entries:
        try:
            reply = raise_on_error(app.execute(entry, [("CLUSTER", "SLOTS")])[0], "CLUSTER SLOTS")
            found = tuple(_owner(row, entry) for row in _rows(reply, "CLUSTER SLOTS"))
        except RedistopoError as error:
            trouble = error
            continue
        covered = _covered(found)
        if covered == SLOT_COUNT:
            return found
        trouble = BadReply(f"{entry} names owners of {covered} of {SLOT_COUNT} slots only")
    raise trouble


def _rows(reply: Reply, what: str) -> list[Reply]:
    if not isinstance(reply, list):
        raise BadReply(f"{what} is no list", detail=repr(reply)[:200])
    return reply


def _covered(owners: Iterable[SlotOwner]) -> int:
    """Count the slots that have an owner; ranges may overlap."""
    count, end = 0, -1
    for one in sorted(owners, key=lambda one: one.first):
        count += max(0, one.last - max(end, one.first - 1))
        end = max(end, one.last)
    return count


def _owner(row: Reply, entry: Endpoint) -> SlotOwner:
    """Parse one range; where no host is announced, clients keep that of the entry."""
    match row:
        case [int(first), int(last), [host, int(port), *_], *_] if 0 < port <= LAST_PORT:
            if host != UNKNOWN_HOST and 0 <= first <= last < SLOT_COUNT:
                there = Endpoint(str(host or entry.host), port)
                return SlotOwner(first=first, last=last, endpoint=there)
    raise BadReply("CLUSTER SLOTS has a range without an owner's address", detail=repr(row)[:200])


def primary_by_sentinels(sentinels: Iterable[Endpoint], name: str, app: Connections) -> Endpoint:
    """Return the primary according to the first Sentinel that doesn't consider it down."""
    trouble = ""
    for sentinel in sentinels:
        try:
            reply = raise_on_error(app.execute(sentinel, [("SENTINEL", "MASTERS")])[0], "MASTERS")
            for one in parse_masters(reply):
                if one.name == name and not one.down:
                    return one.endpoint
        except RedistopoError as error:
            trouble = error.message
    raise Unreachable(f"no Sentinel names a primary {name} that is up", detail=trouble)


def execute_redirected(at: Endpoint, command: Command, app: Connections) -> tuple[Endpoint, Reply]:
    """Execute a command as clients of a cluster do, and return the server that executed it."""
    asking: list[Command] = []
    for _ in range(_MOST_REDIRECTIONS):
        reply = app.execute(at, [*asking, command])[-1]
        if not isinstance(reply, ErrorReply) or reply.code not in ("MOVED", "ASK"):
            break
        # MOVED 3999 127.0.0.1:6381
        host, port = split_address(str(reply).split()[-1])
        if not port.isdecimal() or not 0 < int(port) <= LAST_PORT or host == UNKNOWN_HOST:
            break
        asking = [("ASKING",)] if reply.code == "ASK" else []
        at = Endpoint(host or at.host, int(port))
    return at, reply
