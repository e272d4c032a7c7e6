"""What a topology can no longer do with the fewer nodes that its file asks for; pure."""

from collections.abc import Iterable

from redistopo.model.planning.proposal import Proposal
from redistopo.model.planning.step import StepKind
from redistopo.model.state.observed import Role
from redistopo.model.state.shards import shards_of

_ENOUGH = 3
"""Of fewer voters, none may fail: a majority of two is both."""


def resize_warnings(it: Proposal) -> Iterable[str]:
    """Warn before nodes are removed that failovers, or copies of data, depend on."""
    seen, asked = it.now.seen, it.plan.topology
    ended = it.nodes(StepKind.END)
    roles = [node.role for node in seen.nodes if node.name in ended]
    if not it.now.formed or not roles:
        return
    shards = sum(bool(one.primary and one.slots) for one in shards_of(seen))
    if asked.clustered and shards >= _ENOUGH > asked.shards:
        yield (
            f"with {asked.shards} shard{'s' if asked.shards != 1 else ''}, no replica is promoted "
            "if a primary fails: that takes the votes of a majority of the primaries"
        )
    if Role.REPLICA in roles and not asked.replicas:
        yield "without replicas, the data of a node that is down is unavailable"
    if Role.SENTINEL in roles and len(seen.sentinels) >= _ENOUGH > asked.sentinels:
        yield f"with {asked.sentinels} of {len(seen.sentinels)} Sentinels left, none may fail"
