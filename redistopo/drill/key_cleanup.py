"""Deletes the keys that a drill's load left, by their prefix."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redistopo.client.app_clients import CLIENT_ERRORS, AppClient, connect_app_client, error_kind
from redistopo.client.app_entry_point import PREFIX, EntryPoint
from redistopo.errors import TimedOut, Unreachable
from redistopo.host.polling import Deadline

_SCAN_COUNT = 1000


def delete_keys(way: EntryPoint, seconds: float, *, load_id: str = "") -> int:
    """Delete the keys of one load, or of every load, from all primaries; return how many.

    Uses SCAN and UNLINK, for a load that was killed and can't delete its own keys. Raises
    Unreachable if a primary does not reply, TimedOut if there are more keys than time.
    """
    pattern = f"{PREFIX}{load_id}:*" if load_id else f"{PREFIX}*"
    deadline = Deadline(seconds)
    with _connected(way) as client:
        return sum(_delete_matching(server, pattern, deadline) for server in client.primaries())


@contextmanager
def _connected(way: EntryPoint) -> Iterator[AppClient]:
    client = None
    try:
        client = connect_app_client(way)
        yield client
    except CLIENT_ERRORS as error:
        raise Unreachable(
            "the keys of a drill's load can't be deleted now",
            detail=f"{error_kind(error)}: {error}",
            hint="they expire within an hour",
        ) from error
    finally:
        if client:
            client.close()


def _delete_matching(server: Any, pattern: str, deadline: Deadline) -> int:
    """Delete all keys that match the pattern from one server; return how many."""
    removed, cursor = 0, 0
    while True:
        cursor, keys = server.scan(cursor, match=pattern, count=_SCAN_COUNT)
        if keys:
            # one by one: in a cluster they belong to different slots
            with server.pipeline(transaction=False) as pipe:
                for key in keys:
                    pipe.unlink(key)
                removed += sum(pipe.execute())
        if not cursor:
            return removed
        if deadline.over:
            raise TimedOut(
                f"not every key was scanned in {deadline.seconds:g} s",
                detail=f"{removed} keys of drills were deleted",
                hint="the others expire within an hour",
            )
