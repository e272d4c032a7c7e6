"""The moment of a planned failover without a cluster: the primary is demoted, and only then is its
replica promoted."""

from collections.abc import Callable

from redistopo.client.connection import raise_on_error
from redistopo.errors import RedistopoError, Unreachable
from redistopo.execute.handover_steps import HandoverState, ask, await_lead, await_word
from redistopo.execute.sentinel_failover import promote
from redistopo.model.protocol.replies import parse_info
from redistopo.model.topology.spec import Shape


def _take_replication(change: HandoverState) -> None:
    """Demote the primary, and only then promote its replica: if this process is killed in
    between, no node accepts writes, and the next `up` promotes the former primary."""
    _demote(change)
    try:
        change.context.send(change.to, "REPLICAOF", "NO", "ONE")
    except Unreachable:
        await_word(change)
    await_lead(change)


def _take_sentinel(change: HandoverState) -> None:
    """The same, but a Sentinel promotes. It would demote the former primary only 8 s later
    (sentinel.c, SENTINEL_PUBLISH_PERIOD * 4), and both would accept writes."""
    _demote(change)
    promote(change)


def _demote(change: HandoverState) -> None:
    """Make the primary a replica of the node to promote, which has its very last byte."""
    before, to = change.before, change.to
    replies = ask(
        change,
        before,
        ("MULTI",),
        ("INFO", "replication"),
        ("REPLICAOF", to.host, to.port),
        ("EXEC",),
    )
    done = raise_on_error(replies[-1], f"{before.name}: EXEC")
    info, demoted = done if isinstance(done, list) and len(done) == 2 else ("", done)
    raise_on_error(demoted, f"{before.name}: REPLICAOF")
    # the very last byte: if the pause had ended early, a write would be visible here
    last = int(parse_info(str(info)).get("master_repl_offset", 0))
    has = int(change.replication(to).get("slave_repl_offset", 0))
    if has < last:
        raise RedistopoError(f"{to.name} lacks {last - has} bytes that {before.name} wrote")


TAKE: dict[Shape, Callable[[HandoverState], None]] = {
    Shape.REPLICATION: _take_replication,
    Shape.SENTINEL: _take_sentinel,
}
"""One function for each shape but a cluster: it promotes the replica, with writes paused and the
replica at the last byte, and demotes the former primary (at once, or shortly after)."""
