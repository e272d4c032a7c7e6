"""Subscriptions to the events that a Sentinel publishes."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Event

from redistopo.client.server_connection import Connection
from redistopo.errors import Unreachable
from redistopo.model.protocol.credentials import Login
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.resp import ErrorReply

_POLL_SECONDS = 0.1
"""The delay until `over` is noticed."""


def listen(
    endpoint: Endpoint,
    access: Login,
    channels: Iterable[str],
    on_message: Callable[[str, str, float], None],
    over: Event,
) -> None:
    """Call `on_message` with every message (channel, text, monotonic seconds) until `over` is set
    or the server closes the connection."""
    made = Connection(endpoint, access)
    try:
        made.connect()
        made.send([("SUBSCRIBE", *channels)])
        while not over.is_set():
            # a message that has begun is read completely: servers send each at once
            if not made.has_reply(_POLL_SECONDS):
                continue
            reply = made.read()
            if isinstance(reply, list) and len(reply) == 3 and reply[0] == "message":
                on_message(str(reply[1]), str(reply[2]), time.monotonic())
    except (ErrorReply, OSError):
        return  # it ended, or the drill stopped it
    finally:
        made.close()


Poll = Callable[[], tuple[str, str] | None]
"""Returns the next message (channel, text), None if there is none yet; raises Unreachable."""


@contextmanager
def subscription(endpoint: Endpoint, access: Login, channels: Iterable[str]) -> Iterator[Poll]:
    """Subscribe to channels; once entered, no message is missed.

    Raises Unreachable if the server doesn't reply.
    """
    made = Connection(endpoint, access)
    wanted = tuple(channels)

    def poll() -> tuple[str, str] | None:
        try:
            if not made.has_reply(0):
                return None
            reply = made.read()
        except (ErrorReply, OSError) as error:
            raise Unreachable(f"{endpoint} closed the connection", detail=str(error)) from error
        match reply:
            case ["message", channel, text]:
                return str(channel), str(text)
        return None

    try:
        try:
            made.connect()
            made.send([("SUBSCRIBE", *wanted)])
            for _ in wanted:
                made.read()
        except (ErrorReply, OSError) as error:
            raise Unreachable(f"{endpoint} refused SUBSCRIBE", detail=str(error)) from error
        yield poll
    finally:
        made.close()
