"""Where the nodes of a cluster can be queried from here: at what they announce, or beside us."""

from collections.abc import Iterable

from redistopo.client.connection import Connections
from redistopo.errors import RedistopoError
from redistopo.host.in_threads import in_threads
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.replies import ClusterNodesLine


def cluster_endpoints(
    entry: Endpoint, members: Iterable[ClusterNodesLine], client: Connections
) -> list[Endpoint]:
    """Return an endpoint for each member, by CLUSTER NODES of the node at `entry`.

    That node itself is at `entry`, whatever it announces. Behind NAT, or in Docker, a member may
    reply only at the host of `entry`, on its own port: that is tried where what it announces
    can't be reached, and believed if the id is the same.
    """
    known = [member for member in members if "noaddr" not in member.flags]
    found = in_threads(lambda member: _endpoint(entry, member, client), known)
    return list(found) or [entry]


def _endpoint(entry: Endpoint, member: ClusterNodesLine, client: Connections) -> Endpoint:
    beside = Endpoint(entry.host, member.port)
    if member.myself:
        return entry
    if member.host in ("", entry.host):
        return beside
    announced = _is_there(member.endpoint, member.id, client)
    return beside if not announced and _is_there(beside, member.id, client) else member.endpoint


def _is_there(endpoint: Endpoint, node_id: str, client: Connections) -> bool:
    try:
        # several nodes may announce one endpoint, so each needs a connection of its own
        with Connections(client.credentials) as own:
            return bool(own.execute(endpoint, [("CLUSTER", "MYID")])[0] == node_id)
    except RedistopoError:
        return False
