"""Limits of the demo's inputs, on its command line and its page; times in seconds."""

from redistopo.errors import UsageError

MIN_TTL = 0.1

MAX_TTL = 86400.0

MAX_DELAY = 60.0


MAX_RATE = 500
"""Requests per second, of the request generator."""


def require_delay(delay: float) -> None:
    """Raise UsageError for a database delay that is too long."""
    if delay > MAX_DELAY:
        raise UsageError(
            f"a database delay of {delay:g} s is too long", hint=f"--db-delay up to {MAX_DELAY:g}s"
        )
