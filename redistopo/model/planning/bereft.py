"""Which replicas a start would empty, for their primary was reset."""

from collections.abc import Collection

from redistopo.host.node_folder import has_keys
from redistopo.host.nodes_conf_files import nodes_conf_texts
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.sole_copies import SoleCopy, find_sole_copies
from redistopo.model.protocol.nodes_conf import parse_nodes_conf
from redistopo.model.state.observed import Observed
from redistopo.model.state.record import TopologyState
from redistopo.model.topology.spec import Persistence


def sole_copies_on_disk(
    plan: Plan, record: TopologyState | None, seen: Observed, among: Collection[str] | None = None
) -> tuple[SoleCopy, ...]:
    """Those of a formed cluster, by the files of all its nodes; `among` names the nodes to be
    started or to go on, where it isn't all."""
    if not plan.topology.clustered or record is None or not record.formed:
        return ()
    read = {at: parse_nodes_conf(text, at) for at, text in nodes_conf_texts(plan.nodes).items()}
    rich = [node.name for node in seen.nodes if has_keys(plan.layout, node.name)]
    logged = plan.topology.persistence is Persistence.AOF
    unsaved = [node.name for node in seen.nodes if node.paused and not logged]
    found = find_sole_copies(seen, read, rich, unsaved)
    return tuple(
        one for one in found if among is None or (one.primary if one.waits else one.name) in among
    )
