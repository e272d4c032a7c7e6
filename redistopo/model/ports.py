"""Ports: which ones a topology takes, and where the next free block lies."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from redistopo.model.topology import BUS_OFFSET, LAST_PORT, Topology

Blocked = Callable[[int], str]
"""Asked for a port, says who holds it, or "" where it is free."""


@dataclass(frozen=True, slots=True)
class Block:
    """`size` data ports from `first`, with their bus ports where there is a bus."""

    first: int
    size: int
    bus: bool

    @property
    def data(self) -> range:
        return range(self.first, self.first + self.size)

    @property
    def all(self) -> tuple[int, ...]:
        buses = range(self.first + BUS_OFFSET, self.first + BUS_OFFSET + self.size)
        return (*self.data, *buses) if self.bus else tuple(self.data)

    @property
    def highest(self) -> int:
        return self.first + self.size - 1 + (BUS_OFFSET if self.bus else 0)

    @property
    def fits(self) -> bool:
        """Whether every port is a port, and no data port is another node's bus port."""
        return self.highest <= LAST_PORT and not (self.bus and self.size > BUS_OFFSET)

    def __str__(self) -> str:
        last = self.first + self.size - 1
        data = str(self.first) if last == self.first else f"{self.first}-{last}"
        if not self.bus:
            return data
        bus = f"{self.first + BUS_OFFSET}"
        return f"{data} (bus {bus if last == self.first else f'{bus}-{last + BUS_OFFSET}'})"


def block_of(topology: Topology) -> Block:
    """The ports that a topology takes."""
    return Block(topology.port, topology.size, topology.clustered)


@dataclass(frozen=True, slots=True)
class Choice:
    """The block chosen, and for each one passed over, which port was held by whom."""

    block: Block | None
    passed: tuple[tuple[Block, int, str], ...]


def choose(wanted: Block, blocked: Blocked) -> Choice:
    """The wanted block if nothing blocks it, else the next free one upwards.

    `block` is None where no free block is left below 65536.
    """
    passed: list[tuple[Block, int, str]] = []
    for block in _from(wanted):
        held = next(((port, who) for port in block.all if (who := blocked(port))), None)
        if held is None:
            return Choice(block, tuple(passed))
        passed.append((block, *held))
    return Choice(None, tuple(passed))


def _from(wanted: Block) -> Iterator[Block]:
    """Blocks to try: round hundreds for a cluster (7000, 7100 ...), else the next tens."""
    pace = 100 if wanted.bus else 10
    pace = max(pace, -(-wanted.size // pace) * pace)
    block = wanted
    while block.fits:
        yield block
        block = Block(block.first + pace, wanted.size, wanted.bus)


def ephemeral(block: Block, span: tuple[int, int] | None) -> tuple[int, ...]:
    """The block's ports inside the system's ephemeral range (first, last), if it is known."""
    if span is None:
        return ()
    return tuple(port for port in block.all if span[0] <= port <= span[1])
