"""Parses what Sentinels publish during a failover into events of a drill.

Channels and messages: redis.io, High availability with Redis Sentinel, "Sentinel Pub/Sub
Messages"; the same in Redis 6.2 to 8.2 and Valkey 8.1 and 9.1 (sentinel.c, sentinelEvent).
"""

from collections.abc import Mapping

from redistopo.drill.drill_report import TimelineKind
from redistopo.drill.server_log_events import LogEvent

_KINDS = {
    "+sdown": TimelineKind.SUSPECTED,
    "-sdown": TimelineKind.REPAIRED,
    "+odown": TimelineKind.FAILED,
    "-odown": TimelineKind.REPAIRED,
    "+try-failover": TimelineKind.ELECTION,
    "+vote-for-leader": TimelineKind.ELECTION,
    "+elected-leader": TimelineKind.ELECTION,
    "-failover-abort-no-good-slave": TimelineKind.NOTE,
    "-failover-abort-not-elected": TimelineKind.NOTE,
    "+selected-slave": TimelineKind.ELECTION,
    "+promoted-slave": TimelineKind.ELECTION,
    "+switch-master": TimelineKind.PROMOTED,
    "+convert-to-slave": TimelineKind.REPAIRED,
}

CHANNELS = tuple(_KINDS)


def parse_sentinel_message(
    channel: str, message: str, names: Mapping[str, str], at: float
) -> LogEvent | None:
    """Parse a message; `names` maps addresses, and ids of Sentinels, to names.

    Returns None if it does not have the form that Sentinels publish.
    """
    words = message.split()
    kind = _KINDS[channel]
    if channel == "+switch-master":
        if len(words) < 5:
            return None
        before, after = _name(words[1:3], names), _name(words[3:5], names)
        text = f"+switch-master: primary is {after}, was {before}"
        return LogEvent(at=at, kind=kind, text=text, about=after)
    if channel == "+vote-for-leader":
        leader = names.get(words[0], words[0][:8]) if words else ""
        text = f"votes for {leader} to lead the failover"
        return LogEvent(at=at, kind=kind, text=text, about=leader)
    if len(words) < 4:
        return None
    node = _name(words[2:4], names)
    quorum = f" ({words[-1]} Sentinels agree)" if channel == "+odown" and "#quorum" in words else ""
    return LogEvent(at=at, kind=kind, text=f"{channel} {node}{quorum}", about=node)


def _name(words: list[str], names: Mapping[str, str]) -> str:
    address = ":".join(words)
    return names.get(address, address)
