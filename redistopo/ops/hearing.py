"""What nodes say of themselves, as they say it: for a report, not for a judgement."""

from redistopo.errors import RedistopoError
from redistopo.model.observed import Observed
from redistopo.model.topology import Shape
from redistopo.world.client import Asker, Command

_ALWAYS: tuple[Command, ...] = (("INFO", "everything"),)
_CLUSTER: tuple[Command, ...] = (("CLUSTER", "INFO"), ("CLUSTER", "NODES"))


def hear(seen: Observed, asker: Asker) -> dict[str, str]:
    """Node -> its INFO, CLUSTER INFO and CLUSTER NODES as text, for every node that answered."""
    commands = [*_ALWAYS, *(_CLUSTER if seen.shape is Shape.CLUSTER else ())]
    found = {}
    for node in seen.answering:
        try:
            replies = asker.ask(node.host, node.port, commands)
        except RedistopoError as error:
            found[node.name] = f"{error.message}: {error.detail}\n"
            continue
        told = zip(commands, replies, strict=True)
        found[node.name] = "".join(
            f"> {' '.join(map(str, command))}\n{str(reply).rstrip()}\n\n" for command, reply in told
        )
    return found
