"""The clock of a server's host, compared with the one of this machine."""

from collections.abc import Mapping

from redistopo.quick_dataclass import dataclass

FIELD = "server_time_usec"
"""The server's time in INFO, since Redis 6.2; a Sentinel has no command TIME."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """How many seconds a clock is `ahead` of ours, negative if it is behind; `within` is the most
    by which that may be wrong."""

    ahead: float
    within: float


def clock_of(info: Mapping[str, str], began: float, ended: float) -> Clock | None:
    """Compare the time in a server's INFO with ours, by the midpoint of the round trip; None for a
    server that doesn't report it."""
    text = info.get(FIELD, "")
    if not text.isdecimal() or ended < began:  # or our own clock was set back
        return None
    return Clock(ahead=int(text) / 1e6 - (began + ended) / 2, within=(ended - began) / 2)
