"""The primary according to the Sentinels: their replies, or else their own files."""

from redistopo.model.planning.plan import NodePlan, Plan
from redistopo.model.protocol.sentinel_replies import (
    SentinelFileState,
    latest_address,
)
from redistopo.model.state.observed import Observed


def remembered(seen: Observed) -> dict[str, SentinelFileState]:
    """Map each Sentinel that has a file to the state in it."""
    found = {node.name: node.on_disk.sentinel for node in seen.nodes if node.is_sentinel}
    return {name: state for name, state in found.items() if state}


def named_primary(plan: Plan, seen: Observed) -> str:
    """Return the data node that the Sentinels name as primary, "" for none.

    From the replies of those that run and the files of the others, the highest epoch counts,
    because each failover has its own.
    """
    if not plan.sentinels:
        return ""
    silent = {node.name for node in plan.sentinels} - {node.name for node in seen.sentinels}
    named = [(watch.address, watch.epoch) for node in seen.sentinels for watch in node.watches]
    named += [
        (state.primary, state.epoch) for name, state in remembered(seen).items() if name in silent
    ]
    node = plan.at(latest_address(named))
    return node.name if node and node in plan.data else ""


def known_id(seen: Observed, node: NodePlan) -> str:
    """Return the id by which other Sentinels know this one, "" if none does."""
    found = remembered(seen)
    own = found.get(node.name)
    ids = [own.ids.get("", "")] if own else []
    ids += [state.ids.get(node.address, "") for state in found.values()]
    return next(filter(None, ids), "")
