"""Commands for several servers at once, by one thread: with a hundred, threads take half as much
again of the processor, and the servers need it."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from selectors import EVENT_READ, DefaultSelector

from redistopo.client.connection import Command, Connections, Reply
from redistopo.errors import RedistopoError
from redistopo.host.in_threads import in_threads
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.resp import UsualReply
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A server's replies, or why there are none, and when it was asked and had replied, in seconds
    since the epoch."""

    replies: list[Reply] = field(default_factory=list)
    error: RedistopoError | None = None
    began: float
    ended: float


def execute(client: Connections, endpoint: Endpoint, commands: Sequence[Command]) -> Answer:
    """Send commands to one server, and wait for its replies."""
    began, replies, error = time.time(), list[Reply](), None
    try:
        replies = client.execute(endpoint, commands)
    except RedistopoError as failed:
        error = failed
    return Answer(replies=replies, error=error, began=began, ended=time.time())


def execute_each(
    client: Connections,
    commands: Mapping[Endpoint, Sequence[Command]],
    alike: Iterable[Command] = (),
) -> dict[Endpoint, Answer]:
    """Send commands to several servers, to all before any reply is awaited. A reply may begin so
    late after the last one of any server as the connections allow. Replies to commands in `alike`
    are one object if they are the same, which is faster.
    """
    known: dict[Command, UsualReply | None] = dict.fromkeys(alike)
    found = dict(_failed_to_connect(client, commands))
    began = {}
    for endpoint in commands.keys() - found.keys():
        began[endpoint] = time.time()
        try:
            client.post(endpoint, commands[endpoint])
        except RedistopoError as error:
            found[endpoint] = Answer(error=error, began=began[endpoint], ended=time.time())
    for endpoint, replies_begin in _in_order_of_replies(client, began.keys() - found.keys()):
        replies, failed = list[Reply](), None
        try:
            if replies_begin:
                replies = _collected(client, endpoint, commands[endpoint], known)
            else:
                failed = client.give_up(endpoint)
        except RedistopoError as error:
            failed = error
        found[endpoint] = Answer(
            replies=replies, error=failed, began=began[endpoint], ended=time.time()
        )
    return found


def _failed_to_connect(
    client: Connections, endpoints: Iterable[Endpoint]
) -> Iterator[tuple[Endpoint, Answer]]:
    """Connect to servers, which each of them may let wait; yield what failed."""

    def connect(endpoint: Endpoint) -> RedistopoError | None:
        try:
            client.connect(endpoint)
        except RedistopoError as error:
            return error
        return None

    began = time.time()
    closed = [one for one in endpoints if not client.is_open(one)]
    for endpoint, error in zip(closed, in_threads(connect, closed), strict=True):
        if error is not None:
            yield endpoint, Answer(error=error, began=began, ended=time.time())


def _in_order_of_replies(
    client: Connections, endpoints: Iterable[Endpoint]
) -> Iterator[tuple[Endpoint, bool]]:
    """Yield each server when its reply begins, and at last, with False, those whose doesn't."""
    with DefaultSelector() as selector:
        for endpoint in endpoints:
            selector.register(client.fileno(endpoint), EVENT_READ, endpoint)
        while waiting := selector.get_map():
            ready = [key for key, _events in selector.select(client.seconds)]
            for key in ready or [*waiting.values()]:
                selector.unregister(key.fd)  # its socket may be closed after this
                yield key.data, bool(ready)


def _collected(
    client: Connections,
    endpoint: Endpoint,
    commands: Sequence[Command],
    known: dict[Command, UsualReply | None],
) -> list[Reply]:
    """Collect a server's replies, which all follow the first one, unless it keeps others waiting:
    raises Unreachable then."""
    ends = time.monotonic() + client.seconds
    replies: list[Reply] = []
    for command in commands:
        if time.monotonic() > ends:
            raise client.give_up(endpoint)
        if command in known:
            same = known[command] = client.collect_known(endpoint, known[command])
            replies.append(same.value)
        else:
            replies += client.collect(endpoint, 1)
    return replies
