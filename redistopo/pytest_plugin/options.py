"""The options of the run, of topologies, and of the marker."""

from collections.abc import Mapping
from typing import Any, TypedDict

import pytest

MARKER = (
    "redistopo(shards, replicas, engine, ...): give this test's redistopo_cluster, "
    "redistopo_sentinel, redistopo_replication or redistopo_standalone these options."
)

SHAPES: Mapping[str, frozenset[str]] = {
    "cluster": frozenset({"shards", "replicas", "node_timeout"}),
    "sentinel": frozenset({"replicas", "sentinels", "down_after"}),
    "replication": frozenset({"replicas"}),
    "standalone": frozenset(),
}
"""The options that a shape has of its own."""


class Options(TypedDict, total=False):
    """Options that all shapes have in common; those of `redistopo.cluster`, and two more.

    `reset`: reset the topology after each test that uses it (True). `shared`: all workers of
    pytest-xdist use one topology (redistopo_shared in the ini file).
    """

    engine: str
    acl: bool
    tls: bool
    settings: Mapping[str, str | int | bool]
    auth: bool
    persistence: str
    port: int
    timeout: float
    reset: bool
    shared: bool


_COMMON = frozenset(Options.__annotations__)


def add_options(parser: pytest.Parser) -> None:
    """Declare the options of the command line, and of the ini file."""
    group = parser.getgroup("redistopo", "Redis topologies")
    group.addoption(
        "--redistopo-engine",
        metavar="ENGINE",
        help='server to use: a version ("7.2", "valkey 9") or a path',
    )
    group.addoption(
        "--redistopo-keep",
        action="store_true",
        default=None,
        help="keep the topology of the first failed test running, as the test left it",
    )
    group.addoption(
        "--redistopo-missing",
        choices=("fail", "skip"),
        help="what to do with tests if this machine lacks a server, or what it needs (fail)",
    )
    parser.addini("redistopo_engine", "default of --redistopo-engine", default="")
    parser.addini("redistopo_keep", "default of --redistopo-keep", type="bool", default=False)
    parser.addini("redistopo_missing", "default of --redistopo-missing", default="fail")
    parser.addini(
        "redistopo_shared",
        "all workers of pytest-xdist use one topology, which is not reset",
        type="bool",
        default=False,
    )


def option(config: pytest.Config, name: str) -> Any:
    """An option of the command line, or else of the ini file."""
    given = config.getoption(f"redistopo_{name}", None)
    return config.getini(f"redistopo_{name}") if given is None else given


def check_options(shape: str, names: Mapping[str, Any]) -> None:
    """Raise TypeError for an option that a shape doesn't have."""
    known = _COMMON | SHAPES[shape]
    if unknown := sorted(set(names) - known):
        raise TypeError(
            f"a {shape} has no option {', '.join(unknown)}; it has {', '.join(sorted(known))}"
        )


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Give the topologies that a test uses the options of its marker, of a test's before a
    module's."""
    options: dict[str, Any] = {}
    for mark in reversed(list(metafunc.definition.iter_markers("redistopo"))):
        _check(mark, metafunc.definition.nodeid)
        options |= mark.kwargs
    hidden = getattr(pytest, "HIDDEN_PARAM", "redistopo")  # new in pytest 8.4
    for shape, own in SHAPES.items():
        fixture = f"redistopo_{shape}"
        if fixture in metafunc.fixturenames:
            fitting = {name: one for name, one in options.items() if name in own | _COMMON}
            metafunc.parametrize(fixture, [fitting], indirect=True, ids=[hidden], scope="session")


def _check(mark: pytest.Mark, test: str) -> None:
    known = _COMMON.union(*SHAPES.values())
    if mark.args:
        pytest.fail(
            f"redistopo: {test}: the marker takes options by name, as shards=1", pytrace=False
        )
    if unknown := sorted(set(mark.kwargs) - known):
        pytest.fail(
            f"redistopo: {test}: the marker has no option {', '.join(unknown)}; "
            f"it has {', '.join(sorted(known))}",
            pytrace=False,
        )
