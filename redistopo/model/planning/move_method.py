"""How slots are moved between two servers, by what their version can do; pure."""

from collections.abc import Iterator, Sequence
from enum import StrEnum

from redistopo.model.planning.slot_survey import Key, SlotSurvey
from redistopo.model.protocol.engine import Engine, Product, Version, parse_title
from redistopo.quick_dataclass import dataclass


class MoveMethod(StrEnum):
    """The command that moves keys."""

    MIGRATE_SLOTS = "CLUSTER MIGRATESLOTS"
    MIGRATION_IMPORT = "CLUSTER MIGRATION IMPORT"
    MIGRATE = "MIGRATE"

    @property
    def atomic(self) -> bool:
        """Whether the servers move slots whole or not at all: no slot is ever open."""
        return self is not MoveMethod.MIGRATE

    @property
    def gathers(self) -> bool:
        """Whether a node can get slots of several others at the same time: Redis 8.10 replies
        "another ASM task is already in progress"."""
        return self is MoveMethod.MIGRATE_SLOTS

    @property
    def keys_per_second(self) -> int:
        """What it moves at least, of keys of 100 bytes on two cores; for estimates."""
        return 100_000 if self.atomic else 25_000

    @property
    def clients_notice(self) -> str:
        """What clients notice while slots move."""
        if self.atomic:
            return "writes to the slots wait at the end of each move; then clients are redirected"
        return "clients of slots that move are redirected, and wait for one batch of keys at most"

    @property
    def blocking_bytes_per_second(self) -> int:
        """How fast both servers copy one large key, which answer nothing in the meantime."""
        return (40 if self.atomic else 12) << 20


_ATOMIC_SINCE = {
    # 8.4.0 gave up slots of several ranges wrongly, and trimmed keys too early (release notes of
    # Redis 8.4.1)
    Product.REDIS: (Version(8, 4, 1), MoveMethod.MIGRATION_IMPORT),
    Product.VALKEY: (Version(9, 0, 0), MoveMethod.MIGRATE_SLOTS),
}


def method_of(engine: Engine) -> MoveMethod:
    """Return the fastest method that servers of this engine have."""
    since, found = _ATOMIC_SINCE[engine.product]
    return found if engine.version >= since else MoveMethod.MIGRATE


def method_of_title(title: str) -> MoveMethod:
    """Return the method of the engine that a server reports; MIGRATE for an unknown one."""
    engine = parse_title(title)
    return method_of(engine) if engine else MoveMethod.MIGRATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """How slots are moved with MIGRATE: so many are open at a time.

    `connections` send SETSLOT. With `quick_close` only the first and the last slot of a window
    are announced by the target, and with them all others.
    """

    slots: int
    empty: int
    connections: int
    quick_close: bool


def windows_of(engine: Engine) -> Windows:
    """Return the windows for servers of this engine.

    Few slots are open at a time: some clients can't follow a redirection to a node that they
    don't know yet. Since Valkey 8.0 each SETSLOT waits for the replicas, so that a pipeline gains
    nothing, but connections do; and clients of a slot that was closed quickly are redirected to
    and fro.
    """
    if engine.product is Product.VALKEY and engine.version >= Version(8, 0):
        return Windows(slots=128, empty=256, connections=128, quick_close=False)
    quick = engine.product is Product.REDIS
    return Windows(slots=16, empty=256 if quick else 64, connections=1, quick_close=quick)


def split_windows(
    slots: Sequence[int], survey: SlotSurvey, windows: Windows
) -> Iterator[tuple[int, ...]]:
    """Split slots into windows; empty slots are in windows of their own, which need no MIGRATE."""
    for some, size in (
        ([one for one in slots if survey.keys.get(one)], windows.slots),
        ([one for one in slots if not survey.keys.get(one)], windows.empty),
    ):
        for start in range(0, len(some), size):
            yield tuple(some[start : start + size])


_CHUNK_BYTES = 256 << 20
"""Bytes that an atomic move has at most: between two of them the work can be stopped."""


def split_atomic(slots: Sequence[int], survey: SlotSurvey) -> Iterator[tuple[int, ...]]:
    """Split slots into moves of a bounded size."""
    some: list[int] = []
    size = 0
    for slot in slots:
        if some and size + survey.bytes.get(slot, 0) > _CHUNK_BYTES:
            yield tuple(some)
            some, size = [], 0
        some.append(slot)
        size += survey.bytes.get(slot, 0)
    if some:
        yield tuple(some)


BATCH_BYTES = 512 << 10
BATCH_KEYS = 200
_AT_ONCE = 8


def batches(keys: Sequence[Key], big: frozenset[Key], mean: float) -> Iterator[tuple[Key, ...]]:
    """Split the keys of a slot into what one MIGRATE moves: few enough that no client waits long,
    and each big key alone."""
    most = max(1, min(BATCH_KEYS, int(BATCH_BYTES / max(mean, 1.0))))
    small = [key for key in keys if key not in big]
    for start in range(0, len(small), most):
        yield tuple(small[start : start + most])
    yield from ((key,) for key in keys if key in big)


def pipelines(
    work: Sequence[tuple[Key, ...]], big: frozenset[Key]
) -> Iterator[Sequence[tuple[Key, ...]]]:
    """Group batches into pipelines: a server serves no other client until one has ended, so they
    are as bounded as a batch is, and a big key is sent alone."""
    some: list[tuple[Key, ...]] = []
    count = 0
    for keys in work:
        alone = not big.isdisjoint(keys)
        if some and (alone or count + len(keys) > BATCH_KEYS or len(some) == _AT_ONCE):
            yield some
            some, count = [], 0
        some.append(keys)
        count += BATCH_KEYS if alone else len(keys)
    if some:
        yield some
