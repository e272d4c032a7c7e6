"""The switch from a source to the topology: its writes are paused, and what is left is copied.

CLIENT PAUSE with WRITE (since Redis 6.2) makes writers wait, and ends by itself. Keys don't expire
at the source in the meantime (server.c, isPausedActionsWithUpdate), so that those without a TTL
are what is compared.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from redistopo.client.connection import Connections, raise_on_error
from redistopo.client.copy_keys import Owner
from redistopo.errors import BadReply, RedistopoError, TimedOut
from redistopo.host.polling import Deadline, wait_for
from redistopo.importing.copy_passes import Copying, ImportPass
from redistopo.importing.follow_writes import FollowedSource, added
from redistopo.model.protocol.credentials import single_credential
from redistopo.model.protocol.replies import count_expiring, count_keys, parse_info
from redistopo.quick_dataclass import dataclass

UNTIL_QUIET = "use --until-quiet, and stop the writers yourself"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSwitch:
    """The end of the import: `milliseconds` from the pause until both sides had the same keys,
    what was copied and deleted in that time, and `hold`, for how many seconds from now on writes
    wait at the source. `keys` are those without a TTL, None if the topology had keys before."""

    milliseconds: float
    changed: int
    deleted: int
    keys: int | None
    hold: float


def require_pause(writes: FollowedSource) -> None:
    """Raise BadReply if a server of the source can't pause writes, or we may not; a pause of
    0 ms tries it."""
    _pause(writes, 0)


def switch(
    copying: Copying,
    writes: FollowedSource,
    *,
    hold: float,
    owners: Sequence[Owner],
    prove: Callable[[], None],
) -> ImportSwitch:
    """Pause the source's writes, copy the rest, compare the numbers of keys with those of `owners`,
    if there are any, and call `prove`. Writes go on at once if anything fails."""
    began, limit = time.monotonic(), Deadline(hold)
    with _paused(writes, hold):
        rest = _copy_rest(copying, writes, limit)
        keys = _compared(writes, owners) if owners else None
        prove()
        milliseconds = (time.monotonic() - began) * 1000
    return ImportSwitch(
        milliseconds=milliseconds,
        changed=rest.changed,
        deleted=rest.deleted,
        keys=keys,
        hold=hold,
    )


@contextmanager
def _paused(writes: FollowedSource, hold: float) -> Iterator[None]:
    """Pause writes; they go on if the block fails, and else wait `hold` from its end."""
    began = time.monotonic()
    try:
        _pause(writes, hold)
        yield
        if time.monotonic() - began >= hold:
            raise _late("the pause ended before all was copied")
        _pause(writes, hold)
    except BaseException:
        resume(writes)
        raise


def resume(writes: FollowedSource) -> None:
    """Let the source's writers go on."""
    for one in writes.servers:
        with suppress(RedistopoError):  # the pause ends by itself
            one.ask(("CLIENT", "UNPAUSE"))


def _pause(writes: FollowedSource, seconds: float) -> None:
    for one in writes.servers:
        (reply,) = one.ask(("CLIENT", "PAUSE", int(seconds * 1000), "WRITE"))
        if isinstance(reply, Exception):
            raise BadReply(
                f"{one.source.endpoint} doesn't pause its writes",
                detail=str(reply)[:200],
                hint=UNTIL_QUIET,
            )


def _copy_rest(copying: Copying, writes: FollowedSource, limit: Deadline) -> ImportPass:
    """Copy all that was written before the pause."""
    offsets = writes.offsets()
    try:
        wait_for(lambda: writes.drained(offsets) or None, limit, pause=0.001)
    except TimedOut as error:
        raise _late("the source did not send all that was written before the pause") from error
    total = writes.copy_noted(copying)
    while writes.note():
        total = added(total, writes.copy_noted(copying))
    return total


def _late(why: str) -> TimedOut:
    return TimedOut(
        "the switch took too long: writes go on at the source",
        detail=why,
        hint="run the same command again with --replace, and a longer --hold",
    )


def _compared(writes: FollowedSource, owners: Sequence[Owner]) -> int:
    """The number of keys without a TTL, which is the same on both sides."""
    theirs = sum(_lasting(one.info("default")) for one in writes.servers)
    ours = 0
    for owner in owners:
        with Connections(single_credential(owner.login)) as client:
            (reply,) = client.execute(owner.endpoint, [("INFO",)])
        ours += _lasting(parse_info(str(raise_on_error(reply, "INFO"))))
    if ours != theirs:
        raise RedistopoError(
            f"the source has {theirs:,} keys without a TTL, the topology {ours:,}: writes go on at "
            "the source",
            hint="let no client write to the topology yet; then run it again with --replace",
        )
    return ours


def _lasting(info: Mapping[str, str]) -> int:
    return count_keys(info) - count_expiring(info)
