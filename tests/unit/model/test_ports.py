"""Ports: the block that a topology takes, and the next free one."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redistopo.model.topology.ports import Block, block_of, choose, ephemeral
from redistopo.model.topology.spec import Topology


def _blocked(*ports: int) -> Callable[[int], str]:
    return lambda port: "busy" if port in ports else ""


@pytest.mark.parametrize(
    ("block", "ports"),
    [
        (Block(6379, 1, bus=False), (6379,)),
        (Block(6379, 3, bus=False), (6379, 6380, 6381)),
        (Block(7000, 1, bus=True), (7000, 17000)),
        (Block(7000, 3, bus=True), (7000, 7001, 7002, 17000, 17001, 17002)),
    ],
)
def test_a_block_is_its_data_ports_and_their_bus_ports(
    block: Block, ports: tuple[int, ...]
) -> None:
    assert block.all == ports


@given(st.integers(1024, 65535), st.integers(1, 200), st.booleans())
def test_the_highest_port_is_the_highest_of_all(first: int, size: int, bus: bool) -> None:
    block = Block(first, size, bus)
    assert block.highest == max(block.all)


@pytest.mark.parametrize(
    ("block", "fits"),
    [
        (Block(65535, 1, bus=False), True),
        (Block(65535, 2, bus=False), False),
        (Block(55535, 1, bus=True), True),
        (Block(55536, 1, bus=True), False),
        (Block(55530, 6, bus=True), True),
        (Block(55531, 6, bus=True), False),
        (Block(1024, 10_000, bus=True), True),
        (Block(1024, 10_001, bus=True), False),  # node10001's data port is node1's bus port
        (Block(1024, 10_001, bus=False), True),
    ],
)
def test_a_block_fits_where_all_its_ports_are_ports_of_their_own(block: Block, fits: bool) -> None:
    assert block.fits is fits


@given(st.integers(1024, 65535), st.integers(1, 12_000), st.booleans())
def test_no_port_of_a_block_that_fits_is_taken_twice(first: int, size: int, bus: bool) -> None:
    block = Block(first, size, bus)
    ports = block.all
    whole = len(set(ports)) == len(ports) and ports[-1] <= 65535
    assert block.fits is whole


@pytest.mark.parametrize(
    ("block", "text"),
    [
        (Block(6379, 1, bus=False), "6379"),
        (Block(6379, 3, bus=False), "6379-6381"),
        (Block(7000, 1, bus=True), "7000 (bus 17000)"),
        (Block(7000, 6, bus=True), "7000-7005 (bus 17000-17005)"),
    ],
)
def test_a_block_is_shown_as_people_write_it(block: Block, text: str) -> None:
    assert str(block) == text


@pytest.mark.parametrize(
    ("keys", "block"),
    [
        ({"shape": "cluster"}, Block(7000, 6, bus=True)),
        ({"shape": "replication", "port": 7100}, Block(7100, 3, bus=False)),
        ({"shape": "standalone"}, Block(6379, 1, bus=False)),
    ],
)
def test_a_topology_takes_a_block(
    topology: Callable[..., Topology], keys: dict[str, object], block: Block
) -> None:
    assert block_of(topology(**keys)) == block


def test_the_wanted_block_is_chosen_where_nothing_blocks_it() -> None:
    choice = choose(Block(7000, 6, bus=True), _blocked(6999, 7006, 16999, 17006))
    assert (choice.block, choice.passed) == (Block(7000, 6, bus=True), ())


# wanted, busy ports, first port chosen, ports that were in the way
CHOICES = [
    (Block(7000, 6, bus=True), (7000,), 7100, (7000,)),
    (Block(7000, 6, bus=True), (17005,), 7100, (17005,)),
    (Block(7000, 6, bus=True), (7005, 17102), 7200, (7005, 17102)),
    (Block(7050, 6, bus=True), (7050,), 7150, (7050,)),
    (Block(7000, 150, bus=True), (7010,), 7200, (7010,)),
    (Block(6379, 1, bus=False), (6379,), 6389, (6379,)),
    (Block(6379, 3, bus=False), (6380, 6391), 6399, (6380, 6391)),
    (Block(6379, 11, bus=False), (6379,), 6399, (6379,)),
]


@pytest.mark.parametrize(("wanted", "busy", "first", "held"), CHOICES)
def test_blocked_blocks_are_passed_over_and_told(
    wanted: Block, busy: tuple[int, ...], first: int, held: tuple[int, ...]
) -> None:
    choice = choose(wanted, _blocked(*busy))
    assert choice.block == Block(first, wanted.size, wanted.bus)
    assert [(port, who) for _, port, who in choice.passed] == [(port, "busy") for port in held]


def test_no_block_is_chosen_where_none_is_free() -> None:
    choice = choose(Block(55000, 6, bus=True), lambda _port: "busy")
    assert choice.block is None
    assert [block.first for block, _, _ in choice.passed] == [
        55000, 55100, 55200, 55300, 55400, 55500
    ]  # fmt: skip


def test_a_block_that_fits_nowhere_is_never_asked_for() -> None:
    choice = choose(Block(65000, 6, bus=True), _blocked())
    assert (choice.block, choice.passed) == (None, ())


@given(
    st.integers(1024, 60000), st.integers(1, 40), st.booleans(), st.sets(st.integers(1024, 65535))
)
def test_a_chosen_block_is_free_and_fits(first: int, size: int, bus: bool, busy: set[int]) -> None:
    chosen = choose(Block(first, size, bus), _blocked(*busy)).block
    assert chosen is None or (chosen.fits and not busy & set(chosen.all))


@pytest.mark.parametrize(
    ("block", "span", "inside"),
    [
        (Block(7000, 2, bus=True), (32768, 60999), ()),
        (Block(32767, 2, bus=False), (32768, 60999), (32768,)),
        (Block(60999, 2, bus=False), (32768, 60999), (60999,)),
        (Block(22767, 2, bus=True), (32768, 60999), (32768,)),
        (Block(40000, 1, bus=False), None, ()),
    ],
)
def test_ports_in_the_systems_own_range_are_named(
    block: Block, span: tuple[int, int] | None, inside: tuple[int, ...]
) -> None:
    assert ephemeral(block, span) == inside
