"""What Sentinels say of who leads: those that run, else their own files."""

from redistopo.host.files import read_text
from redistopo.model.planning.plan import NodePlan, Plan
from redistopo.model.protocol.conf import read_conf
from redistopo.model.protocol.sentinel_replies import (
    SentinelFileState,
    latest_address,
    read_sentinel_file,
)
from redistopo.model.state.observed import Observed


def remembered(plan: Plan) -> dict[str, SentinelFileState]:
    """Sentinel -> the state in its own file, for each that has one."""
    texts = {node.name: read_text(node.folder.config) for node in plan.sentinels}
    found = {name: read_sentinel_file(read_conf(text)) for name, text in texts.items() if text}
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
        (state.primary, state.epoch) for name, state in remembered(plan).items() if name in silent
    ]
    node = plan.at(latest_address(told))
    return node.name if node and node in plan.data else ""


def known_id(plan: Plan, node: NodePlan) -> str:
    """The id by which other Sentinels know this one, "" where none does."""
    found = remembered(plan)
    own = found.get(node.name)
    ids = [own.ids.get("", "")] if own else []
    ids += [state.ids.get(node.address, "") for state in found.values()]
    return next(filter(None, ids), "")
