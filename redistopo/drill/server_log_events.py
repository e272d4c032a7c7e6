"""Parses server logs for events of a failover, each with its time to the millisecond.

Wordings: cluster_legacy.c of Redis 6.2 to 8.2 and Valkey 8.1 and 9.1.
"""

import re
from collections.abc import Iterator, Mapping

from redistopo.drill.drill_report import TimelineKind
from redistopo.model.protocol.server_log import read_head
from redistopo.quick_dataclass import dataclass

_ID = r"([0-9a-f]{40})"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEvent:
    """An event: `at` is in seconds, since the epoch in a log; `about` is the node it names."""

    at: float
    kind: TimelineKind
    text: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class _Wording:
    """The wording of a line and its meaning; `{0}` in `text` is the group of `pattern`."""

    pattern: str
    kind: TimelineKind
    text: str


_WORDINGS = (
    _Wording(
        rf"NODE {_ID}.* possibly failing",
        TimelineKind.SUSPECTED,
        "flags {0} as possibly failing (PFAIL)",
    ),
    _Wording(
        rf"Marking node {_ID}.* as failing \(quorum reached\)",
        TimelineKind.FAILED,
        "flags {0} as failing, the majority agrees (FAIL)",
    ),
    _Wording(
        r"Start of election delayed for (\d+) milliseconds",
        TimelineKind.ELECTION,
        "delays its election by {0} ms",
    ),
    _Wording(
        r"Starting a failover election for epoch (\d+)",
        TimelineKind.ELECTION,
        "requests votes (epoch {0})",
    ),
    _Wording(rf"Failover auth granted to {_ID}", TimelineKind.ELECTION, "votes for {0}"),
    _Wording(
        r"Currently unable to failover: (.+?)\"?$", TimelineKind.NOTE, "can't take over yet: {0}"
    ),
    _Wording(
        r"Failover election won", TimelineKind.PROMOTED, "wins the election and becomes primary"
    ),
    _Wording(
        rf"Reconfiguring myself as a replica of (?:node )?{_ID}",
        TimelineKind.REPAIRED,
        "becomes a replica of {0}",
    ),
)

_WAITS = ("Waiting the delay", "Waiting for votes")
"""Part of every election, not an obstacle."""


def parse_log_events(text: str, names: Mapping[str, str]) -> Iterator[LogEvent]:
    """Yield the events in a log; `names` maps node ids to names. Other lines are skipped."""
    for line in text.splitlines():
        for wording in _WORDINGS:
            found = re.search(wording.pattern, line)
            head = read_head(line) if found else None
            if found is None or head is None or any(word in line for word in _WAITS):
                continue
            group = found[1] if found.groups() else ""
            about = names.get(group, group[:8]) if _ID in wording.pattern else ""
            event = wording.text.format(about or group)
            yield LogEvent(at=head.at, kind=wording.kind, text=event, about=about)
            break
