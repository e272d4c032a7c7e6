"""Hash slots: ranges of slots, and the slot of a key."""

from binascii import crc_hqx
from collections.abc import Iterable

from redistopo.quick_dataclass import dataclass

SLOT_COUNT = 16384
"""The number of slots of a Redis Cluster (cluster.h, CLUSTER_SLOTS)."""


@dataclass(frozen=True, slots=True, order=True)
class SlotRange:
    """Slots `first` to `last`, both included."""

    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __contains__(self, slot: int) -> bool:
        return self.first <= slot <= self.last

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


def split_slots(shards: int) -> tuple[SlotRange, ...]:
    """Divide all slots into one range for each shard; sizes differ by one at most.

    The boundaries are those of ``redis-cli --cluster create``: the running sum of
    16384 / shards, rounded (redis-cli.c, clusterManagerCommandCreate).
    """
    if not 1 <= shards <= SLOT_COUNT:
        raise ValueError(f"a cluster has 1 to {SLOT_COUNT} shards, not {shards}")
    share = SLOT_COUNT / shards
    cuts = [round(share * n) for n in range(shards)] + [SLOT_COUNT]
    return tuple(SlotRange(cuts[n], cuts[n + 1] - 1) for n in range(shards))


def ranges(slots: Iterable[int]) -> tuple[SlotRange, ...]:
    """Merge slots into as few ranges as possible, in order."""
    found: list[list[int]] = []
    for slot in sorted(set(slots)):
        if found and found[-1][1] == slot - 1:
            found[-1][1] = slot
        else:
            found.append([slot, slot])
    return tuple(SlotRange(first, last) for first, last in found)


def slots_in_both(some: Iterable[SlotRange], others: Iterable[SlotRange]) -> tuple[SlotRange, ...]:
    """Return the intersection, split where either is split."""
    kept = tuple(others)
    return tuple(
        SlotRange(max(one.first, two.first), min(one.last, two.last))
        for one in some
        for two in kept
        if one.first <= two.last and two.first <= one.last
    )


def format_ranges(owned: Iterable[SlotRange]) -> str:
    """Format ranges as redis-cli does: ``0-5460,8000``."""
    return ",".join(str(one) for one in owned)


def format_ranges_briefly(owned: Iterable[SlotRange], most: int = 3) -> str:
    """Format the first ranges only: ``0-5460,8000,8002 and 4 more ranges``."""
    kept = tuple(owned)
    more = len(kept) - most
    return format_ranges(kept[:most]) + (
        f" and {more} more range{'s' if more > 1 else ''}" if more > 0 else ""
    )


def slot_of(key: str) -> int:
    """Compute the slot of a key: CRC16 (XMODEM) modulo 16384, of its ``{tag}`` if it has one.

    Source: Redis cluster specification, "Hash tags". Works for text with surrogates, too.
    """
    return slot_of_bytes(key.encode("utf-8", "surrogatepass"))


def slot_of_bytes(raw: bytes) -> int:
    """Compute the slot of a key of any bytes; see `slot_of`."""
    start = raw.find(b"{")
    if start >= 0:
        end = raw.find(b"}", start + 1)
        if end > start + 1:
            raw = raw[start + 1 : end]
    return crc_hqx(raw, 0) % SLOT_COUNT


def key_in(owned: Iterable[SlotRange], prefix: str) -> str:
    """Find a key ``prefix{n}`` whose slot is in one of the ranges; raises ValueError for none."""
    wanted = tuple(owned)
    if not wanted:
        raise ValueError("no slots given, so no key can match")
    for n in range(SLOT_COUNT * 64):
        key = f"{prefix}{{{n}}}"
        slot = slot_of(key)
        if any(slot in one for one in wanted):
            return key
    raise ValueError(f"no key found for {format_ranges(wanted)}")


def unassigned_slots(owned: Iterable[tuple[SlotRange, ...]], total: int) -> tuple[SlotRange, ...]:
    """Return the ranges below `total` that have no owner."""
    missing: list[SlotRange] = []
    free_from = 0
    for one in sorted(one for some in owned for one in some):
        if one.first > free_from:
            missing.append(SlotRange(free_from, min(one.first, total) - 1))
        free_from = max(free_from, one.last + 1)
    if free_from < total:
        missing.append(SlotRange(free_from, total - 1))
    return tuple(missing)
