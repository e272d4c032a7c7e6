"""What every verb that starts or writes something checks before any server is queried.

These checks read the folder and the machine; those on the snapshot are in
model/planning/guards.
"""

from redistopo.model.planning.guards import refuse_other_layout
from redistopo.model.planning.leadership import require_primaries
from redistopo.model.planning.nodes_conf_repair import require_cluster_nodes
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.proposal import Asked
from redistopo.model.protocol.conf import Directives
from redistopo.model.state.record import TopologyState
from redistopo.project.load import require_address
from redistopo.project.started_topology import refuse_changed_security
from redistopo.project.state_folder import refuse_foreign, refuse_planted


def refuse_request(plan: Plan, asked: Asked) -> None:
    """Raise RedistopoError if the topology file or an option is impossible on this machine."""
    require_address(plan.topology)
    require_cluster_nodes(plan, asked.rebuild)
    require_primaries(plan, asked.primary)
    refuse_foreign(plan.layout)
    refuse_planted(plan.layout)


def refuse_folder(plan: Plan, state: TopologyState | None, rendered: dict[str, Directives]) -> None:
    """Raise RedistopoError if the folder's files or servers contradict the topology file."""
    refuse_changed_security(plan.topology, plan.layout, rendered)
    refuse_other_layout(plan, state, rendered)
