"""Settings of a cache."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings that seldom change; times in seconds."""

    prefix: str = "data"
    version: int = 1
    """Version of the rows' shape; see `Keys`."""

    jitter: float = 0.1
    """The largest part of the TTL that is taken off at random."""

    negative_ttl: float = 10.0
    """TTL of "there is no such row"; at most the TTL."""

    claim_seconds: float = 10.0
    """TTL of the fill lock, longer than the slowest load: if a loader dies, others wait so long."""

    failures: int = 3
    """Consecutive failures that open a circuit."""

    retry_seconds: float = 1.0
    """How often Redis is tried again while a circuit is open."""
