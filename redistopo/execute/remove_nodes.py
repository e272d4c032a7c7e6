"""Removes nodes from their cluster, and ends their processes."""

from collections.abc import Collection
from contextlib import suppress

from redistopo.errors import BadReply, RedistopoError, TimedOut
from redistopo.execute.context import ExecutionContext
from redistopo.execute.terminate import end_all
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.planning.plan import NodePlan
from redistopo.model.planning.resizing import without_nodes
from redistopo.model.planning.step import Step
from redistopo.model.protocol.replies import ClusterNodesLine

_END_SECONDS = 10.0
_FORGET_SECONDS = 10.0
"""At least, whatever else took the time: nodes that were reset must be forgotten by all."""
_REMOVED = "This node was removed from the topology. Its folder is kept and isn't used again.\n"


def remove(context: ExecutionContext, one: Step) -> None:
    """Reset these nodes, and make all others forget them; raises RedistopoError for one that still
    has slots or, as a primary, keys.

    Gossip brings an id back that some node doesn't forget within 60 s, so all of them are queried
    again until none knows it.
    """
    tables = {node.name: context.cluster_nodes(node) for node in context.nodes(one.nodes)}
    own = {name: next(line for line in table if line.myself) for name, table in tables.items()}
    nodes = sorted(context.nodes(one.nodes), key=lambda node: own[node.name].primary)
    for node in nodes:
        _require_empty(context, node, own[node.name])
    for node in nodes:
        context.send(node, "CLUSTER", "RESET", "HARD")
    _forget(context, {line.id for line in own.values()}, one.nodes)


def _require_empty(context: ExecutionContext, node: NodePlan, own: ClusterNodesLine) -> None:
    """A replica is a copy, which its primary has; a primary refuses to be reset with keys, too."""
    keys = int(str(context.send(node, "DBSIZE"))) if own.primary else 0
    if own.slots or keys:
        count = sum(map(len, own.slots))
        raise RedistopoError(
            f"{node.name} can't be removed: it has {count} slots and {keys} keys",
            detail="nothing of it was changed",
            hint="redistopo up moves its slots, then removes it",
        )


def _forget(context: ExecutionContext, ids: Collection[str], names: Collection[str]) -> None:
    others = [node for node in context.plan.data if node.name not in names]
    left: list[str] = []

    def look() -> bool | None:
        left.clear()
        for node in others:
            for line in context.cluster_nodes(node):
                if line.id in ids:
                    left.append(node.name)
                    # its own primary, for a moment: then it is asked again
                    with suppress(BadReply):
                        context.send(node, "CLUSTER", "FORGET", line.id)
        return None if left else True

    def late() -> TimedOut:
        return TimedOut(
            f"{', '.join(dict.fromkeys(left))} didn't forget {', '.join(names)} in "
            f"{context.deadline.seconds:g} s",
            hint="redistopo up goes on",
        )

    context.deadline.leave(_FORGET_SECONDS)
    wait_for(look, context.deadline, late, pause=0.02)


def end(context: ExecutionContext, one: Step) -> None:
    """End the processes of removed nodes, once their removal is recorded: from then on no command
    starts them. Their folders stay, and say so if the record is lost."""
    processes, layout = context.host.processes, context.plan.layout
    for name in one.nodes:
        context.host.files.write(layout.node(name).removed, _REMOVED)
    context.on_removal(one.nodes)
    running = {name: found for name in one.nodes if (found := processes.find(layout, name))}
    end_all(processes, layout, running, Deadline(_END_SECONDS))
    for name in one.nodes:
        context.started.pop(name, None)
    context.plan = without_nodes(context.plan, one.nodes)
