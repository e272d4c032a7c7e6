"""The error of slots or keys that a server didn't move."""

from redistopo.errors import BadReply


def refused_move(message: str, why: str) -> BadReply:
    """Return the error, with what to type first if the target has reached its maxmemory.

    Redis replies "OOM command not allowed" to the source (server.c), Valkey 9 ends an import with
    "Ran out of memory (OOM)" (cluster_migrateslots.c).
    """
    full = "raise its limit: redistopo set maxmemory SIZE"
    return BadReply(message, detail=why, hint=full if "OOM" in why else "")
