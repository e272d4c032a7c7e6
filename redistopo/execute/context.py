"""The context of execution: plan, connections, deadline, progress and host."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import field, replace

from redistopo.client.connection import Command, Connections, Reply, raise_on_error
from redistopo.client.execute_each import execute_each
from redistopo.client.observe import observe, with_disks, with_disks_for_a_start
from redistopo.client.target import Detail, Target
from redistopo.errors import Unreachable
from redistopo.host.host import Host, StartedProcess
from redistopo.host.polling import Deadline
from redistopo.model.planning.plan import NodePlan, Plan
from redistopo.model.protocol.credentials import Credentials
from redistopo.model.protocol.replies import ClusterNodesLine, at_listening_ports, parse_nodes
from redistopo.model.state.job import SlotMove
from redistopo.model.state.observed import Observed
from redistopo.progress import Progress
from redistopo.quick_dataclass import dataclass


@dataclass(slots=True, kw_only=True)
class ExecutionContext:
    """The context of one run.

    `started` has the processes that this run started; `refused` is whether Sentinels found no
    replica to fail over to; `told` has the warnings already given; `hurried` has the directives
    that nodes have other values of until all agree. `on_launch` is called once servers were
    launched, before they are waited for, `on_moves` records moves of slots, and `on_removal` the
    removal of nodes, before they are done; `moved_slots` and `moved_keys` count what this run
    moved; `accepted` has faults, by check and subject, that a command asked for; `rendered` has
    what `remember_rendered` was given.
    """

    plan: Plan
    credentials: Credentials
    client: Connections
    deadline: Deadline
    progress: Progress
    host: Host
    started: dict[str, StartedProcess] = field(default_factory=dict)
    refused: bool = False
    told: set[str] = field(default_factory=set)
    hurried: dict[str, set[str]] = field(default_factory=dict)
    moved_slots: int = 0
    moved_keys: int = 0
    accepted: frozenset[tuple[str, str]] = frozenset()
    on_launch: Callable[[], None] = lambda: None
    on_moves: Callable[[tuple[SlotMove, ...]], None] = lambda _moves: None
    on_removal: Callable[[Collection[str]], None] = lambda _names: None
    rendered: tuple[Plan, Credentials, Mapping[str, str]] | None = None

    def remember_rendered(self, plan: Plan, texts: Mapping[str, str]) -> None:
        """Keep the nodes' configurations by that plan and these credentials, for `rendered_of`."""
        self.rendered = (plan, self.credentials, texts)

    def rendered_of(self, node: NodePlan) -> str:
        """Return the configuration rendered for a node; "" if the plan or the credentials have
        changed since: rendering is a tenth of what `up` computes."""
        if self.rendered is None:
            return ""
        plan, credentials, texts = self.rendered
        same = plan is self.plan and credentials is self.credentials
        return texts.get(node.name, "") if same else ""

    def nodes(self, names: Iterable[str]) -> tuple[NodePlan, ...]:
        """Return the planned nodes with these names."""
        return tuple(self.plan.node(name) for name in names)

    @property
    def targets(self) -> tuple[Target, ...]:
        """The planned nodes as targets of a snapshot; of adopted ones, their servers alone."""
        if self.plan.topology.adopted:
            return tuple(Target(name=one.name, endpoint=one.endpoint) for one in self.plan.nodes)
        return tuple(
            Target(
                name=node.name,
                endpoint=node.endpoint,
                ports=node.ports,
                layout=self.plan.layout,
                machine=self.host,
                maps_ports=bool(self.plan.topology.announce_port),
            )
            for node in self.plan.nodes
        )

    def observe(self, depth: Detail, *, disk: bool = False) -> Observed:
        """Take a snapshot of all planned nodes, with `disk` also of their folders."""
        return observe(self.plan.topology.shape, self.targets, self.client, depth, disk=disk)

    def with_disks(self, seen: Observed) -> Observed:
        """Add what the nodes' folders hold now to a snapshot that was taken just before."""
        return with_disks(seen, self.targets)

    def observe_for_a_start(self, seen: Observed, names: Collection[str]) -> Observed:
        """Take a snapshot of the processes of these nodes, and of what starting them depends on;
        the other nodes' processes are as in `seen`."""
        shape, chosen = self.plan.topology.shape, [one for one in self.targets if one.name in names]
        found = {one.name: one for one in observe(shape, chosen, self.client, Detail.PROCESS).nodes}
        nodes = tuple(found.get(one.name, one) for one in seen.nodes)
        return with_disks_for_a_start(replace(seen, nodes=nodes), self.targets)

    def cluster_nodes(self, node: NodePlan) -> tuple[ClusterNodesLine, ...]:
        """Return CLUSTER NODES of a node, with the ports at which the nodes listen."""
        members = parse_nodes(str(self.send(node, "CLUSTER", "NODES")))
        return at_listening_ports(members) if self.plan.topology.announce_port else members

    def send(self, node: NodePlan, *command: str | int) -> object:
        """Send one command and return the reply; raises BadReply for an error reply, Unreachable
        with the node's name without a reply."""
        try:
            reply = self.client.execute(node.endpoint, [command])[0]
        except Unreachable as error:
            raise _silent(node, error) from error
        return _checked(node, command, reply)

    def send_to_each(self, commands: Mapping[str, Sequence[Command]]) -> None:
        """Send commands to several nodes, by their names, all at once; raises the first error as
        `send` does, once every node has replied."""
        nodes = self.nodes(commands)
        replies = execute_each(self.client, {node.endpoint: commands[node.name] for node in nodes})
        for node in nodes:
            answer = replies[node.endpoint]
            if isinstance(answer.error, Unreachable):
                raise _silent(node, answer.error) from answer.error
            if answer.error:
                raise answer.error
            for command, reply in zip(commands[node.name], answer.replies, strict=True):
                _checked(node, command, reply)


def _silent(node: NodePlan, error: Unreachable) -> Unreachable:
    return Unreachable(
        f"{node.name} ({node.address}) doesn't reply any more",
        detail=error.detail,
        hint=f"its process may be paused, or the machine overloaded; {node.log_hint}",
    )


def _checked(node: NodePlan, command: Command, reply: Reply) -> Reply:
    return raise_on_error(reply, f"{node.name}: {' '.join(map(str, command[:2]))}")
