"""What every step of forming works with."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from redistopo.client.connection import Asker, Command, succeed
from redistopo.client.observe import Depth, Target, look
from redistopo.errors import Unreachable
from redistopo.host.polling import Deadline
from redistopo.host.process import Started
from redistopo.model.planning.plan import NodePlan, Plan
from redistopo.model.protocol.credentials import Keys
from redistopo.model.state.observed import Observed
from redistopo.progress import Tell


@dataclass(slots=True, kw_only=True)
class Hands:
    """One run's plan and means; `started` gathers the processes that this run started;
    `refused` says that Sentinels found nobody to fail over to."""

    plan: Plan
    keys: Keys
    asker: Asker
    deadline: Deadline
    tell: Tell
    started: dict[str, Started] = field(default_factory=dict)
    refused: bool = False

    def nodes(self, names: Iterable[str]) -> tuple[NodePlan, ...]:
        """The planned nodes of these names."""
        return tuple(self.plan.node(name) for name in names)

    def look(self, depth: Depth) -> Observed:
        """One snapshot of all planned nodes."""
        return look(self.plan.topology.shape, targets(self.plan), self.asker, depth)

    def order(self, node: NodePlan, *command: str | int) -> object:
        """The server's answer to one command; raises BadReply where it refuses, Unreachable
        by the node's name where it doesn't answer."""
        wanted: Command = command
        try:
            reply = self.asker.ask(node.host, node.port, [wanted])[0]
        except Unreachable as error:
            raise Unreachable(
                f"{node.name} ({node.address}) doesn't answer any more",
                detail=error.detail,
                hint=f"is its process stopped, or the machine overloaded? {node.folder.log}",
            ) from error
        return succeed(reply, f"{node.name}: {' '.join(map(str, command[:2]))}")


_MANY = 20


def many(plan: Plan) -> bool:
    """Whether so many cluster nodes share this machine that their own talk would fill it.

    Each pings each other one every half node timeout: 102 nodes at 1000 ms send 20,000
    pings a second, and as many answers.
    """
    return plan.topology.clustered and len(plan.nodes) > _MANY


def targets(plan: Plan) -> tuple[Target, ...]:
    """The planned nodes as targets to look at."""
    return tuple(
        Target(
            name=node.name,
            host=node.host,
            port=node.port,
            ports=node.ports,
            layout=plan.layout,
        )
        for node in plan.nodes
    )
