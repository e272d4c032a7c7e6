"""Slows the servers of a large cluster down in what they do by themselves, while they end.

A node tries to connect to each node that has ended in every clusterCron, ten times a second
(cluster.c): 150 nodes that do so for 150 others take more than two processors, and none of them can
be reached. With `hz` 1 it runs once a second (server.c, serverCron). Servers that go on with it
because this process was killed get their own pace back from `up`.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from redistopo.client.connection import Connections
from redistopo.client.execute_each import execute_each
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.server_defaults import DEFAULT_HZ, HZ, SLOWEST_HZ
from redistopo.model.state.observed import Observed

LARGE = 60
"""From so many nodes on; 50 nodes for 50 others take three quarters of a processor."""


@contextmanager
def slower_cron(client: Connections, seen: Observed, names: Collection[str]) -> Iterator[set[str]]:
    """Set `hz` to 1 on these nodes of a large cluster inside. The names of those that ended are to
    be removed from the set; the others get their own value back."""
    hz = {
        node.name: (node.endpoint, node.info.get("configured_hz", DEFAULT_HZ))
        for node in seen.nodes
        if node.name in names and node.answers and node.info.get("cluster_enabled") == "1"
    }
    left = set(hz) if len(hz) >= LARGE else set()
    _set(client, {hz[name][0]: SLOWEST_HZ for name in left})
    try:
        yield left
    finally:
        _set(client, {hz[name][0]: hz[name][1] for name in left})


def _set(client: Connections, values: Mapping[Endpoint, str]) -> None:
    """Set `hz`; a server that doesn't reply, or refuses it, is as fast as before."""
    execute_each(client, {at: [("CONFIG", "SET", HZ, value)] for at, value in values.items()})
