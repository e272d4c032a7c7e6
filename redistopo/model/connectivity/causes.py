"""Why nodes don't reach each other: causes in the nodes first, then what lies between them."""

from redistopo.model.connectivity.cause import Cause, CauseKind
from redistopo.model.connectivity.first_sync import REMEDY, sync_loop
from redistopo.model.connectivity.matrix import ConnectivityView, FailedLink, PortKind
from redistopo.model.connectivity.node_causes import of_node
from redistopo.model.protocol.endpoint import split_address
from redistopo.model.state.hints import is_ours, open_port_hint, redis_cli_command


def causes(scene: ConnectivityView, links: tuple[FailedLink, ...]) -> tuple[Cause, ...]:
    """What explains the failing links, the most certain first; one cause a node at most.

    A link is only blamed on the network, or on gossip, where neither end has a cause of
    its own.
    """
    found = [cause for node in scene.seen.nodes if (cause := of_node(scene, node))]
    found.sort(key=lambda one: list(CauseKind).index(one.kind))
    guilty = {cause.node for cause in found}
    for link in links:
        if link.source not in guilty and link.target not in guilty:
            cause = _of_link(scene, link)
            if cause is not None:
                found.append(cause)
                guilty |= {link.source, link.target}
    return tuple(found)


def _of_link(scene: ConnectivityView, link: FailedLink) -> Cause | None:
    """Both ends are well by themselves, so it is what lies between them."""
    named = {node.name: node for node in scene.seen.nodes}
    source, target = named.get(link.source), named[link.target]
    if source is None:
        return None  # we ourselves: what keeps us out is the node's own
    host, port = split_address(link.address)
    if link.port is PortKind.DATA and (loop := sync_loop(target, 1)):
        return Cause(kind=CauseKind.SYNC, node=link.source, evidence=loop, remedy=REMEDY)
    if link.word == "syncing":
        return Cause(
            kind=CauseKind.SYNC,
            node=link.source,
            evidence=f"{link.source} is still getting its first copy of {link.target}'s data",
            remedy="give it time: --timeout 5m",
        )
    if link.word in ("unmet", "meeting"):
        reset = ", or redistopo up if one of them was reset" if is_ours(source) else ""
        return Cause(
            kind=CauseKind.UNMET,
            node=link.source,
            evidence=f"every port is open, but {link.source} doesn't know {link.target}",
            remedy=f"gossip spreads it in seconds; else: {redis_cli_command(source)} CLUSTER MEET "
            f"{target.host} {target.port}{reset}; does a firewall, or bind-source-addr, "
            "keep either from connecting?",
        )
    if link.port is PortKind.DATA:
        return _unfollowed(link, scene.probes[source.name].said)
    if source.host == target.host:
        return Cause(
            kind=CauseKind.LINK,
            node=source.name,
            evidence=f"every port is open, but {source.name} has no link to {link.target} yet",
            remedy="the machine may be busy: --timeout gives it longer; their logs tell more",
        )
    return Cause(
        kind=CauseKind.FIREWALL,
        node=source.name,
        evidence=f"redistopo reaches {link.address}, {source.name} doesn't",
        remedy=f"on {source.name}'s host: " + open_port_hint(host, int(port)),
    )


def _unfollowed(link: FailedLink, said: str) -> Cause:
    host, port = split_address(link.address)
    return Cause(
        kind=CauseKind.REPLICATION,
        node=link.source,
        evidence=f"{link.source} has no link to its primary {link.target}, whose port and "
        "password are well" + (f"; its log: {said}" if said else ""),
        remedy=f"its log says why; is {link.address} open to it? nc -vz {host} {port}",
    )
