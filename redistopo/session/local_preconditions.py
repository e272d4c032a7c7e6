"""What `plan`, `up --dry-run`, `up` and `start` check before any server is queried.

These checks read the folder and the machine; those on the snapshot are in
model/planning/guards.
"""

from redistopo.model.planning.leadership import require_primaries
from redistopo.model.planning.nodes_conf_repair import require_rebuildable
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.proposal import Asked
from redistopo.model.protocol.conf import Directives
from redistopo.model.state.record import TopologyState
from redistopo.project.certificates import refuse_lost_authority
from redistopo.project.load import require_address
from redistopo.project.started_topology import refuse_changed_security
from redistopo.project.state_folder import refuse_foreign, refuse_planted
from redistopo.project.topology_record import refuse_older_engine, refuse_other_layout


def refuse_request(plan: Plan, asked: Asked) -> None:
    """Raise RedistopoError if the topology file or an option is impossible on this machine."""
    require_address(plan.topology)
    require_rebuildable(plan, asked.rebuild)
    require_primaries(plan, asked.primary)
    refuse_foreign(plan.layout)
    refuse_planted(plan.layout)


def refuse_folder(plan: Plan, state: TopologyState | None, rendered: dict[str, Directives]) -> None:
    """Raise RedistopoError if the folder's files or servers contradict the topology file."""
    refuse_changed_security(plan.topology, plan.layout, rendered)
    refuse_other_layout(plan, state)
    refuse_older_engine(plan, state)
    if plan.topology.tls:
        refuse_lost_authority(plan.layout.tls)
