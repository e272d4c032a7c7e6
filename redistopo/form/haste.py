"""Live settings that make an empty cluster form sooner; taken back once it is healthy.

The files keep the planned values: a crash in between is healed by the next start, and seen
as drift until then.
"""

from redistopo.form.hands import Hands

NODE_TIMEOUT = "cluster-node-timeout"

_SMALL = 20


def hasten(hands: Hands) -> None:
    """All nodes have the settings that speed up forming.

    A node tells its new role in its next ping, and an idle pair pings each half node
    timeout (cluster_legacy.c, clusterCron): a low one spreads the word. Many nodes on one
    machine start slowly, so they get a longer one.
    """
    timeout = 500 if len(hands.plan.nodes) <= _SMALL else 1000
    _set(hands, NODE_TIMEOUT, str(min(timeout, hands.plan.topology.node_timeout)))


def calm(hands: Hands) -> None:
    """All nodes have the planned settings again."""
    _set(hands, NODE_TIMEOUT, str(hands.plan.topology.node_timeout))


def _set(hands: Hands, directive: str, usual: str) -> None:
    for node in hands.plan.nodes:
        planned = node.directives.get(directive, (usual,))[-1]
        hands.order(node, "CONFIG", "SET", directive, planned)
