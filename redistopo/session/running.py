"""The running topology of a folder, and the nodes of it that a verb's words mean."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from redistopo.client.connection import NodeClient
from redistopo.client.observe import Detail, Target, observe
from redistopo.model.protocol.credentials import Credentials
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.state.selector import select_nodes, select_one_node
from redistopo.project.lifecycle import record_primary
from redistopo.project.load import Project, load_project
from redistopo.project.started import (
    credentials_in_use,
    nothing_started_error,
    rendered_confs,
    targets_in_use,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningTopology:
    """A project that was started, one look at it, and what it takes to ask it more."""

    project: Project
    targets: tuple[Target, ...]
    credentials: Credentials
    client: NodeClient
    seen: Observed

    def again(self, depth: Detail = Detail.HEALTH, *, disk: bool = False) -> "RunningTopology":
        """The same, seen now, with `disk` also on disk."""
        shape = self.project.topology.shape
        return replace(self, seen=observe(shape, self.targets, self.client, depth, disk=disk))

    def meant(self, words: Iterable[str]) -> tuple[NodeSeen, ...]:
        """The nodes that these words mean; see `select`."""
        return select_nodes(self.seen, words)

    def meant_one(self, words: Iterable[str]) -> NodeSeen:
        """The one node that these words mean; see `select_one`."""
        return select_one_node(self.seen, words)


@contextmanager
def open_running(root: Path, depth: Detail = Detail.HEALTH) -> Iterator[RunningTopology]:
    """The topology of that folder as it is now; nodes that don't run are in it as absent.

    Raises UsageError without a topology file, RedistopoError where nothing was started.
    """
    project = load_project(root)
    rendered = rendered_confs(project.layout)
    if not rendered:
        raise nothing_started_error(project.layout)
    targets = targets_in_use(project.layout, rendered)
    credentials = credentials_in_use(project.layout, rendered)
    with NodeClient(credentials) as client:
        seen = observe(project.topology.shape, targets, client, depth)
        record_primary(project.layout, seen)
        yield RunningTopology(
            project=project, targets=targets, credentials=credentials, client=client, seen=seen
        )
