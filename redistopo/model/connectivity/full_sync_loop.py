"""Replicas that repeat the full sync endlessly because it is always interrupted."""

from redistopo.model.state.observed import NodeSeen

_SYNCS_PER_REPLICA = 2
_SECONDS_PER_SYNC = 15
"""More full syncs for each replica, at a higher rate, are a loop."""

REMEDY = (
    "a replica repeats the full sync: client-output-buffer-limit (replica) may be too low for "
    "the load, or repl-timeout too short; see the primary's redis.log"
)


def sync_loop(primary: NodeSeen | None, replicas: int) -> str:
    """Describe a loop of full syncs; "" if there is none."""
    if primary is None:
        return ""
    count = int(primary.info.get("sync_full", 0))
    seconds = int(primary.info.get("uptime_in_seconds", 0))
    often = count > 2 + _SYNCS_PER_REPLICA * replicas and seconds < count * _SECONDS_PER_SYNC
    return f"{primary.name} made {count} full syncs in {seconds} s" if often else ""
