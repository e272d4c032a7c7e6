"""The formation by ``redis-cli --cluster create``."""

from redistopo.errors import MachineLacks, TimedOut
from redistopo.form.hands import Hands
from redistopo.form.haste import hasten_all
from redistopo.form.reach import first_unreachable
from redistopo.world.observe import Depth
from redistopo.world.redis_cli import Creation, create_cluster


def form_by_cli(hands: Hands) -> None:
    """redis-cli made the cluster; which replica follows which primary was its choice.

    Raises TimedOut naming the pair of nodes that can't reach each other.
    """
    plan = hands.plan
    if not plan.engine.cli:
        raise MachineLacks(
            "no redis-cli or valkey-cli was found, and formation is redis-cli",
            hint='set formation = "instant" in the topology file, or '
            "pip install 'redistopo[bundled]'",
        )
    hasten_all(hands)
    creation = Creation(
        cli=plan.engine.cli,
        addresses=[node.address for node in plan.nodes],
        replicas=plan.topology.replicas,
        access=hands.keys.own,
        log=plan.layout.formation_log,
        mark=plan.layout.formation,
    )
    try:
        create_cluster(creation, hands.deadline)
    except TimedOut as error:
        pair = first_unreachable(hands.look(Depth.HEALTH))
        raise TimedOut(
            error.message,
            detail="\n".join(filter(None, [pair, error.detail])),
            hint=f"is a bus port (data port + 10000) blocked, or a node stopped? {error.hint}",
        ) from error
