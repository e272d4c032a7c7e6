"""Removing what a load left behind, by its prefix."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redistopo.client.app_clients import CLIENT_ERRORS, AppClient, connect_app_client, error_kind
from redistopo.client.entry_point import PREFIX, EntryPoint
from redistopo.errors import TimedOut, Unreachable
from redistopo.host.polling import Deadline

_SCAN_COUNT = 1000


def delete_keys(way: EntryPoint, seconds: float, *, load_id: str = "") -> int:
    """How many keys of loads (of that one, or of any) were removed from every primary.

    By SCAN and UNLINK: for a load that was killed and can't do it itself. Raises Unreachable
    where a primary doesn't answer, TimedOut where there are more keys than time.
    """
    pattern = f"{PREFIX}{load_id}:*" if load_id else f"{PREFIX}*"
    deadline = Deadline(seconds)
    with _entered(way) as client:
        return sum(_swept(server, pattern, deadline) for server in client.primaries())


@contextmanager
def _entered(way: EntryPoint) -> Iterator[AppClient]:
    client = None
    try:
        client = connect_app_client(way)
        yield client
    except CLIENT_ERRORS as error:
        raise Unreachable(
            "what a drill's load left behind can't be removed now",
            detail=f"{error_kind(error)}: {error}",
            hint="it expires by itself within an hour",
        ) from error
    finally:
        if client:
            client.close()


def _swept(server: Any, pattern: str, deadline: Deadline) -> int:
    """All keys of that pattern are gone from one server; how many there were."""
    removed, cursor = 0, 0
    while True:
        cursor, keys = server.scan(cursor, match=pattern, count=_SCAN_COUNT)
        if keys:
            # one by one: in a cluster they lie in different slots
            with server.pipeline(transaction=False) as pipe:
                for key in keys:
                    pipe.unlink(key)
                removed += sum(pipe.execute())
        if not cursor:
            return removed
        if deadline.over:
            raise TimedOut(
                f"not every key was looked at in {deadline.seconds:g} s",
                detail=f"{removed} keys of drills were removed",
                hint="what is left expires by itself within an hour",
            )
