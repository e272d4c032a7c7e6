"""What Sentinels publish while they fail over, as moments of a drill.

Channels and messages: redis.io, High availability with Redis Sentinel, "Sentinel Pub/Sub
Messages"; the same in Redis 6.2 to 8.2 and Valkey 8.1 and 9.1 (sentinel.c, sentinelEvent).
"""

from collections.abc import Mapping

from redistopo.drill.report import TimelineKind
from redistopo.drill.server_log_events import LogEvent

CHANNELS = (
    "+sdown",
    "-sdown",
    "+odown",
    "-odown",
    "+try-failover",
    "+vote-for-leader",
    "+elected-leader",
    "-failover-abort-no-good-slave",
    "-failover-abort-not-elected",
    "+selected-slave",
    "+promoted-slave",
    "+switch-master",
    "+convert-to-slave",
)

_KINDS = {
    "+sdown": TimelineKind.SUSPECTED,
    "+odown": TimelineKind.FAILED,
    "+switch-master": TimelineKind.PROMOTED,
    "+convert-to-slave": TimelineKind.MENDED,
    "-sdown": TimelineKind.MENDED,
    "-odown": TimelineKind.MENDED,
    "-failover-abort-no-good-slave": TimelineKind.NOTE,
    "-failover-abort-not-elected": TimelineKind.NOTE,
}


def heard(channel: str, message: str, names: Mapping[str, str], at: float) -> LogEvent | None:
    """What a message tells; `names` maps addresses, and ids of Sentinels, to names.

    None for one that isn't in the form that Sentinels publish.
    """
    words = message.split()
    kind = _KINDS.get(channel, TimelineKind.ELECTION)
    if channel == "+switch-master":
        if len(words) < 5:
            return None
        before, after = _name(words[1:3], names), _name(words[3:5], names)
        text = f"+switch-master: {after} leads, no longer {before}"
        return LogEvent(at=at, kind=kind, text=text, about=after)
    if channel == "+vote-for-leader":
        who = names.get(words[0], words[0][:8]) if words else ""
        return LogEvent(at=at, kind=kind, text=f"votes for {who} to lead the failover", about=who)
    if len(words) < 4:
        return None
    who = _name(words[2:4], names)
    quorum = f" ({words[-1]} Sentinels agree)" if channel == "+odown" and "#quorum" in words else ""
    return LogEvent(at=at, kind=kind, text=f"{channel} {who}{quorum}", about=who)


def _name(words: list[str], names: Mapping[str, str]) -> str:
    address = ":".join(words)
    return names.get(address, address)
