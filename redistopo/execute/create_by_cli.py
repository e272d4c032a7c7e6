"""The formation by ``redis-cli --cluster create``."""

from redistopo.errors import MachineLacks
from redistopo.execute.context import Hands
from redistopo.execute.node_timeout import hasten_all
from redistopo.execute.slow_wait import patience, still_waiting
from redistopo.host.redis_cli import Creation, create_cluster


def form_by_cli(hands: Hands) -> None:
    """redis-cli made the cluster; which replica follows which primary was its choice.

    Raises TimedOut, or RedistopoError where it refused.
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
    create_cluster(creation, hands.deadline, (patience(hands), lambda: still_waiting(hands)))
