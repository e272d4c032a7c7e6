"""`status`: what each node of the folder's topology is doing now."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from redistopo.client.connection import Asker
from redistopo.client.observe import Depth, look
from redistopo.client.tls import presented
from redistopo.errors import ExitCode
from redistopo.model.protocol.credentials import Certificate, Keys
from redistopo.model.state.node_status import NodeStatus, lines
from redistopo.model.state.observed import Observed
from redistopo.model.topology.spec import Shape
from redistopo.project.lifecycle import remember_primary
from redistopo.project.load import load
from redistopo.project.started import configs, running_keys, running_targets


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusResult:
    """Every node of the folder's topology, shard by shard, then those in no shard.

    `certificate` is the one that expires first, of those that the servers present.
    """

    name: str
    shape: Shape
    root: Path
    engine: str
    nodes: tuple[NodeStatus, ...]
    certificate: Certificate | None = None
    code: ExitCode = field(default=ExitCode.DONE)


def status(root: Path) -> StatusResult:
    """What each node is doing now; a topology that isn't running is no error."""
    project = load(root)
    rendered = configs(project.layout)
    targets = running_targets(project.layout, rendered)
    keys = running_keys(project.layout, rendered)
    with Asker(keys) as asker:
        seen = look(project.topology.shape, targets, asker, Depth.HEALTH)
    remember_primary(project.layout, seen)
    return StatusResult(
        name=project.topology.name,
        shape=project.topology.shape,
        root=project.layout.root,
        engine=seen.engine,
        nodes=lines(seen),
        certificate=_first_to_expire(seen, keys),
    )


def _first_to_expire(seen: Observed, keys: Keys) -> Certificate | None:
    tls = keys.own.tls
    if tls is None or not seen.answering:
        return None
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda node: presented(node.host, node.port, tls), seen.answering))
    return min((one for one in found if one), key=lambda one: one.left, default=None)
