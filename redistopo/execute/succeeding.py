"""The two nodes of one handover, and what they say of themselves."""

from dataclasses import dataclass

from redistopo.execute.context import ExecutionContext
from redistopo.model.planning.plan import NodePlan
from redistopo.model.protocol.replies import parse_info
from redistopo.model.state.observed import NodeSeen, Observed, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverState:
    """Who leads and who shall, and what was seen just before; `asked` is the Sentinel that
    promotes, where there are any."""

    context: ExecutionContext
    before: NodePlan
    to: NodePlan
    seen: Observed
    asked: NodePlan | None = None

    @property
    def others(self) -> tuple[NodePlan, ...]:
        """All that answered just before, but for the new primary; Sentinels too."""
        names = {node.name for node in self.seen.answering} - {self.to.name}
        return tuple(node for node in self.context.plan.nodes if node.name in names)

    @property
    def followers(self) -> tuple[NodePlan, ...]:
        """The data nodes among the others, but for the former primary."""
        data = (node for node in self.others if node.role is not Role.SENTINEL)
        return tuple(node for node in data if node.name != self.before.name)

    def replication(self, node: NodePlan) -> dict[str, str]:
        """What the node says of replication now."""
        return parse_info(str(self.context.order(node, "INFO", "replication")))

    def leads(self, node: NodePlan) -> bool:
        """Whether the node says that it is a primary."""
        return self._told(node).role is Role.PRIMARY

    def follows(self, node: NodePlan) -> str:
        """Whose replica the node says that it is; "" for a primary."""
        return self._told(node).follows

    def _told(self, node: NodePlan) -> NodeSeen:
        info = self.replication(node)
        return NodeSeen(name=node.name, host=node.host, port=node.port, info=info)
