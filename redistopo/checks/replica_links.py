"""Whether a replica's link to its primary excludes it from a failover."""

from redistopo.model.state.observed import NodeSeen
from redistopo.model.state.shards import ShardSeen


def unlinked(node: NodeSeen, shard: ShardSeen) -> str:
    """Why a replica's link excludes it from a failover; "" if it doesn't: that it is down is no
    reason if the primary is."""
    if node.link_up:
        return ""
    if shard.primary is not None:
        return "its link to the primary is down"
    if node.info.get("master_link_down_since_seconds", "").startswith("-"):
        return "it has never had a link to its primary"
    return ""
