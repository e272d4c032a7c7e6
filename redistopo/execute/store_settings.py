"""Makes servers write their settings to their own configuration files."""

from collections.abc import Iterable

from redistopo.errors import BadReply
from redistopo.execute.context import ExecutionContext
from redistopo.model.planning.plan import NodePlan
from redistopo.model.planning.step import join_names
from redistopo.progress import warn


def store_settings(context: ExecutionContext, nodes: Iterable[NodePlan]) -> None:
    """Make servers write their settings to their own files; warn about those that can't."""
    refused: dict[str, list[str]] = {}
    for node in nodes:
        try:
            context.send(node, "CONFIG", "REWRITE")
        except BadReply as error:
            refused.setdefault(error.detail, []).append(node.name)
    for reply, names in refused.items():
        text = f"settings last until the next start of {join_names(names)}"
        warn(context.progress, f"{text}: CONFIG REWRITE: {reply}")
