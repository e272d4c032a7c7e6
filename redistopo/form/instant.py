"""The instant formation: servers that start on ready-made tables, and one takeover a shard.

A primary answers CLUSTERDOWN for 2 s after its start (cluster_legacy.c,
CLUSTER_WRITABLE_DELAY); a replica that takes over doesn't. So each shard starts with its
future replica as owner of the slots, and its future primary takes over.
"""

import secrets
from contextlib import suppress

from redistopo.errors import TimedOut
from redistopo.form.hands import Hands
from redistopo.form.haste import hasten
from redistopo.form.reach import first_unreachable
from redistopo.model.observed import NodeSeen
from redistopo.model.plan import NodePlan
from redistopo.model.replies import parse_info
from redistopo.render.conf import SeedIds, seed_tables
from redistopo.world.files import private_folder, write_private
from redistopo.world.observe import Depth
from redistopo.world.waiting import Deadline, wait_for


def seed(hands: Hands) -> None:
    """Each node has the nodes.conf that it starts on. Only ever for empty nodes: from its
    first start on, the file is Redis's own."""
    plan = hands.plan
    ids = SeedIds(
        nodes={node.name: secrets.token_hex(20) for node in plan.nodes},
        shards={shard.number: secrets.token_hex(20) for shard in plan.shards},
    )
    for name, table in seed_tables(plan, ids).items():
        folder = plan.node(name).folder
        private_folder(folder.root)
        write_private(folder.table, table)


def form_instantly(hands: Hands) -> None:
    """The planned primaries own their slots, or (without replicas) are about to.

    The takeovers are sent when every node has heard from every other one: earlier, their
    broadcast would be lost, and some nodes would learn of them a second later.
    """
    hasten(hands)
    leading = [hands.plan.node(shard.primary) for shard in hands.plan.shards if shard.replicas]
    if not leading:
        return
    _await_mesh(hands)
    epoch = 0
    for node in leading:
        _await_epoch(hands, node, epoch)
        hands.order(node, "CLUSTER", "FAILOVER", "TAKEOVER")
        epoch = _epoch(hands, node, "cluster_my_epoch")


def _await_epoch(hands: Hands, node: NodePlan, epoch: int) -> None:
    """The node has heard of the last takeover's epoch, so that its own gets a higher one.

    Two takeovers of one epoch would collide; the resolution costs up to a second, and
    until then two primaries look alike. Should the word not come, that is all it costs.
    """
    patience = Deadline(min(0.5, hands.deadline.left))
    with suppress(TimedOut):
        wait_for(
            lambda: True if _epoch(hands, node, "cluster_current_epoch") >= epoch else None,
            patience,
            lambda: "",
            pause=0.0005,
        )


def _epoch(hands: Hands, node: NodePlan, field: str) -> int:
    return int(parse_info(str(hands.order(node, "CLUSTER", "INFO"))).get(field, 0))


def _await_mesh(hands: Hands) -> None:
    first = {shard.primary for shard in hands.plan.shards}

    def look() -> bool | None:
        seen = hands.look(Depth.HEALTH)
        return True if all(_meshed(node, leads=node.name in first) for node in seen.nodes) else None

    try:
        wait_for(look, hands.deadline, lambda: "", pause=0.01)
    except TimedOut as error:
        raise TimedOut(
            f"the nodes don't reach each other after {hands.deadline.seconds:g} s",
            detail=first_unreachable(hands.look(Depth.HEALTH)),
            hint="is a bus port (data port + 10000) blocked, or a node stopped?",
        ) from error


def _meshed(node: NodeSeen, *, leads: bool) -> bool:
    """Whether it has links to, and answers from, all others; a future primary is also ok."""
    if not node.answers or (leads and node.cluster.get("cluster_state") != "ok"):
        return False
    return all(member.myself or (member.linked and member.pong > 0) for member in node.members)
