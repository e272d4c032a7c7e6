"""What servers' logs tell of a failover, each line with its moment to the millisecond.

Wordings: cluster_legacy.c and server.c (serverLogRaw) of Redis 6.2 to 8.2 and Valkey 8.1
and 9.1; Valkey's log-format and log-timestamp-format may change how a line looks.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from redistopo.drill.report import TimelineKind

_LEGACY = re.compile(r"\b(\d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2}\.\d{3})\b")
_ISO = re.compile(r"\b(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}(?:Z|[+-]\d{2}:\d{2})?)")
_MILLISECONDS = re.compile(r"(?:^\d+:[A-Z] |timestamp=\"?)(\d{13})\b")

_ID = r"([0-9a-f]{40})"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEvent:
    """Something told: `at` is in seconds, since the epoch in a log; `about` is the node named."""

    at: float
    kind: TimelineKind
    text: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class _Wording:
    """A line's wording, and what it means; `{0}` in `says` is its group."""

    pattern: re.Pattern[str]
    kind: TimelineKind
    says: str
    named: bool = False  # its first group is a node's id


_WORDINGS = (
    _Wording(
        re.compile(rf"NODE {_ID}.* possibly failing"),
        TimelineKind.SUSPECTED,
        "suspects {0} (PFAIL)",
        named=True,
    ),
    _Wording(
        re.compile(rf"Marking node {_ID}.* as failing \(quorum reached\)"),
        TimelineKind.FAILED,
        "marks {0} as failing, the majority agrees (FAIL)",
        named=True,
    ),
    _Wording(
        re.compile(r"Start of election delayed for (\d+) milliseconds"),
        TimelineKind.ELECTION,
        "will stand for election in {0} ms",
    ),
    _Wording(
        re.compile(r"Starting a failover election for epoch (\d+)"),
        TimelineKind.ELECTION,
        "asks for votes (epoch {0})",
    ),
    _Wording(
        re.compile(rf"Failover auth granted to {_ID}"),
        TimelineKind.ELECTION,
        "votes for {0}",
        named=True,
    ),
    _Wording(
        re.compile(r"Currently unable to failover: (.+?)\"?$"),
        TimelineKind.NOTE,
        "can't take over yet: {0}",
    ),
    _Wording(
        re.compile(r"Failover election won"),
        TimelineKind.PROMOTED,
        "won the election, and is primary",
    ),
    _Wording(
        re.compile(rf"Reconfiguring myself as a replica of (?:node )?{_ID}"),
        TimelineKind.MENDED,
        "follows {0} now",
        named=True,
    ),
)

_WAITS = ("Waiting the delay", "Waiting for votes")
"""Not in its way: part of every election."""


def parse_log_events(text: str, names: Mapping[str, str]) -> Iterator[LogEvent]:
    """What the lines of a log tell; `names` maps node ids to names. Other lines are left out."""
    for line in text.splitlines():
        for wording in _WORDINGS:
            found = wording.pattern.search(line)
            at = moment(line) if found else None
            if found is None or at is None or any(word in line for word in _WAITS):
                continue
            group = found[1] if found.groups() else ""
            about = names.get(group, group[:8]) if wording.named else ""
            says = wording.says.format(about or group)
            yield LogEvent(at=at, kind=wording.kind, text=says, about=about)
            break


def moment(line: str) -> float | None:
    """When a line was written, in seconds since the epoch; None where it bears no time.

    Servers write their local time, so it is read as this machine's.
    """
    if legacy := _LEGACY.search(line):
        return datetime.strptime(legacy[1], "%d %b %Y %H:%M:%S.%f").timestamp()
    if iso := _ISO.search(line):
        return datetime.fromisoformat(iso[1]).timestamp()
    if number := _MILLISECONDS.search(line):
        return int(number[1]) / 1000
    return None
