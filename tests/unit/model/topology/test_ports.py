"""Ports: the block that a topology takes, and the next free one."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redistopo.model.topology.ports import PortBlock, choose_block, ephemeral_overlap, port_block_of
from redistopo.model.topology.spec import Topology


def _blocked(*ports: int) -> Callable[[int], str]:
    return lambda port: "busy" if port in ports else ""


@pytest.mark.parametrize(
    ("block", "ports"),
    [
        (PortBlock(6379, 1, bus=False), (6379,)),
        (PortBlock(6379, 3, bus=False), (6379, 6380, 6381)),
        (PortBlock(7000, 1, bus=True), (7000, 17000)),
        (PortBlock(7000, 3, bus=True), (7000, 7001, 7002, 17000, 17001, 17002)),
    ],
)
def test_a_block_is_its_data_ports_and_their_bus_ports(
    block: PortBlock, ports: tuple[int, ...]
) -> None:
    assert block.all == ports


@given(st.integers(1024, 65535), st.integers(1, 200), st.booleans())
def test_the_highest_port_is_the_highest_of_all(first: int, size: int, bus: bool) -> None:
    block = PortBlock(first, size, bus)
    assert block.highest == max(block.all)


@pytest.mark.parametrize(
    ("block", "fits"),
    [
        (PortBlock(65535, 1, bus=False), True),
        (PortBlock(65535, 2, bus=False), False),
        (PortBlock(55535, 1, bus=True), True),
        (PortBlock(55536, 1, bus=True), False),
        (PortBlock(55530, 6, bus=True), True),
        (PortBlock(55531, 6, bus=True), False),
        (PortBlock(1024, 10_000, bus=True), True),
        (PortBlock(1024, 10_001, bus=True), False),  # node10001's data port is node1's bus port
        (PortBlock(1024, 10_001, bus=False), True),
    ],
)
def test_a_block_fits_where_all_its_ports_are_ports_of_their_own(
    block: PortBlock, fits: bool
) -> None:
    assert block.fits is fits


@given(st.integers(1024, 65535), st.integers(1, 12_000), st.booleans())
def test_no_port_of_a_block_that_fits_is_taken_twice(first: int, size: int, bus: bool) -> None:
    block = PortBlock(first, size, bus)
    ports = block.all
    whole = len(set(ports)) == len(ports) and ports[-1] <= 65535
    assert block.fits is whole


@pytest.mark.parametrize(
    ("block", "text"),
    [
        (PortBlock(6379, 1, bus=False), "6379"),
        (PortBlock(6379, 3, bus=False), "6379-6381"),
        (PortBlock(7000, 1, bus=True), "7000 (bus 17000)"),
        (PortBlock(7000, 6, bus=True), "7000-7005 (bus 17000-17005)"),
    ],
)
def test_a_block_is_shown_as_people_write_it(block: PortBlock, text: str) -> None:
    assert str(block) == text


@pytest.mark.parametrize(
    ("keys", "block"),
    [
        ({"shape": "cluster"}, PortBlock(7000, 6, bus=True)),
        ({"shape": "replication", "port": 7100}, PortBlock(7100, 3, bus=False)),
        ({"shape": "standalone"}, PortBlock(6379, 1, bus=False)),
    ],
)
def test_a_topology_takes_a_block(
    topology: Callable[..., Topology], keys: dict[str, object], block: PortBlock
) -> None:
    assert port_block_of(topology(**keys)) == block


def test_the_wanted_block_is_chosen_where_nothing_blocks_it() -> None:
    choice = choose_block(PortBlock(7000, 6, bus=True), _blocked(6999, 7006, 16999, 17006))
    assert (choice.block, choice.passed) == (PortBlock(7000, 6, bus=True), ())


# wanted, busy ports, first port chosen, ports that were in the way
CHOICES = [
    (PortBlock(7000, 6, bus=True), (7000,), 7100, (7000,)),
    (PortBlock(7000, 6, bus=True), (17005,), 7100, (17005,)),
    (PortBlock(7000, 6, bus=True), (7005, 17102), 7200, (7005, 17102)),
    (PortBlock(7050, 6, bus=True), (7050,), 7150, (7050,)),
    (PortBlock(7000, 150, bus=True), (7010,), 7200, (7010,)),
    (PortBlock(6379, 1, bus=False), (6379,), 6389, (6379,)),
    (PortBlock(6379, 3, bus=False), (6380, 6391), 6399, (6380, 6391)),
    (PortBlock(6379, 11, bus=False), (6379,), 6399, (6379,)),
]


@pytest.mark.parametrize(("wanted", "busy", "first", "held"), CHOICES)
def test_blocked_blocks_are_passed_over_and_told(
    wanted: PortBlock, busy: tuple[int, ...], first: int, held: tuple[int, ...]
) -> None:
    choice = choose_block(wanted, _blocked(*busy))
    assert choice.block == PortBlock(first, wanted.size, wanted.bus)
    assert [(port, who) for _, port, who in choice.passed] == [(port, "busy") for port in held]


def test_no_block_is_chosen_where_none_is_free() -> None:
    choice = choose_block(PortBlock(55000, 6, bus=True), lambda _port: "busy")
    assert choice.block is None
    assert [block.first for block, _, _ in choice.passed] == [
        55000, 55100, 55200, 55300, 55400, 55500
    ]  # fmt: skip


def test_a_block_that_fits_nowhere_is_never_asked_for() -> None:
    choice = choose_block(PortBlock(65000, 6, bus=True), _blocked())
    assert (choice.block, choice.passed) == (None, ())


@given(
    st.integers(1024, 60000), st.integers(1, 40), st.booleans(), st.sets(st.integers(1024, 65535))
)
def test_a_chosen_block_is_free_and_fits(first: int, size: int, bus: bool, busy: set[int]) -> None:
    chosen = choose_block(PortBlock(first, size, bus), _blocked(*busy)).block
    assert chosen is None or (chosen.fits and not busy & set(chosen.all))


@pytest.mark.parametrize("reserved", ["40001", "7,40001,60000", "40000-40001", "40001-40002,50001"])
def test_a_port_that_the_system_reserves_is_never_taken(reserved: str) -> None:
    block = PortBlock(40001, 1, bus=False)
    assert ephemeral_overlap(block, (32768, 60999), "40000,40002-40003") == (40001,)
    assert ephemeral_overlap(block, (32768, 60999), reserved) == ()


@pytest.mark.parametrize(
    ("block", "span", "inside"),
    [
        (PortBlock(7000, 2, bus=True), (32768, 60999), ()),
        (PortBlock(32767, 2, bus=False), (32768, 60999), (32768,)),
        (PortBlock(60999, 2, bus=False), (32768, 60999), (60999,)),
        (PortBlock(22767, 2, bus=True), (32768, 60999), (32768,)),
        (PortBlock(40000, 1, bus=False), None, ()),
    ],
)
def test_ports_in_the_systems_own_range_are_named(
    block: PortBlock, span: tuple[int, int] | None, inside: tuple[int, ...]
) -> None:
    assert ephemeral_overlap(block, span) == inside
