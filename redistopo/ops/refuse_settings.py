"""Refuses configurations that nodes could not start with, before one depends on them."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from redistopo.errors import NodeDied, RedistopoError, UsageError
from redistopo.execute.context import ExecutionContext
from redistopo.model.planning.edited_settings import edited_settings
from redistopo.model.planning.plan import NodePlan
from redistopo.model.planning.step import Step, StepKind
from redistopo.model.state.observed import Observed
from redistopo.render.conf import node_conf


def refuse_settings(
    context: ExecutionContext, names: Iterable[str], again: str, done: str = "nothing was stopped; "
) -> None:
    """Raise UsageError if the plan's engine would not start with the configuration of one of these
    nodes; `again` is the command to type once that is corrected, `done` is what was not done."""
    if found := settings_error(context, names):
        node, error = found
        error.hint = f"{done}{_corrected(context, node)}, then: {again}"
        raise error


@contextmanager
def refusing_settings(
    context: ExecutionContext, names: tuple[str, ...], again: str
) -> Iterator[None]:
    """Raise what `refuse_settings` raises after what is done inside, which the trial doesn't delay:
    a server takes 50 ms to read its configuration. On several hosts, which are reached by one
    program at a time, it comes afterwards."""
    if context.plan.topology.hosts is not None:
        yield
        refuse_settings(context, names, again)
        return
    with ThreadPoolExecutor(1) as pool:
        tried = pool.submit(refuse_settings, context, names, again)
        yield
    tried.result()


def _corrected(context: ExecutionContext, node: NodePlan) -> str:
    there = f", or the server of host {node.machine}" if node.machine else ""
    return f"correct that in {context.plan.layout.topology.name}{there}"


def settings_error(
    context: ExecutionContext, names: Iterable[str]
) -> tuple[NodePlan, UsageError] | None:
    """Return the first of these nodes with whose configuration the plan's engine would not start,
    and the error without a hint; None if there is none.

    Nodes of one machine that have the same settings are tried once.
    """
    from redistopo.doctor.node_trials import first_refusal  # not for an `up` without edits

    plan = context.plan
    if plan.topology.adopted is not None:
        return None
    alike = {
        (node.machine, str(node.directives)): node
        for node in reversed(plan.data)
        if node.name in {*names}
    }
    texts = {one.name: _rendered(context, one) for one in reversed([*alike.values()])}
    found = first_refusal(context.host, plan, texts)
    if found is None:
        return None
    name, refusal = found
    node = plan.node(name)
    return node, UsageError(
        f"{plan.engine.title} doesn't start with the configuration of {node.title}",
        detail=f"{refusal.text}\n{refusal.message}",
    )


def _rendered(context: ExecutionContext, node: NodePlan) -> str:
    return context.rendered_of(node) or node_conf(context.plan, node, context.credentials)


def refuse_edits(context: ExecutionContext, seen: Observed, steps: Iterable[Step]) -> None:
    """Raise UsageError if these steps would write, over a configuration that a node has, one that
    the engine would not start with: at its next crash, or that of its host, the node would stay
    down. A first start finds that by itself, in no time."""
    planned = {name for one in steps if one.do is StepKind.WRITE for name in one.nodes}
    before = {
        node.name: node.on_disk.config
        for node in seen.nodes
        if node.name in planned and node.on_disk.config
    }
    edited = [
        node.name
        for node in context.plan.data
        if node.name in before and edited_settings(before[node.name], _rendered(context, node))
    ]
    if edited:
        refuse_settings(context, edited, "redistopo up", "nothing was changed; ")


@contextmanager
def naming_refused_settings(context: ExecutionContext) -> Iterator[None]:
    """If a node ends at its start, raise the UsageError of its configuration, if that is why."""
    try:
        yield
    except NodeDied as error:
        found = None
        with suppress(RedistopoError):  # the first error says more than one of the trial
            ended = [name for name, one in context.started.items() if one.poll() is not None]
            found = settings_error(context, ended)
        if found is not None:
            node, refused = found
            refused.hint = f"{_corrected(context, node)}, then: redistopo up"
            raise refused from error
        raise
