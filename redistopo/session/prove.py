"""Proves that a topology that was brought up works, and records it as formed."""

from dataclasses import replace

from redistopo.client.observe import Detail
from redistopo.execute.context import ExecutionContext
from redistopo.execute.hurry import end_hurry
from redistopo.execute.repair_gossip import GossipRepairs
from redistopo.model.planning.upgrade import newest_running
from redistopo.model.state.observed import Observed
from redistopo.progress import step
from redistopo.session.expected import expected_of
from redistopo.session.failures import unhealthy_error
from redistopo.session.health import Verdict, wait_until_healthy, with_write_probe
from redistopo.session.session import Session


def prove(session: Session, context: ExecutionContext) -> Verdict:
    """Wait until the checks of `verify` pass, and record the topology as formed; raises Unhealthy
    if they don't in time. A lower node timeout is restored once all nodes agree."""
    topology = context.plan.topology
    with step(context.progress, "wait until every node agrees", changes=False):
        first = wait_until_healthy(
            GossipRepairs(context).observe, expected_of(topology), context.deadline, context
        )
        if not first.healthy:
            raise unhealthy_error(context, first)
        if context.hurried:
            end_hurry(context)
    with step(context.progress, "verify", changes=False):
        session.reread()
        last = wait_until_healthy(
            lambda: _full(context), session.expected, context.deadline, context
        )
        if not last.healthy:
            raise unhealthy_error(context, last)
        engine = newest_running(last.seen) or last.seen.engine.lower()
        if (record := session.state) is not None:
            now = replace(record, formed=True, primary=last.seen.primary, engine=engine)
            session.save_state(now)
    return last


def _full(context: ExecutionContext) -> Observed:
    return with_write_probe(context.observe(Detail.FULL), context.client)
