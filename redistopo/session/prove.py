"""Proves that a topology that was brought up works, and records it as formed."""

from dataclasses import replace

from redistopo.checks.check_types import Expected
from redistopo.client.target import Detail
from redistopo.execute.context import ExecutionContext
from redistopo.execute.hurry import end_hurry
from redistopo.execute.repair_gossip import GossipRepairs
from redistopo.model.planning.upgrade import newest_running
from redistopo.model.state.observed import Observed
from redistopo.progress import step
from redistopo.session.expected import expected_of
from redistopo.session.failures import unhealthy_error
from redistopo.session.health import Verdict, verdict_of, wait_until_healthy, with_write_probe
from redistopo.session.session import Session


def prove(session: Session, context: ExecutionContext) -> Verdict:
    """Wait until the checks of `verify` pass, and record the topology as formed; raises Unhealthy
    if they don't in time. Settings that made nodes hurry are restored once all agree."""
    expected, known = expected_of(context.plan.topology), context.accepted
    with step(context.progress, "wait until every node agrees", changes=False):
        whole = _settled(context, expected)
        first = whole or wait_until_healthy(
            GossipRepairs(context).observe, expected, context.deadline, context, known
        )
        if not first.healthy:
            raise unhealthy_error(context, first)
        if context.hurried:
            end_hurry(context)
    with step(context.progress, "verify", changes=False):
        session.reread()
        asked = _Full(context, whole.seen if whole else None)
        last = wait_until_healthy(asked.observe, session.expected, context.deadline, context, known)
        if not last.healthy:
            raise unhealthy_error(context, last)
        engine = newest_running(last.seen) or last.seen.engine.lower()
        if (record := session.state) is not None:
            now = replace(record, formed=True, primary=last.seen.primary, engine=engine)
            session.save_state(now)
    return last


def _settled(context: ExecutionContext, expected: Expected) -> Verdict | None:
    """A snapshot with all detail, if all nodes agree in it. Not taken where they hardly do yet:
    those of a large cluster have reported that it is ok, or this run has started none."""
    if context.hurried or (context.started and not context.plan.crowded):
        return None
    verdict = verdict_of(context.observe(Detail.FULL), expected, context.accepted)
    return verdict if verdict.healthy else None


class _Full:
    """Takes snapshots with all detail, or uses the one that was just taken, and probes writes."""

    def __init__(self, context: ExecutionContext, seen: Observed | None) -> None:
        self._context = context
        self._seen = seen

    def observe(self) -> Observed:
        seen, self._seen = self._seen or self._context.observe(Detail.FULL), None
        return with_write_probe(seen, self._context.client)
