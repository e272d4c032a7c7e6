"""All that a decision depends on besides the plan, gathered before it is made."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from redistopo.model.planning.plan import Plan
from redistopo.model.planning.planner import with_primary
from redistopo.model.planning.resource_limits import Limits
from redistopo.model.planning.step import Drifts
from redistopo.model.protocol.conf import Directives
from redistopo.model.state.observed import Observed, Role
from redistopo.model.state.record import TopologyState


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that the steps and the guards depend on, besides the plan.

    `moved` are running nodes whose files still bear paths of where the folder was. `named` is
    who leads by the word of the Sentinels, in what they say or else in their files; `kept` are
    the Sentinels that have such a file, which is theirs; `refused` that they found nobody to
    fail over to. `wanted` is each node's configuration as it would be written; `limits` are the
    system's, None where they were not asked for, and `free_ports` says where there is room for
    the topology, should a port be busy.
    """

    seen: Observed
    record: TopologyState | None = None
    healthy: bool = False
    drifts: Drifts = field(default_factory=dict)
    moved: tuple[str, ...] = ()
    named: str = ""
    kept: tuple[str, ...] = ()
    refused: bool = False
    wanted: Mapping[str, Directives] = field(default_factory=dict)
    limits: Limits | None = None
    free_ports: str = ""

    @property
    def formed(self) -> bool:
        """Whether the topology was brought up to the end once."""
        return self.record is not None and self.record.formed


def with_current_roles(plan: Plan, situation: Situation) -> Plan:
    """The plan with its roles as the servers say; a cluster's roles live in its nodes.conf.

    For a replication the running primary counts, else the one last recorded; where there are
    Sentinels, whom they name.
    """
    if plan.topology.clustered or len(plan.nodes) == 1:
        return plan
    if situation.named:
        return with_primary(plan, situation.named)
    live = [node.name for node in situation.seen.running if node.role is Role.PRIMARY]
    recorded = situation.record.primary if situation.record else ""
    known = {node.name for node in plan.data}
    for name in ([recorded] if recorded in live else live) + [recorded]:
        if name in known:
            return with_primary(plan, name)
    return plan
