"""The guard on Unix sockets, as they are rendered: a template or an included file may set them."""

from collections.abc import Iterable

from redistopo.errors import MissingPrerequisite, UsageError
from redistopo.model.planning.plan import NodePlan
from redistopo.model.planning.proposal import Proposal
from redistopo.model.planning.step import StepKind, join_names


def refuse_sockets(it: Proposal) -> None:
    """Raise RedistopoError if nodes would share a Unix socket, or take another server's: a server
    removes what is at the path before it listens, and again when it ends (anet.c,
    anetUnixServer)."""
    changed = [node.name for node in _changed(it)]
    users: dict[str, list[str]] = {}
    for name, seen in it.now.sockets.items():
        users.setdefault(seen.path, []).append(name)
    source = it.plan.layout.topology.name
    for path, names in users.items():
        if len(names) > 1 and not set(changed).isdisjoint(names):
            raise UsageError(
                f"unixsocket is {path} for {join_names(names)}: each would remove the socket of "
                "the one before",
                hint=f'unixsocket = "redis.sock" in {source} is in each node\'s own folder; or set '
                f"it for one node only, in [nodes.{names[0]}]",
            )
    for name in changed:
        seen_ = it.now.sockets.get(name)
        if seen_ is None or not (held := _held(it, name)):
            continue
        raise MissingPrerequisite(
            f"unixsocket of {name} is {seen_.path}: {held}",
            detail="the server would remove it, and listen there itself; nothing was changed",
            hint=f"set another unixsocket in {source}, in the template or the included file that "
            "sets it; or stop that program",
        )


def _held(it: Proposal, name: str) -> str:
    """What else than the node itself is at the path of its socket; "" for nothing."""
    seen = it.now.sockets[name]
    own = next((node.pid for node in it.now.seen.nodes if node.name == name), 0)
    if seen.is_file:
        return "something that isn't a socket is there"
    if seen.pid is None or (own and seen.pid in (0, own)):
        return ""
    return f"{seen.program} listens there"


def _changed(it: Proposal) -> Iterable[NodePlan]:
    """The nodes whose configuration is to be written, or that are to be started."""
    names = {*it.nodes(StepKind.START), *it.nodes(StepKind.WRITE)}
    return (node for node in it.plan.nodes if node.name in names)
