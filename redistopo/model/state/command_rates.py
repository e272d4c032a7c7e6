"""Commands per second of each node between two snapshots, without those of the snapshots; pure."""

from collections.abc import Mapping

from redistopo.model.state.observed import NodeSeen, Observed


def command_rates(before: Observed | None, seen: Observed, seconds: float) -> Mapping[str, int]:
    """Map each node that replied in both snapshots to the commands per second of its clients.

    The rate that a server reports (instantaneous_ops_per_sec) includes our own commands: without
    any client, it depends on how often it is observed.
    """
    earlier = {node.name: node for node in before.nodes} if before else {}
    found = {}
    for node in seen.nodes:
        was = earlier.get(node.name)
        if was is None or seconds <= 0 or not (was.answers and node.answers):
            continue
        if was.info.get("run_id") == node.info.get("run_id"):
            count = _commands(node) - _commands(was)
            found[node.name] = max(0, round(count / seconds))
    return found


def _commands(node: NodeSeen) -> int:
    return int(node.info.get("total_commands_processed", 0)) - node.sent
