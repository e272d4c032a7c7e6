"""What Sentinels say of who leads: those that run, else their own files."""

from redistopo.model.planning.plan import NodePlan, Plan
from redistopo.model.protocol.sentinel_replies import (
    SentinelFileState,
    latest_address,
)
from redistopo.model.state.observed import Observed


def remembered(seen: Observed) -> dict[str, SentinelFileState]:
    """Sentinel -> the state in its own file, for each that has one."""
    found = {node.name: node.on_disk.sentinel for node in seen.nodes if node.watcher}
    return {name: state for name, state in found.items() if state}


def named_primary(plan: Plan, seen: Observed) -> str:
    """The data node that the Sentinels name as primary, "" for none.

    In what those say that run, and in the files of those that don't: the highest epoch
    counts, for each failover has one of its own.
    """
    if not plan.sentinels:
        return ""
    silent = {node.name for node in plan.sentinels} - {node.name for node in seen.sentinels}
    told = [(watch.address, watch.epoch) for node in seen.sentinels for watch in node.watches]
    told += [
        (state.primary, state.epoch) for name, state in remembered(seen).items() if name in silent
    ]
    node = plan.at(latest_address(told))
    return node.name if node and node in plan.data else ""


def known_id(seen: Observed, node: NodePlan) -> str:
    """The id by which other Sentinels know this one, "" where none does."""
    found = remembered(seen)
    own = found.get(node.name)
    ids = [own.ids.get("", "")] if own else []
    ids += [state.ids.get(node.address, "") for state in found.values()]
    return next(filter(None, ids), "")
