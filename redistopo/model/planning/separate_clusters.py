"""A stopped cluster that was merged with another one (CLUSTER MEET) is separated again; pure.

Of two owners of a slot the one with the higher epoch wins, and the other one's nodes become its
replicas (cluster_legacy.c, clusterUpdateSlotsConfigWith). They keep their keys until they sync,
which a different password prevents.
"""

from collections.abc import Collection, Iterable

from redistopo.errors import UsageError
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.situation import Situation
from redistopo.model.planning.step import Step, StepKind
from redistopo.model.protocol.nodes_conf import parse_nodes_conf
from redistopo.model.protocol.separated_tables import StrayShard, separated, stray_shards
from redistopo.model.protocol.slots import SLOT_COUNT, unassigned_slots
from redistopo.model.remedies.of_topology import separate_cluster
from redistopo.model.state.observed import Observed

_LOST = "one whose address is lost"


def separation_steps(plan: Plan, now: Situation, primaries: Collection[str]) -> tuple[Step, ...]:
    """Return the step that writes all nodes.conf anew without the other cluster's nodes, if
    `primaries` chooses a node of a shard that one of them took over. Raises UsageError if it can't
    be done, or if it chooses none, or several nodes, of another such shard."""
    seen = now.seen
    known = len(seen.nodes_confs) == len(plan.nodes)  # a lost file is repaired first
    if not (plan.topology.clustered and now.formed and primaries and known):
        return ()
    shards = stray_shards(seen.nodes_confs)
    named = [[name for name in _names(seen, one) if name in primaries] for one in shards]
    if not any(named):
        return ()
    if running := [node.name for node in seen.nodes if node.running]:
        raise UsageError(
            f"a merged cluster can be separated only while all nodes are stopped; running: "
            f"{', '.join(running)}",
            hint=_remedy(seen, shards),
        )
    if any(len(names) != 1 for names in named):
        raise UsageError(
            "choose one node of each shard that another cluster took over",
            detail="\n".join(" or ".join(_names(seen, one)) for one in shards),
            hint=_remedy(seen, shards),
        )
    leads = {plan.node(name).address for names in named for name in names}
    texts = separated(seen.nodes_confs, shards, leads)
    if not texts or not _covered(texts):
        raise UsageError(
            "the nodes.conf files don't show which slots each shard had before the merge",
            detail="each shard must have lost all its slots to one node; nothing was changed",
        )
    names = {node.address: node.name for node in seen.nodes}
    owners = " and ".join(one.owner or _LOST for one in shards)
    return (
        Step(
            do=StepKind.REBUILD,
            nodes=tuple(names[at] for at in texts),
            cause=f"it has nodes of another cluster: {owners}; chosen by --primary",
            texts={names[at]: text for at, text in texts.items()},
        ),
    )


def _names(seen: Observed, shard: StrayShard) -> list[str]:
    return [node.name for node in seen.nodes if node.address in shard.addresses]


def _remedy(seen: Observed, shards: Iterable[StrayShard]) -> str:
    return separate_cluster(
        [_names(seen, one)[0] for one in shards], [one.owner for one in shards if one.owner]
    )


def _covered(texts: dict[str, str]) -> bool:
    """Whether each slot has an owner, so that all slots that were taken are given back."""
    at, text = next(iter(texts.items()))
    table = parse_nodes_conf(text, at)
    ranges = [one.ranges for one in table.entries if one.is_primary] if table else []
    return not unassigned_slots(ranges, SLOT_COUNT)
