"""A topology that we didn't start, followed as it grows while one looks at it."""

from dataclasses import replace

from redistopo.client.connection import numeric_address
from redistopo.client.discovery import Discovered
from redistopo.client.observe import Target
from redistopo.model.protocol.endpoint import LAST_PORT
from redistopo.model.state.observed import Observed
from redistopo.model.topology.spec import Shape


def with_new_nodes(before: Discovered, seen: Observed, port: int) -> Discovered:
    """The topology as its own nodes name it now, one look after it was discovered.

    In a cluster every node names all: the node of that port is believed, another one where
    it is silent. In a replication nobody names who is cut off, so nobody is forgotten;
    Sentinels name each other, too.
    """
    if before.shape is Shape.CLUSTER:
        able = sorted(seen.answering, key=lambda node: node.port != port)
        members = able[0].members if able else ()
        found = sorted((one.host, one.port) for one in members if "noaddr" not in one.flags)
        return replace(before, targets=_strangers(found)) if found else before
    known = [(one.host, one.port) for one in before.targets]
    ports = {one.port for one in before.targets}
    for node in seen.answering:
        followed = node.follows.rpartition(":")
        named = [(one.host, one.port) for one in node.replicas]
        # by port: a replica may name its primary by a host name
        if followed[2].isdigit() and int(followed[2]) not in ports:
            named.append((numeric_address(followed[0]), int(followed[2])))
        around = [peer for watch in node.watches for peer in (*watch.replicas, *watch.sentinels)]
        named += [(peer.host, peer.port) for peer in around]
        known += [one for one in named if one not in known and 0 < one[1] <= LAST_PORT]
    grew = before.shape is Shape.STANDALONE and len(known) > 1
    shape = Shape.REPLICATION if grew else before.shape
    return Discovered(shape=shape, targets=_strangers(known))


def _strangers(addresses: list[tuple[str, int]]) -> tuple[Target, ...]:
    return tuple(Target(name=f"{host}:{port}", host=host, port=port) for host, port in addresses)
