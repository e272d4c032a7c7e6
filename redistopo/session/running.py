"""The running topology of a folder, and the nodes of it that a verb's words mean."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from redistopo.client.connection import Asker
from redistopo.client.observe import Depth, Target, look
from redistopo.model.protocol.credentials import Keys
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.state.selector import select, select_one
from redistopo.project.lifecycle import remember_primary
from redistopo.project.load import Project, load
from redistopo.project.started import configs, nothing_started, running_keys, running_targets


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A project that was started, one look at it, and what it takes to ask it more."""

    project: Project
    targets: tuple[Target, ...]
    keys: Keys
    asker: Asker
    seen: Observed

    def again(self, depth: Depth = Depth.HEALTH) -> "Running":
        """The same, seen now."""
        shape = self.project.topology.shape
        return replace(self, seen=look(shape, self.targets, self.asker, depth))

    def meant(self, words: Iterable[str]) -> tuple[NodeSeen, ...]:
        """The nodes that these words mean; see `select`."""
        return select(self.seen, words)

    def meant_one(self, words: Iterable[str]) -> NodeSeen:
        """The one node that these words mean; see `select_one`."""
        return select_one(self.seen, words)


@contextmanager
def running(root: Path, depth: Depth = Depth.HEALTH) -> Iterator[Running]:
    """The topology of that folder as it is now; nodes that don't run are in it as absent.

    Raises WrongRequest without a topology file, RedistopoError where nothing was started.
    """
    project = load(root)
    rendered = configs(project.layout)
    if not rendered:
        raise nothing_started(project.layout)
    targets = running_targets(project.layout, rendered)
    keys = running_keys(project.layout, rendered)
    with Asker(keys) as asker:
        seen = look(project.topology.shape, targets, asker, depth)
        remember_primary(project.layout, seen)
        yield Running(project=project, targets=targets, keys=keys, asker=asker, seen=seen)
