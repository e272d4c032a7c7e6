"""What writing a key to each shard, and reading it from the replicas, gave."""

from redistopo.quick_dataclass import dataclass

PREFIX = "redistopo:verify:"
"""Of the keys that are written, and deleted again."""

NO_SLOTS = "it owns no slots"
"""The error of a shard without a slot for a key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteProbeResult:
    """The write probe of one shard; `error` is "" if every step succeeded."""

    shard: int
    key: str
    primary: str
    replicas: tuple[str, ...]
    milliseconds: float
    error: str = ""
