"""What a Sentinel publishes, heard as it is told."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from threading import Event

from redis.exceptions import RedisError

from redistopo.client.connection import new_connection
from redistopo.errors import Unreachable
from redistopo.model.protocol.credentials import Login
from redistopo.model.protocol.endpoint import Endpoint

_PATIENCE_SECONDS = 0.1
"""How soon it is noticed that nobody wants to hear any more."""


def listen(
    endpoint: Endpoint,
    access: Login,
    channels: Iterable[str],
    hear: Callable[[str, str, float], None],
    over: Event,
) -> None:
    """`hear` got every message (channel, text, monotonic seconds) until `over` was set, or
    until the server hung up."""
    made = new_connection(endpoint, access)
    try:
        made.connect()
        made.send_command("SUBSCRIBE", *channels)
        while not over.is_set():
            # a message that has begun is read whole: servers send each at once
            if not made.can_read(timeout=_PATIENCE_SECONDS):
                continue
            reply = made.read_response()
            if isinstance(reply, list) and len(reply) == 3 and reply[0] == "message":
                hear(str(reply[1]), str(reply[2]), time.monotonic())
    except (RedisError, OSError):
        return  # it ended, or was ended by the drill
    finally:
        with suppress(RedisError, OSError):
            made.disconnect()


Poll = Callable[[], tuple[str, str] | None]
"""The next message (channel, text), None where there is none yet; raises Unreachable."""


@contextmanager
def hearing(endpoint: Endpoint, access: Login, channels: Iterable[str]) -> Iterator[Poll]:
    """Nothing is missed that the server publishes on these channels from now on.

    Raises Unreachable where it doesn't answer.
    """
    made = new_connection(endpoint, access)
    wanted = tuple(channels)

    def poll() -> tuple[str, str] | None:
        try:
            if not made.can_read(timeout=0):
                return None
            reply = made.read_response()
        except (RedisError, OSError) as error:
            raise Unreachable(f"{endpoint} hung up", detail=str(error)) from error
        return (str(reply[1]), str(reply[2])) if reply[0] == "message" else None

    try:
        try:
            made.connect()
            made.send_command("SUBSCRIBE", *wanted)
            for _ in wanted:
                made.read_response()
        except (RedisError, OSError) as error:
            raise Unreachable(f"{endpoint} can't be listened to", detail=str(error)) from error
        yield poll
    finally:
        with suppress(RedisError, OSError):
            made.disconnect()
