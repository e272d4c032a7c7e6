"""Causes of failing links: first in the nodes themselves, then in the network between them."""

from redistopo.model.connectivity.cause import Cause, CauseKind
from redistopo.model.connectivity.full_sync_loop import REMEDY, sync_loop
from redistopo.model.connectivity.matrix import ConnectivityView, FailedLink, PortKind
from redistopo.model.connectivity.node_causes import of_node
from redistopo.model.protocol.endpoint import split_address
from redistopo.model.state.hints import command_prefix, open_port_hint, started_by_us


def causes(scene: ConnectivityView, links: tuple[FailedLink, ...]) -> tuple[Cause, ...]:
    """Explain the failing links, the most certain cause first; at most one cause for each node.

    A link is attributed to the network, or to gossip, only if neither end has a cause of
    its own.
    """
    found = [cause for node in scene.seen.nodes if (cause := of_node(scene, node))]
    found.sort(key=lambda one: list(CauseKind).index(one.kind))
    explained = {cause.node for cause in found}
    for link in links:
        if link.source not in explained and link.target not in explained:
            cause = _of_link(scene, link)
            if cause is not None:
                found.append(cause)
                explained |= {link.source, link.target}
    return tuple(found)


def _of_link(scene: ConnectivityView, link: FailedLink) -> Cause | None:
    """Both ends are healthy by themselves, so the fault is between them."""
    named = {node.name: node for node in scene.seen.nodes}
    source, target = named.get(link.source), named[link.target]
    if source is None:
        return None  # redistopo itself: what keeps it out is a cause in the node
    host, port = split_address(link.address)
    if link.port is PortKind.DATA and (loop := sync_loop(target, 1)):
        return Cause(kind=CauseKind.SYNC, node=link.source, evidence=loop, remedy=REMEDY)
    if link.word == "syncing":
        return Cause(
            kind=CauseKind.SYNC,
            node=link.source,
            evidence=f"{link.source} is still in its first full sync from {link.target}",
            remedy="wait longer: --timeout 5m",
        )
    if link.word in ("unmet", "meeting"):
        reset = ", or redistopo up if one of them was reset" if started_by_us(source) else ""
        return Cause(
            kind=CauseKind.UNMET,
            node=link.source,
            evidence=f"every port is open, but {link.source} doesn't know {link.target}",
            remedy="gossip spreads it within seconds; if not: "
            f"{command_prefix(source)} CLUSTER MEET {target.host} {target.port}{reset}; "
            "check whether a firewall or bind-source-addr blocks connections",
        )
    if link.port is PortKind.DATA:
        return _unfollowed(link, scene.probes[source.name].log_line)
    if source.host == target.host:
        return Cause(
            kind=CauseKind.LINK,
            node=source.name,
            evidence=f"every port is open, but {source.name} has no link to {link.target} yet",
            remedy="the machine may be busy: wait longer with --timeout; see their logs",
        )
    return Cause(
        kind=CauseKind.FIREWALL,
        node=source.name,
        evidence=f"redistopo reaches {link.address}, {source.name} doesn't",
        remedy=f"on {source.name}'s host: " + open_port_hint(host, int(port)),
    )


def _unfollowed(link: FailedLink, log_line: str) -> Cause:
    host, port = split_address(link.address)
    return Cause(
        kind=CauseKind.REPLICATION,
        node=link.source,
        evidence=f"{link.source} has no link to its primary {link.target}, although its port is "
        "open and the password is right" + (f"; log: {log_line}" if log_line else ""),
        remedy=f"see its log; test whether it can reach {link.address}: nc -vz {host} {port}",
    )
