"""What a Sentinel publishes, heard as it is told."""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Event

from redis.exceptions import RedisError

from redistopo.model.access import Access
from redistopo.world.client import connection

_PATIENCE_SECONDS = 0.1
"""How soon it is noticed that nobody wants to hear any more."""


def listen(
    address: tuple[str, int],
    access: Access,
    channels: Iterable[str],
    hear: Callable[[str, str, float], None],
    over: Event,
) -> None:
    """`hear` got every message (channel, text, monotonic seconds) until `over` was set, or
    until the server hung up."""
    made = connection(*address, access)
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
