"""Replicas that get all data over and over, because each first sync is cut off."""

from redistopo.model.state.observed import NodeSeen

_SYNCS_EACH = 2
_SECONDS_A_SYNC = 15
"""More full syncs than so many for each replica, and more often than so, are a loop."""

REMEDY = (
    "a replica that syncs over and over: is client-output-buffer-limit (replica) too low for "
    "the load, or repl-timeout too short? See the primary's redis.log"
)


def sync_loop(primary: NodeSeen | None, replicas: int) -> str:
    """How often the primary had to sync a replica from nothing, where that is a loop; else ""."""
    if primary is None:
        return ""
    count = int(primary.info.get("sync_full", 0))
    seconds = int(primary.info.get("uptime_in_seconds", 0))
    often = count > 2 + _SYNCS_EACH * replicas and seconds < count * _SECONDS_A_SYNC
    return f"{primary.name} made {count} full syncs in {seconds} s" if often else ""
