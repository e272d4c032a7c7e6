"""The state of a planned failover in progress, and its commands."""

from redistopo.client.connection import Command, raise_on_error
from redistopo.errors import RedistopoError, TimedOut, Unreachable
from redistopo.execute.context import ExecutionContext
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.planning.plan import NodePlan
from redistopo.model.protocol.replies import parse_info
from redistopo.model.remedies.of_topology import end_node
from redistopo.model.remedies.remedy import joined
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.quick_dataclass import dataclass

PAUSE_SECONDS = 5.0
"""After this time a primary resumes by itself, whatever happens to this process."""

LEAD_SECONDS = 1.0
"""How long a promoted node that replies may take to report its new role."""

_CATCH_UP_SECONDS = 2.0
_WORD_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverState:
    """A planned failover in progress, from `before` to the replica `to`.

    `seen` is the snapshot taken just before; `asked` is the Sentinel that promotes, if any;
    `above` whether a takeover gives the replica an epoch above its primary's. With `restarts` the
    former primary of a cluster is restarted next, which tells the others its role.
    """

    context: ExecutionContext
    before: NodePlan
    to: NodePlan
    seen: Observed
    asked: NodePlan | None = None
    above: bool = False
    restarts: bool = False

    @property
    def others(self) -> tuple[NodePlan, ...]:
        """Nodes that replied just before, including Sentinels, without the new primary."""
        names = {node.name for node in self.seen.answering} - {self.to.name}
        return tuple(node for node in self.context.plan.nodes if node.name in names)

    @property
    def followers(self) -> tuple[NodePlan, ...]:
        """The data nodes among the others, without the former primary."""
        data = (node for node in self.others if node.role is not Role.SENTINEL)
        return tuple(node for node in data if node.name != self.before.name)

    def replication(self, node: NodePlan) -> dict[str, str]:
        """Return the node's INFO replication as it is now."""
        return parse_info(str(self.context.send(node, "INFO", "replication")))

    def is_primary(self, node: NodePlan) -> bool:
        """Whether the node reports that it is a primary."""
        return self._observed(node).role is Role.PRIMARY

    def follows(self, node: NodePlan) -> str:
        """The address of the primary that the node reports; "" if it is a primary itself."""
        return self._observed(node).follows

    def _observed(self, node: NodePlan) -> NodeSeen:
        info = self.replication(node)
        return NodeSeen(name=node.name, endpoint=node.endpoint, info=info)


def pause(change: HandoverState) -> int:
    """Pause client writes to the primary, and return its offset at that time.

    CLIENT PAUSE with WRITE, since 6.2: replication, reads and INFO go on, keys don't expire
    (pull request 8170).
    """
    paused, info = ask(
        change,
        change.before,
        ("CLIENT", "PAUSE", int(PAUSE_SECONDS * 1000), "WRITE"),
        ("INFO", "replication"),
    )
    raise_on_error(paused, f"{change.before.name}: CLIENT PAUSE")
    return int(parse_info(str(info)).get("master_repl_offset", 0))


def await_offset(change: HandoverState, offset: int) -> None:
    """Wait until the replica has everything that its primary acknowledged."""
    told: list[dict[str, str]] = [{}]

    def look() -> bool | None:
        told[0] = change.replication(change.to)
        linked = told[0].get("master_link_status") == "up"
        return True if linked and int(told[0].get("slave_repl_offset", 0)) >= offset else None

    def late() -> TimedOut:
        link = told[0].get("master_link_status", "unknown")
        has = told[0].get("slave_repl_offset", "0")
        return TimedOut(
            f"{change.to.name} did not catch up within {_CATCH_UP_SECONDS:g} s of paused writes",
            detail=f"it is at offset {has} of {offset}, link {link}",
        )

    wait_for(look, Deadline(_CATCH_UP_SECONDS), late, pause=0.001)


def await_lead(change: HandoverState) -> None:
    """Wait until the new primary reports its role; raises TimedOut."""
    wait_for(
        lambda: change.is_primary(change.to) or None,
        Deadline(LEAD_SECONDS),
        lambda: f"{change.to.name} was promoted, but still reports that it is a replica",
        pause=0.001,
    )


class Unanswered(RedistopoError):
    """A replica was promoted, but the outcome is unknown."""


def await_word(change: HandoverState) -> None:
    """Wait until the promoted node replies again: a paused process executes the command once it
    is resumed, so until then no other node may accept writes. Raises Unanswered."""
    clustered = change.context.plan.topology.clustered

    def look() -> bool | None:
        if clustered:
            pause(change)  # for longer
        try:
            return change.is_primary(change.to) or True
        except Unreachable:
            return None

    silent = _silent_in_cluster if clustered else _silent
    wait_for(look, Deadline(_WORD_SECONDS), lambda: silent(change))


def _silent(change: HandoverState) -> Unanswered:
    return Unanswered(
        f"{change.to.name} was promoted, but doesn't reply: there is no primary now",
        detail=f"{change.before.name} has all the data, and stays a replica to avoid two primaries",
        hint="redistopo up resumes paused nodes, and promotes one of the two",
    )


def _silent_in_cluster(change: HandoverState) -> Unanswered:
    """A cluster's primary can't be made to follow a node that isn't primary yet."""
    return Unanswered(
        f"{change.to.name} was promoted, but doesn't reply; {change.before.name} is primary until "
        "it resumes",
        detail="writes until then would be lost",
        hint=joined(
            "stop it before it resumes: ",
            end_node(change.to.name, f"what {change.to.name} has not written to its files"),
            "; then redistopo up",
        ),
    )


def ask(change: HandoverState, node: NodePlan, *commands: Command) -> list[object]:
    """Send commands in one pipeline, and return the replies."""
    return change.context.client.execute(node.endpoint, commands)
