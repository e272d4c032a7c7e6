"""The pytest plugin: fixtures with real topologies, which are reset after each test.

pytest imports this module at every start where redistopo is installed, so that it imports only what
declares options, markers and fixtures. The servers' side is imported by the first test that asks.
"""

import time
from collections.abc import Generator
from typing import Any

import pytest

from redistopo.pytest_plugin.in_use import BEGAN, topologies_in_use
from redistopo.pytest_plugin.options import MARKER, add_options, parametrize
from redistopo.pytest_plugin.standard_fixtures import (
    async_redis_cluster,
    async_redis_replication,
    async_redis_sentinel,
    async_redis_standalone,
    redis_cluster,
    redis_replication,
    redis_sentinel,
    redis_standalone,
    redistopo_cluster,
    redistopo_prefix,
    redistopo_replication,
    redistopo_sentinel,
    redistopo_standalone,
)

__all__ = [
    "async_redis_cluster",
    "async_redis_replication",
    "async_redis_sentinel",
    "async_redis_standalone",
    "redis_cluster",
    "redis_replication",
    "redis_sentinel",
    "redis_standalone",
    "redistopo_cluster",
    "redistopo_prefix",
    "redistopo_replication",
    "redistopo_sentinel",
    "redistopo_standalone",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options of the command line and of the ini file."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker, and what closes asynchronous clients where tests run in loops."""
    config.addinivalue_line("markers", MARKER)
    if (missing := config.getini("redistopo_missing")) not in ("fail", "skip"):
        raise pytest.UsageError(f'redistopo_missing is "fail" or "skip", not "{missing}"')
    if config.pluginmanager.has_plugin("asyncio"):
        from redistopo.pytest_plugin import asyncio_closers

        config.pluginmanager.register(asyncio_closers, "redistopo-asyncio")
    if config.pluginmanager.has_plugin("anyio"):
        from redistopo.pytest_plugin import async_clients

        config.pluginmanager.register(async_clients, "redistopo-anyio")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist where it asks for topologies that all workers share."""
    if node.config.getini("redistopo_shared"):
        from redistopo.pytest_plugin.shared_start import invite

        invite(node)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the topologies of a marked test the marker's options."""
    if metafunc.definition.get_closest_marker("redistopo"):
        parametrize(metafunc)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Note when the test began: its report shows what the nodes logged since."""
    item.stash[BEGAN] = time.time()  # entries of logs have the time of day


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add a section on the topologies to a failed test's report."""
    report = yield
    if report.failed and report.when != "teardown" and (used := topologies_in_use(item.config)):
        used.failed(item, report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None]:
    """Reset the topologies that a test used, once all of its own fixtures have ended."""
    used = topologies_in_use(item.config)
    if not used:
        return (yield)
    ends = nextitem is None or item.session.shouldfail or item.session.shouldstop
    with used.reset_after(item, last=bool(ends)):
        return (yield)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what tests left changed, and which topologies were kept."""
    reports = (one for some in terminalreporter.stats.values() for one in some)
    if any(getattr(report, "user_properties", ()) for report in reports):
        from redistopo.pytest_plugin.summary import print_summary

        print_summary(terminalreporter)
