"""What `wait` waits for."""

from enum import StrEnum


class WaitCondition(StrEnum):
    """A state of a topology, from least to most.

    `STARTED`: every node replies and has loaded its data. `REPLICATED`: also, every replica
    has what its primary had when the wait began. `HEALTHY`: no check of `verify` fails.
    """

    STARTED = "started"
    REPLICATED = "replicated"
    HEALTHY = "healthy"
