"""What a planned failover cost, for the verbs that do some."""

from redistopo.execute.handover import HandoverResult


def cost(handover: HandoverResult) -> str:
    """Return one line: how long writes waited, and the replication offset of the switch."""
    return (
        f"{handover.before} -> {handover.after}: writes waited {handover.milliseconds:.1f} ms, "
        f"both at offset {handover.offset}; no acknowledged write was lost"
    )
