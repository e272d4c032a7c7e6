"""The names and addresses of a topology's nodes, from its record and the machine's free ports."""

from functools import cache

from redistopo.model.planning.node_numbers import NumberedNodes, number_nodes
from redistopo.model.topology.project_paths import Layout
from redistopo.model.topology.spec import Topology
from redistopo.project.port_conflicts import Blocker, port_blocker
from redistopo.project.topology_state_file import load_topology_state


def numbered_nodes(topology: Topology, layout: Layout) -> NumberedNodes:
    """Name all nodes: as recorded in a formed topology, and new ones on ports that are free."""

    @cache
    def blocker() -> Blocker:
        return port_blocker(layout.root, topology.host)

    def blocked(port: int) -> str:
        return blocker()(port)

    return number_nodes(topology, load_topology_state(layout), blocked)
