"""Refuses to stop nodes that could not start again with their configuration."""

from collections.abc import Iterable

from redistopo.doctor.node_trials import first_refusal
from redistopo.errors import UsageError
from redistopo.render.conf import node_conf
from redistopo.session.live_change import LiveChange


def refuse_settings(now: LiveChange, names: Iterable[str], again: str) -> None:
    """Raise UsageError if the plan's engine would not start with the configuration of one of these
    nodes; `again` is the command to type once that is corrected.

    Nodes of one machine that have the same settings are tried once.
    """
    plan, credentials = now.context.plan, now.context.credentials
    if plan.topology.adopted is not None:
        return
    alike = {
        (node.machine, str(node.directives)): node
        for node in reversed(plan.data)
        if node.name in {*names}
    }
    texts = {
        one.name: now.context.rendered_of(one) or node_conf(plan, one, credentials)
        for one in reversed([*alike.values()])
    }
    found = first_refusal(now.session.host, plan, texts)
    if found is None:
        return
    name, refusal = found
    node, file = plan.node(name), plan.layout.topology.name
    there = f", or the server of host {node.machine}" if node.machine else ""
    raise UsageError(
        f"{plan.engine.title} doesn't start with the configuration of {node.title}",
        detail=f"{refusal.text}\n{refusal.message}",
        hint=f"nothing was stopped; correct that in {file}{there}, then: {again}",
    )
