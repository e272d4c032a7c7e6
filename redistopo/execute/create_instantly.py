"""Instant formation: servers start with prepared nodes.conf files, then one takeover per shard.

A primary replies CLUSTERDOWN for 2 s after its start (cluster_legacy.c,
CLUSTER_WRITABLE_DELAY); a replica that takes over doesn't. So each shard starts with its
future replica as owner of the slots, and its future primary takes over. In a large cluster the
takeovers take longer than that, so each node starts with its planned role.
"""

import secrets
from contextlib import suppress

from redistopo.errors import BadReply, TimedOut, Unreachable
from redistopo.execute.context import ExecutionContext
from redistopo.execute.hurry import hurry
from redistopo.execute.slow_wait import heed_slow_start, patience, reporting_slow_wait
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.planning.plan import NodePlan
from redistopo.model.planning.step import Step
from redistopo.model.protocol.replies import parse_info, parse_nodes
from redistopo.render.conf import SeedIds, seed_tables


def seed(context: ExecutionContext, _one: Step) -> None:
    """Write each node's initial nodes.conf. Only for empty nodes: from its first start on, the
    server maintains the file."""
    plan, files = context.plan, context.host.files
    ids = SeedIds(
        nodes={node.name: secrets.token_hex(20) for node in plan.nodes},
        shards={shard.number: secrets.token_hex(20) for shard in plan.shards},
    )
    for name, table in seed_tables(plan, ids).items():
        folder = plan.node(name).folder
        files.private_folder(folder.root)
        files.write(folder.table, table)


def form_instantly(context: ExecutionContext, one: Step) -> None:
    """Promote the planned primaries, which then own their slots.

    The takeovers are sent once every node is connected to every other one: earlier, their
    broadcast would be lost, and some nodes would learn of them a second later.
    """
    led = context.plan.takeovers
    if not led:
        _await_serving(context)
        return
    heed_slow_start(context)
    _await_mesh(context)
    epoch = 0
    for node in context.nodes(shard.primary for shard in led):
        _await_epoch(context, node, epoch)
        _take_over(context, node)
        epoch = _epoch(context, node, "cluster_my_epoch")
    # only now: while links are being established, frequent pings would slow them
    hurry(context, one.settings)


def _await_serving(context: ExecutionContext) -> None:
    """Wait until all nodes report that the cluster is ok, 2 s after their start.

    A snapshot of a hundred nodes is ten thousand lines, for the servers too, so none is taken
    before. If it takes long, or a node doesn't reply, the checks report why.
    """
    pending = list(context.plan.nodes)

    def look() -> bool | None:
        try:
            pending[:] = [node for node in pending if not _serves(context, node)]
        except Unreachable:
            return True
        return None if pending else True

    with suppress(TimedOut):
        wait_for(look, patience(context), pause=0.01, most=0.03)


def _serves(context: ExecutionContext, node: NodePlan) -> bool:
    info = parse_info(str(context.send(node, "CLUSTER", "INFO")))
    return info.get("cluster_state") == "ok"


def _take_over(context: ExecutionContext, node: NodePlan) -> None:
    """Promote a node, unless the others have: those of a host on which servers start later than the
    node timeout are replaced by votes."""
    try:
        context.send(node, "CLUSTER", "FAILOVER", "TAKEOVER")
    except BadReply:
        if not any(one.myself and one.primary for one in context.cluster_nodes(node)):
            raise


def _await_epoch(context: ExecutionContext, node: NodePlan, epoch: int) -> None:
    """Wait until the node knows the last takeover's epoch, so that its own gets a higher one.

    Two takeovers with one epoch would collide; the resolution takes up to a second, during which
    two primaries have the same epoch. That is the only cost if the wait times out.
    """
    patience = Deadline(min(0.5, context.deadline.left))
    with suppress(TimedOut):
        wait_for(
            lambda: True if _epoch(context, node, "cluster_current_epoch") >= epoch else None,
            patience,
            lambda: "",
            pause=0.0005,
        )


def _epoch(context: ExecutionContext, node: NodePlan, field: str) -> int:
    return int(parse_info(str(context.send(node, "CLUSTER", "INFO"))).get(field, 0))


def _await_mesh(context: ExecutionContext) -> None:
    first = {shard.primary for shard in context.plan.shards}
    pending = list(context.plan.nodes)

    def look() -> bool | None:
        # nodes that are done aren't queried again: CLUSTER NODES is a long reply; at the deadline
        # none is, because each that doesn't reply takes as long as a reply may
        pending[:] = [
            node
            for node in pending
            if context.deadline.over or not _meshed(context, node, leads=node.name in first)
        ]
        return None if pending else True

    late = TimedOut(
        f"the nodes couldn't connect to each other within {context.deadline.seconds:g} s",
        hint="wait longer with --timeout",
    )
    wait_for(reporting_slow_wait(context, look), context.deadline, lambda: late, pause=0.01)


def _meshed(context: ExecutionContext, node: NodePlan, *, leads: bool) -> bool:
    """Whether it has links to, and pongs from, all others; a future primary must also be ok."""
    commands = [("CLUSTER", "INFO"), ("CLUSTER", "NODES")]
    try:
        info, table = context.client.execute(node.endpoint, commands)
    except Unreachable:
        return False
    if leads and parse_info(str(info)).get("cluster_state") != "ok":
        return False
    members = parse_nodes(str(table))
    return all(one.myself or (one.linked and one.replied) for one in members)
