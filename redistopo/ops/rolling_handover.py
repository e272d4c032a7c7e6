"""The planned failovers of a rolling restart: those of several shards one right after the other."""

from collections.abc import Iterable
from contextlib import suppress

from redistopo.checks.cluster_membership import members_without_link
from redistopo.errors import TimedOut
from redistopo.execute.handover import HandoverResult, Promotion, await_agreement, promote_replica
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.planning.rolling import Act, Turn, shard_of
from redistopo.ops.failover import hand_over_to, plan_failover
from redistopo.ops.restart_work import RestartWork, faults_of_nodes
from redistopo.progress import step
from redistopo.session.health import Known

_LINK_SECONDS = 5.0


def hand_over_turns(work: RestartWork, some: Iterable[Turn]) -> None:
    """Do planned failovers of different shards, until every node agrees on all of them; one that
    already happened by itself isn't needed."""
    wanted = [(turn, words) for turn in some if (words := _candidates(work, turn))]
    gated = bool(work.restarted or work.handovers)  # by the health of a moment ago
    if work.now.context.plan.topology.clustered:
        _in_cluster(work, wanted, gated=gated)
        return
    for turn, words in wanted:
        known = _settled_by_restart(work, (turn,))
        _record(work, turn, hand_over_to(work.now, words, known, just_seen=gated)[1])


def _candidates(work: RestartWork, turn: Turn) -> tuple[str, ...]:
    """The nodes of which one is to be promoted; none if the turn isn't needed."""
    shard = shard_of(work.now.seen, turn.node)
    leads = shard is not None and shard.primary is not None and shard.primary.name == turn.node
    if turn.act is Act.HAND_OVER and shard is not None and leads:
        return (turn.to,) if turn.to else tuple(node.name for node in shard.nodes)
    if turn.act is Act.HAND_BACK and turn.node in work.handed and not leads:
        return (turn.node,)
    return ()


def _in_cluster(
    work: RestartWork, wanted: list[tuple[Turn, tuple[str, ...]]], *, gated: bool
) -> None:
    """Promote one replica after the other, and only then wait for what all nodes report, which
    takes up to 0.1 s: shards don't depend on each other."""
    now = work.now
    known = work.spared
    if not gated:
        now.again()
        known |= now.faults()
    made: list[Promotion] = []
    for turn, words in wanted:
        _await_links(work, turn)
        found = plan_failover(now, words)
        before, after = found.before.name, found.after.name
        if before == after:
            continue
        with step(now.context.progress, f"hand over from {before} to {after}"):
            made.append(
                promote_replica(
                    now.context,
                    now.context.plan.node(after),
                    now.seen,
                    made[-1].epoch if made else 0,
                    restarts=before in work.left,
                )
            )
        _record(work, turn, made[-1].result)
    with step(now.context.progress, "wait until every node agrees"):
        for one in made:
            await_agreement(one.change)
        now.await_health(known | _settled_by_restart(work, (turn for turn, _ in wanted)))


def _await_links(work: RestartWork, turn: Turn) -> None:
    """Wait until the primary has a bus link to each replica that was just restarted, which it opens
    again within 0.1 s; if it doesn't, planning the failover says so."""
    now, restarted = work.now, {one.node for one in work.restarted}

    def linked() -> bool | None:
        shard = shard_of(now.seen, turn.node)
        if shard is None or shard.primary is None:
            return True
        down = {one.address for one in members_without_link(shard.primary)}
        if down.isdisjoint(node.address for node in shard.replicas if node.name in restarted):
            return True
        now.again()
        return None

    with suppress(TimedOut):
        wait_for(linked, Deadline(_LINK_SECONDS))


def _record(work: RestartWork, turn: Turn, done: HandoverResult | None) -> None:
    if turn.act is Act.HAND_OVER:
        work.handed.add(turn.node)
    if done is not None:
        work.handovers.append(done)


def _settled_by_restart(work: RestartWork, some: Iterable[Turn]) -> Known:
    """The faults that end when these former primaries, and others before them, are restarted, which
    are the next turns: the others learn their roles by gossip, up to half a node timeout later, or
    when they connect again; and an older engine can't synchronize fully with a newer primary."""
    names = {turn.node for turn in some if turn.act is Act.HAND_OVER}
    if not names:
        return frozenset()
    views = frozenset(("cluster.agreement", node.name) for node in work.now.seen.nodes)
    waiting = {*names, *(work.handed & {*work.left})}
    return views | faults_of_nodes(waiting if work.back else [])
