"""Where the logs of a topology's nodes can be read on this machine."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from redistopo.model.topology.project_paths import Layout

Names = Callable[[], Iterable[str]]
"""Returns the nodes whose logs are wanted, of which there may be more later."""


class LocalLogs:
    """Logs that servers on this machine write."""

    missed: Mapping[str, str] = {}

    def __init__(self, layout: Layout, names: Names) -> None:
        self._layout = layout
        self._names = names

    def paths(self, wait: float) -> Mapping[str, Path]:  # noqa: ARG002  they are here already
        """Return the logs that there are."""
        found = {name: self._layout.node(name).log for name in self._names()}
        return {name: path for name, path in found.items() if path.exists()}
