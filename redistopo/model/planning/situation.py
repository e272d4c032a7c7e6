"""The situation: everything besides the plan that a decision depends on."""

from collections.abc import Collection, Mapping
from dataclasses import field

from redistopo.model.planning.plan import Plan
from redistopo.model.planning.plan_nodes import with_primary
from redistopo.model.planning.resource_limits import Limits
from redistopo.model.planning.room import Room
from redistopo.model.planning.step import Drifts
from redistopo.model.protocol.conf import Directives
from redistopo.model.state.observed import Observed, Role
from redistopo.model.state.record import TopologyState
from redistopo.model.state.unix_socket import UnixSocketSeen
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Everything besides the plan that steps and guards depend on.

    `moved` are running nodes whose files still have paths of the former folder, `unwritten`
    those whose configuration file is lost. `named` is the
    primary according to the Sentinels' replies, or else their files; `kept` are the Sentinels
    that have such a file, which they maintain; `refused` is whether they found no replica to
    fail over to. `wanted` is each node's configuration as it would be written; `sockets`
    is what is at the Unix socket's path of each node that has one. `limits` are the system's, None
    if they weren't read, and `free_ports` names a free block of ports if one is in use;
    `to_free_ports` is how to stop those that use it, if they are servers of redistopo.
    `loaded` are the nodes that this run started, `left` removed nodes whose process still runs;
    `moving` is whether moves of slots are on record that aren't finished. `added` are data nodes
    that a formed topology doesn't have yet, and `rooms` what their machines have left, by name.
    """

    seen: Observed
    record: TopologyState | None = None
    healthy: bool = False
    drifts: Drifts = field(default_factory=dict)
    moved: tuple[str, ...] = ()
    unwritten: tuple[str, ...] = ()
    named: str = ""
    kept: tuple[str, ...] = ()
    refused: bool = False
    wanted: Mapping[str, Directives] = field(default_factory=dict)
    limits: Limits | None = None
    sockets: Mapping[str, UnixSocketSeen] = field(default_factory=dict)
    free_ports: str = ""
    to_free_ports: str = ""
    loaded: Collection[str] = ()
    left: tuple[str, ...] = ()
    moving: bool = False
    added: tuple[str, ...] = ()
    rooms: Mapping[str, Room] = field(default_factory=dict)

    @property
    def formed(self) -> bool:
        """Whether `up` has completed once."""
        return self.record is not None and self.record.formed


def with_current_roles(plan: Plan, situation: Situation) -> Plan:
    """Set the plan's current roles; a cluster keeps its roles in nodes.conf.

    For a replication the running primary counts, or else the recorded one; with Sentinels, the
    one that they name.
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
