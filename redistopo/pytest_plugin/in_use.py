"""Finds the topologies of a pytest run, of which there are none before the first test that asks."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from redistopo.pytest_plugin.topologies import Topologies

BEGAN = pytest.StashKey[float]()
"""When a test began."""

_TOPOLOGIES = pytest.StashKey["Topologies"]()


def topologies_in_use(config: pytest.Config) -> "Topologies | None":
    """The topologies of this run; None if no test has asked for one."""
    return config.stash.get(_TOPOLOGIES, None)


def topologies_of(config: pytest.Config) -> "Topologies":
    """The topologies of this run; they end with it."""
    found = config.stash.get(_TOPOLOGIES, None)
    if found is None:
        from redistopo.pytest_plugin.topologies import Topologies

        found = config.stash[_TOPOLOGIES] = Topologies(config)
        config.add_cleanup(found.close)
    return found
