"""Hash slots: who owns which, and which slot a key has."""

from collections.abc import Iterable
from dataclasses import dataclass

SLOT_COUNT = 16384
"""Slots of every Redis Cluster (cluster.h, CLUSTER_SLOTS)."""


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
    """One range a shard, in order; together all slots once, sizes differ by one at most.

    The cuts are those of ``redis-cli --cluster create``: the running sum of
    16384 / shards, rounded (redis-cli.c, clusterManagerCommandCreate).
    """
    if not 1 <= shards <= SLOT_COUNT:
        raise ValueError(f"a cluster has 1 to {SLOT_COUNT} shards, not {shards}")
    share = SLOT_COUNT / shards
    cuts = [round(share * n) for n in range(shards)] + [SLOT_COUNT]
    return tuple(SlotRange(cuts[n], cuts[n + 1] - 1) for n in range(shards))


def ranges(slots: Iterable[int]) -> tuple[SlotRange, ...]:
    """The fewest ranges that hold exactly these slots, in order."""
    found: list[SlotRange] = []
    for slot in sorted(set(slots)):
        if found and found[-1].last == slot - 1:
            found[-1] = SlotRange(found[-1].first, slot)
        else:
            found.append(SlotRange(slot, slot))
    return tuple(found)


def slots_in_both(some: Iterable[SlotRange], others: Iterable[SlotRange]) -> tuple[SlotRange, ...]:
    """The slots that are in both, cut where either is cut."""
    kept = tuple(others)
    return tuple(
        SlotRange(max(one.first, two.first), min(one.last, two.last))
        for one in some
        for two in kept
        if one.first <= two.last and two.first <= one.last
    )


def format_ranges(owned: Iterable[SlotRange]) -> str:
    """Ranges as people and redis-cli write them: ``0-5460,8000``."""
    return ",".join(str(one) for one in owned)


def format_ranges_briefly(owned: Iterable[SlotRange], most: int = 3) -> str:
    """The same, of many ranges only the first ones: ``0-5460,8000,8002 and 4 ranges more``."""
    kept = tuple(owned)
    more = len(kept) - most
    return format_ranges(kept[:most]) + (f" and {more} ranges more" if more > 0 else "")


def _crc16_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
        table.append(crc & 0xFFFF)
    return tuple(table)


_CRC16 = _crc16_table()


def slot_of(key: str) -> int:
    """The slot of a key: CRC16 (XMODEM) modulo 16384, of the ``{tag}`` where it has one.

    Source: Redis cluster specification, "Hash tags". Text that is no unicode has one, too.
    """
    raw = key.encode("utf-8", "surrogatepass")
    start = raw.find(b"{")
    if start >= 0:
        end = raw.find(b"}", start + 1)
        if end > start + 1:
            raw = raw[start + 1 : end]
    crc = 0
    for byte in raw:
        crc = ((crc << 8) & 0xFFFF) ^ _CRC16[(crc >> 8) ^ byte]
    return crc % SLOT_COUNT


def key_in(owned: Iterable[SlotRange], prefix: str) -> str:
    """A key ``prefix{n}`` whose slot lies in one of the ranges; raises ValueError for none."""
    wanted = tuple(owned)
    if not wanted:
        raise ValueError("no slots: no key can live there")
    for n in range(SLOT_COUNT * 64):
        key = f"{prefix}{{{n}}}"
        slot = slot_of(key)
        if any(slot in one for one in wanted):
            return key
    raise ValueError(f"no key found for {format_ranges(wanted)}")
