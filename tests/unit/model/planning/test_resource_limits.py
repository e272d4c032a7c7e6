"""Limits of the system against what a plan needs."""

from collections.abc import Callable

import pytest

from redistopo.model.planning.plan import Plan
from redistopo.model.planning.resource_limits import Limits, resource_shortages
from redistopo.model.protocol.engine import Engine, Product, Version

Planned = Callable[..., Plan]

PLENTY = Limits(files=1024, server_files=1 << 20, tasks=None)

# Limits, maxclients in the file ("" for none), what is told, and whether it is fatal.
CASES = [
    (PLENTY, "", "", False),
    (Limits(files=1024, server_files=10032, tasks=80), "", "", False),
    (Limits(files=75, server_files=1 << 20, tasks=None), "", "needs 76 open files", True),
    (
        Limits(files=1024, server_files=1024, tasks=None),
        "",
        "maxclients 10000 needs 10032 open files, the limit is 1024: "
        "the server will lower maxclients to 992",
        False,
    ),
    (Limits(files=80, server_files=4096, tasks=None), "", "lower maxclients to 4064", False),
    (
        Limits(files=80, server_files=1024, tasks=None),
        "2000",
        "would lower maxclients to 992",
        True,
    ),
    (Limits(files=1024, server_files=1024, tasks=None), "992", "", False),
    (PLENTY, "14", "maxclients 14 is too low, its own topology needs 15", True),
    (Limits(files=1024, server_files=1 << 20, tasks=79), "", "need 80 processes", True),
]


@pytest.mark.parametrize(("limits", "maxclients", "told", "fatal"), CASES)
def test_what_is_too_low_is_told_with_numbers(
    plan: Planned, limits: Limits, maxclients: str, told: str, fatal: bool
) -> None:
    made = plan(shape="cluster", redis={"maxclients": maxclients} if maxclients else {})
    found = resource_shortages(made, [node.name for node in made.nodes], limits)
    assert bool(found) == bool(told)
    assert all(told in one.told and one.fatal == fatal and one.hint for one in found)


def test_what_runs_already_needs_nothing_more(plan: Planned) -> None:
    assert (
        resource_shortages(plan(shape="cluster"), [], Limits(files=80, server_files=64, tasks=40))
        == ()
    )


def test_the_hint_can_be_typed_here(plan: Planned) -> None:
    made = plan(shape="cluster")
    names = [node.name for node in made.nodes]
    first = resource_shortages(made, names, Limits(files=64, server_files=20000, tasks=None))[0]
    assert first.hint == "ulimit -n 10032"
    held = resource_shortages(made, names, Limits(files=64, server_files=64, tasks=None))[0]
    assert "the hard limit of this shell is 64" in held.hint


@pytest.mark.parametrize(
    ("shards", "timeout", "processors", "told"),
    [
        (3, 5000, 1, ""),
        (51, 5000, 2, ""),
        (100, 5000, 2, ""),
        (150, 5000, 0, ""),
        (150, 5000, 8, ""),
        (150, 20000, 2, ""),
        (150, 5000, 2, "35,880 pings a second, which takes about 2.6 processors, and it has 2"),
        (51, 500, 1, "41,208 pings a second"),
    ],
)
def test_more_nodes_than_the_processors_can_serve_are_refused_with_the_figures(
    plan: Planned, shards: int, timeout: int, processors: int, told: str
) -> None:
    made = plan(shards=shards, replicas=1, node_timeout=timeout)
    names = [node.name for node in made.nodes]
    limits = Limits(files=1 << 20, server_files=1 << 20, tasks=None, processors=processors)
    found = resource_shortages(made, names, limits)
    assert bool(found) == bool(told)
    for one in found:
        assert f"this machine is too slow for {2 * shards} nodes" in one.told
        assert told in one.told
        assert one.fatal


def test_the_node_timeout_that_a_slow_machine_is_advised_is_accepted(plan: Planned) -> None:
    limits = Limits(files=1 << 20, server_files=1 << 20, tasks=None, processors=2)
    made = plan(shards=150, replicas=1)
    (found,) = resource_shortages(made, ["node1"], limits)
    advised = int(found.hint.partition("node_timeout = ")[2].partition(" ")[0])
    assert advised == 20000
    assert (
        resource_shortages(plan(shards=150, replicas=1, node_timeout=advised), ["node1"], limits)
        == ()
    )


@pytest.mark.parametrize(
    ("version", "source", "shards", "ports", "told"),
    [
        (Version(6, 2, 14), "", 84, 28232, ""),
        (Version(6, 2, 14), "", 150, 0, ""),
        (Version(7, 0, 15), "", 150, 28232, ""),
        (Version(6, 2, 14), "", 150, 28232, "Redis 6.2.14 is too slow for 300 nodes: it binds"),
        (Version(7, 0, 15), "127.0.0.1", 150, 28232, "Redis 7.0.15 with bind-source-addr is too"),
    ],
)
def test_an_engine_that_binds_bus_links_needs_a_port_for_each(
    plan: Planned, version: Version, source: str, shards: int, ports: int, told: str
) -> None:
    engine = Engine(product=Product.REDIS, version=version)
    redis = {"bind-source-addr": source} if source else {}
    made = plan(on=engine, shards=shards, replicas=1, node_timeout=20000, redis=redis)
    limits = Limits(files=1 << 20, server_files=1 << 20, tasks=None, processors=2, ephemeral=ports)
    found = resource_shortages(made, ["node1"], limits)
    assert [told in one.told and one.fatal for one in found] == ([True] if told else [])
    assert all("at most 168 nodes" in one.hint for one in found)
