"""Whether a topology survives the loss of each of its hosts, as its nodes are now."""

from collections.abc import Mapping

from redistopo.model.planning.promotability import promotability_of
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.model.topology.spec import Shape
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLoss:
    """The loss of a `machine` with these `nodes`, and why clients would lose service for as long
    as it lasts; no `obstacles` if replicas take over."""

    machine: str
    nodes: tuple[str, ...]
    obstacles: tuple[str, ...]

    @property
    def text(self) -> str:
        """The verdict in one line."""
        lost = f"loss of {self.machine} ({', '.join(self.nodes)})"
        return f"{lost}: {'; '.join(self.obstacles) or 'the topology survives it'}"


def host_losses(seen: Observed, places: Mapping[str, str]) -> tuple[HostLoss, ...]:
    """Assess the loss of each host; `places` maps the name of each node to its machine.

    The snapshot must include each node's live configuration.
    """
    machines = dict.fromkeys(places.values())
    return tuple(_loss(seen, machine, places) for machine in machines)


def _loss(seen: Observed, machine: str, places: Mapping[str, str]) -> HostLoss:
    nodes = tuple(node for node in seen.nodes if places.get(node.name) == machine)
    return HostLoss(
        machine=machine,
        nodes=tuple(node.name for node in nodes),
        obstacles=_obstacles(seen, nodes),
    )


def _obstacles(seen: Observed, lost: tuple[NodeSeen, ...]) -> tuple[str, ...]:
    primaries = [node.name for node in lost if node.role is Role.PRIMARY]
    if primaries and seen.shape not in (Shape.CLUSTER, Shape.SENTINEL):
        return (f"no replica takes over from {primaries[0]}: a {seen.shape.value} has no failover",)
    found = (what for one in promotability_of(seen, lost) for what, _hint in one.obstacles)
    return tuple(dict.fromkeys(found))
