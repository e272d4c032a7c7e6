"""The raw replies of nodes about themselves, for a report."""

from redistopo.client.connection import Command, Connections
from redistopo.errors import RedistopoError
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.model.topology.spec import Shape

_ALWAYS: tuple[Command, ...] = (("INFO", "everything"),)
_CLUSTER: tuple[Command, ...] = (("CLUSTER", "INFO"), ("CLUSTER", "NODES"))


def ask_nodes(seen: Observed, client: Connections) -> dict[str, str]:
    """Map every node that replied to the text of its INFO, CLUSTER INFO and CLUSTER NODES, or its
    replies as a Sentinel."""
    found = {}
    for node in seen.answering:
        commands = _commands(seen, node)
        try:
            replies = client.execute(node.endpoint, commands)
        except RedistopoError as error:
            found[node.name] = f"{error.message}: {error.detail}\n"
            continue
        told = zip(commands, replies, strict=True)
        found[node.name] = "".join(
            f"> {' '.join(map(str, command))}\n{str(reply).rstrip()}\n\n" for command, reply in told
        )
    return found


def _commands(seen: Observed, node: NodeSeen) -> list[Command]:
    if node.role is not Role.SENTINEL:
        return [*_ALWAYS, *(_CLUSTER if seen.shape is Shape.CLUSTER else ())]
    about = ("MASTER", "REPLICAS", "SENTINELS", "CKQUORUM")
    asked = [("SENTINEL", word, watch.name) for watch in node.watches for word in about]
    return [("INFO",), ("SENTINEL", "MYID"), *asked]
