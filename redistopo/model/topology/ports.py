"""Ports: the block that a topology uses, and the next free block."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from redistopo.model.protocol.endpoint import BUS_OFFSET, LAST_PORT
from redistopo.model.topology.spec import Topology
from redistopo.quick_dataclass import dataclass

Blocked = Callable[[int], str]
"""Returns the program that uses a port, or "" if it is free."""


@dataclass(frozen=True, slots=True)
class PortBlock:
    """`size` data ports from `first`, their bus ports if there is a bus, and the ports of
    Sentinels from `first_sentinel`."""

    first: int
    size: int
    bus: bool
    sentinels: int = 0
    first_sentinel: int = 0

    @property
    def data(self) -> range:
        return range(self.first, self.first + self.size)

    @property
    def all(self) -> tuple[int, ...]:
        buses = range(self.first + BUS_OFFSET, self.first + BUS_OFFSET + self.size)
        return (*self.data, *buses) if self.bus else (*self.data, *self.watching)

    @property
    def watching(self) -> range:
        """The Sentinels' ports."""
        return range(self.first_sentinel, self.first_sentinel + self.sentinels)

    @property
    def highest(self) -> int:
        data = self.first + self.size - 1 + (BUS_OFFSET if self.bus else 0)
        return max(data, *self.watching) if self.sentinels else data

    @property
    def fits(self) -> bool:
        """Whether no port is too high, and no data port is another node's bus port or a
        Sentinel's."""
        apart = not (self.bus and self.size > BUS_OFFSET) and not self.meets
        return self.highest <= LAST_PORT and apart

    @property
    def meets(self) -> bool:
        """Whether a Sentinel's port is a data port."""
        return not set(self.data).isdisjoint(self.watching)

    def __str__(self) -> str:
        last = self.first + self.size - 1
        data = str(self.first) if last == self.first else f"{self.first}-{last}"
        if self.sentinels:
            return f"{data} (Sentinels {PortBlock(self.first_sentinel, self.sentinels, bus=False)})"
        if not self.bus:
            return data
        bus = f"{self.first + BUS_OFFSET}"
        return f"{data} (bus {bus if last == self.first else f'{bus}-{last + BUS_OFFSET}'})"


def port_block_of(topology: Topology) -> PortBlock:
    """Return the ports that a topology uses."""
    first = topology.first_sentinel if topology.sentinels else 0
    return PortBlock(topology.port, topology.size, topology.clustered, topology.sentinels, first)


@dataclass(frozen=True, slots=True)
class BlockChoice:
    """The chosen block, and each skipped one with the port in use and its program."""

    block: PortBlock | None
    passed: tuple[tuple[PortBlock, int, str], ...]


def choose_block(wanted: PortBlock, blocked: Blocked) -> BlockChoice:
    """Choose the wanted block if it is free, otherwise the next free one above it.

    `block` is None if no free block is left below 65536.
    """
    passed: list[tuple[PortBlock, int, str]] = []
    for block in _from(wanted):
        held = next(((port, user) for port in block.all if (user := blocked(port))), None)
        if held is None:
            return BlockChoice(block, tuple(passed))
        passed.append((block, *held))
    return BlockChoice(None, tuple(passed))


def _from(wanted: PortBlock) -> Iterator[PortBlock]:
    """Blocks to try, in steps of 100 for a cluster (7000, 7100 ...), otherwise of 10."""
    pace = 100 if wanted.bus else 10
    most = max(wanted.size, wanted.sentinels)
    pace = max(pace, -(-most // pace) * pace)
    block = wanted
    while block.fits:
        yield block
        watching = block.first_sentinel + pace if block.sentinels else 0
        block = replace(block, first=block.first + pace, first_sentinel=watching)


def ephemeral_overlap(
    block: PortBlock, span: tuple[int, int] | None, reserved: str = ""
) -> tuple[int, ...]:
    """Return the block's ports in the system's ephemeral range (first, last), if known, except
    those that the system keeps free, as in ``7000,40000-40005``."""
    if span is None:
        return ()
    ends = [one.partition("-") for one in reserved.split(",") if one]
    kept = [(int(first), int(last or first)) for first, _, last in ends]
    inside = (port for port in block.all if span[0] <= port <= span[1])
    return tuple(port for port in inside if not any(low <= port <= high for low, high in kept))


def port_ranges(ports: Iterable[int]) -> str:
    """Return ports as text: ``7000-7002, 17000``."""
    found: list[list[int]] = []
    for port in sorted(ports):
        if found and port == found[-1][1] + 1:
            found[-1][1] = port
        else:
            found.append([port, port])
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in found)
