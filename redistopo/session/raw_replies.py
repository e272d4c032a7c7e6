"""The raw replies of nodes about themselves, for a report."""

from redistopo.client.connection import Command, Connections
from redistopo.errors import RedistopoError
from redistopo.host.in_threads import in_threads
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.model.topology.spec import Shape

_ALWAYS: tuple[Command, ...] = (("INFO", "everything"),)
_CLUSTER: tuple[Command, ...] = (("CLUSTER", "INFO"), ("CLUSTER", "NODES"))


def ask_nodes(seen: Observed, client: Connections) -> dict[str, str]:
    """Map every node that replied to the text of its INFO, CLUSTER INFO and CLUSTER NODES, or its
    replies as a Sentinel."""

    def replies_of(node: NodeSeen) -> str:
        commands = _commands(seen, node)
        try:
            replies = client.execute(node.endpoint, commands)
        except RedistopoError as error:
            return f"{error.message}: {error.detail}\n"
        told = zip(commands, replies, strict=True)
        return "".join(
            f"> {' '.join(map(str, command))}\n{str(reply).rstrip()}\n\n" for command, reply in told
        )

    nodes = seen.answering
    replies = in_threads(replies_of, nodes, most=8)
    return dict(zip((node.name for node in nodes), replies, strict=True))


def _commands(seen: Observed, node: NodeSeen) -> list[Command]:
    if node.role is not Role.SENTINEL:
        return [*_ALWAYS, *(_CLUSTER if seen.shape is Shape.CLUSTER else ())]
    about = ("MASTER", "REPLICAS", "SENTINELS", "CKQUORUM")
    asked = [("SENTINEL", word, watch.name) for watch in node.watches for word in about]
    return [("INFO",), ("SENTINEL", "MYID"), *asked]
