"""What a Sentinel reports: the primaries that it monitors, with their replicas and Sentinels."""

from dataclasses import replace

from redistopo.client.connection import Connections, raise_on_error
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.sentinel_replies import MonitoredPrimary, parse_masters, parse_peers
from redistopo.model.state.observed import NodeSeen


def with_monitored(seen: NodeSeen, client: Connections) -> NodeSeen:
    """Add every primary that a Sentinel monitors, with its replicas and Sentinels."""
    reply = client.execute(seen.endpoint, [("SENTINEL", "MASTERS")])[0]
    masters = parse_masters(raise_on_error(reply, "SENTINEL MASTERS"))
    watches = tuple(_with_peers(seen, one, client) for one in masters)
    return replace(seen, watches=watches)


def _with_peers(seen: NodeSeen, watch: MonitoredPrimary, client: Connections) -> MonitoredPrimary:
    words = ("GET-MASTER-ADDR-BY-NAME", "REPLICAS", "SENTINELS", "CKQUORUM")
    commands = [("SENTINEL", word, watch.name) for word in words]
    address, replicas, sentinels, quorum = client.execute(seen.endpoint, commands)
    # during a failover this returns the new primary as soon as it is promoted in the new epoch
    # (sentinel.c, sentinelGetCurrentMasterAddress), unlike SENTINEL MASTERS
    host, port = map(str, address if isinstance(address, list) and len(address) == 2 else ("", 0))
    return replace(
        watch,
        endpoint=Endpoint(host, int(port) if port.isdecimal() else 0),
        replicas=parse_peers(raise_on_error(replicas, "SENTINEL REPLICAS"), "SENTINEL REPLICAS"),
        sentinels=parse_peers(
            raise_on_error(sentinels, "SENTINEL SENTINELS"), "SENTINEL SENTINELS"
        ),
        quorum=str(quorum),
    )
