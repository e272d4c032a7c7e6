"""The order in which running nodes are shut down; pure."""

from collections.abc import Iterable

from redistopo.model.state.observed import Observed, Role

Phase = tuple[str, tuple[str, ...]]
"""The kind of nodes, and their names."""


def shutdown_phases(
    seen: Observed, names: Iterable[str], sentinels: Iterable[str]
) -> tuple[Phase, ...]:
    """Order these nodes: Sentinels first, because they would fail over; replicas before primaries,
    to which they would try to reconnect. Nodes that don't reply may be primaries."""
    wanted, watching = tuple(names), set(sentinels)
    following = {node.name for node in seen.nodes if node.role is Role.REPLICA} - watching
    phases = (
        ("Sentinels", tuple(name for name in wanted if name in watching)),
        ("replicas", tuple(name for name in wanted if name in following)),
        ("primaries", tuple(name for name in wanted if name not in watching | following)),
    )
    return tuple((what, some) for what, some in phases if some)
