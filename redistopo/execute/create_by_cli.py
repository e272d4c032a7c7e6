"""The formation by ``redis-cli --cluster create``."""

from redistopo.errors import MissingPrerequisite
from redistopo.execute.context import ExecutionContext
from redistopo.execute.node_timeout import hasten_all
from redistopo.execute.slow_wait import patience, still_waiting
from redistopo.host.redis_cli import Creation, create_cluster


def form_by_cli(context: ExecutionContext) -> None:
    """redis-cli made the cluster; which replica follows which primary was its choice.

    Raises TimedOut, or RedistopoError where it refused.
    """
    plan = context.plan
    if not plan.engine.cli:
        raise MissingPrerequisite(
            "no redis-cli or valkey-cli was found, and formation is redis-cli",
            hint='set formation = "instant" in the topology file, or '
            "pip install 'redistopo[bundled]'",
        )
    hasten_all(context)
    creation = Creation(
        cli=plan.engine.cli,
        addresses=[node.address for node in plan.nodes],
        replicas=plan.topology.replicas,
        access=context.credentials.own,
        log=plan.layout.formation_log,
        mark=plan.layout.formation,
    )
    create_cluster(creation, context.deadline, (patience(context), lambda: still_waiting(context)))
