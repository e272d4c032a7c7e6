"""The numbers of shards, replicas and Sentinels that a topology has, while its file already asks
for others; pure."""

from collections.abc import Collection

from redistopo.model.state.observed import Observed
from redistopo.model.state.shards import shards_of
from redistopo.model.topology.spec import Shape, Topology

_QUORUM = "quorum"


def former_numbers(asked: Topology, names: Collection[str], seen: Observed) -> dict[str, int]:
    """Return the keys of the topology file whose numbers were edited, with those of the
    topology whose nodes have these names; none if they aren't shards of one size, or don't reply.
    """
    sentinels = sum(name.startswith("sentinel") for name in names)
    data = len(names) - sentinels
    values = {"replicas": data - 1}
    if asked.clustered:
        replies = {node.name for node in seen.answering}
        shards = sum(bool(one.primary and one.slots) for one in shards_of(seen))
        if not replies.issuperset(names) or not shards or data % shards:
            return {}
        values = {"shards": shards, "replicas": data // shards - 1}
    if asked.shape is Shape.SENTINEL:
        watched = (one for node in seen.sentinels for one in node.watches)
        quorum = next((one.settings.get(_QUORUM, "") for one in watched), "")
        values |= {"sentinels": sentinels}
        values |= {_QUORUM: int(quorum)} if quorum.isdecimal() else {}
    return {name: value for name, value in values.items() if getattr(asked, name) != value}
