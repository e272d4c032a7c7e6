"""Which topology a fixture wants: its marker's options, its own, the command line's, the ini
file's, in this order."""

from collections.abc import Mapping
from typing import Any

import pytest

from redistopo.pytest_plugin.options import option
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A shape, the options to start it with, and what the plugin does with it; `engine_by` is
    what asks for its engine."""

    shape: str
    engine_by: str = ""
    options: Mapping[str, Any]
    reset: bool
    shared: bool

    @property
    def key(self) -> str:
        """Equal for topologies that are the same."""
        settings = sorted(dict(self.options.get("settings") or {}).items())
        plain = sorted((name, one) for name, one in self.options.items() if name != "settings")
        return repr((self.shape, plain, settings, self.reset, self.shared))


def wanted(config: pytest.Config, shape: str, given: Mapping[str, Any]) -> Wanted:
    """Merge the options given, those that aren't None, with the options of the run."""
    options = {name: one for name, one in given.items() if one is not None}
    engine, engine_by = option(config, "engine"), "engine of its marker or factory"
    if engine and "engine" not in options:
        options["engine"], engine_by = engine, _engine_option(config)
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    shared = bool(options.pop("shared", config.getini("redistopo_shared"))) and workers > 1
    reset = bool(options.pop("reset", True))
    if shared and shape != "cluster":  # a database for each worker
        enough = {"databases": max(16, workers)}
        options["settings"] = {**enough, **(options.get("settings") or {})}
    return Wanted(shape=shape, engine_by=engine_by, options=options, reset=reset, shared=shared)


def _engine_option(config: pytest.Config) -> str:
    if config.getoption("redistopo_engine", None) is not None:
        return "--redistopo-engine"
    return f"redistopo_engine in {config.inipath.name if config.inipath else 'the ini file'}"
