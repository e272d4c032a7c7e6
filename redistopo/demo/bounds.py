"""What may be asked of the demo, on its command line and from its page; times in seconds."""

from redistopo.errors import UsageError

SHORTEST_TTL = 0.1

LONGEST_TTL = 86400.0

LONGEST_DELAY = 60.0


MOST_RATE = 500
"""Requests a second, of the load generator."""


def require_delay(delay: float) -> None:
    """Raises UsageError for a database that nobody waits for."""
    if delay > LONGEST_DELAY:
        raise UsageError(
            f"nobody waits {delay:g} s for a row", hint=f"--db-delay up to {LONGEST_DELAY:g}s"
        )
