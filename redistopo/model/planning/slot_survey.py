"""What slots hold: keys, bytes, and keys so big that moving them takes noticeable time; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import field

from redistopo.quick_dataclass import dataclass

Key = bytes
"""A key's name: any bytes."""

BIG_BYTES = 1 << 20
"""A key from this size on is moved alone, and told."""

SCAN_FROM_BYTES = 16 << 20
"""A node with less data has no key that blocks long, so that its keys needn't be measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BigKey:
    """A big key, and its size in memory."""

    slot: int
    key: Key
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotSurvey:
    """Keys and bytes of slots; slots without keys may be missing. `measured` is how the bytes were
    determined."""

    keys: Mapping[int, int] = field(default_factory=dict)
    bytes: Mapping[int, int] = field(default_factory=dict)
    big: tuple[BigKey, ...] = ()
    measured: str = ""

    @property
    def big_keys(self) -> frozenset[Key]:
        """The names of the big keys."""
        return frozenset(one.key for one in self.big)

    def keys_in(self, slots: Iterable[int]) -> int:
        """Return the number of keys in these slots."""
        return sum(self.keys.get(one, 0) for one in slots)

    def bytes_in(self, slots: Iterable[int]) -> int:
        """Return the bytes of these slots."""
        return sum(self.bytes.get(one, 0) for one in slots)

    def mean(self, slot: int) -> float:
        """Return the mean size of a slot's keys that aren't big."""
        big = [one.bytes for one in self.big if one.slot == slot]
        count = self.keys.get(slot, 0) - len(big)
        return max(0.0, (self.bytes.get(slot, 0) - sum(big)) / count) if count > 0 else 0.0


def merged(surveys: Iterable[SlotSurvey]) -> SlotSurvey:
    """Return one survey of the slots of several nodes."""
    kept = tuple(surveys)
    return SlotSurvey(
        keys={slot: n for one in kept for slot, n in one.keys.items()},
        bytes={slot: n for one in kept for slot, n in one.bytes.items()},
        big=tuple(key for one in kept for key in one.big),
        measured=", ".join(dict.fromkeys(one.measured for one in kept if one.measured)),
    )
