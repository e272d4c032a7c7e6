"""A cluster node gets the nodes.conf that was decided on; the old file is kept."""

from redistopo.execute.context import ExecutionContext
from redistopo.host.nodes_conf_files import replace_table
from redistopo.model.planning.step import Step
from redistopo.progress import warn


def rewrite_nodes_conf(context: ExecutionContext, one: Step) -> None:
    """Each node has a table by which it is in its cluster again, or leads what it is to lead."""
    for node in context.nodes(one.nodes):
        kept = node.folder.table.exists()
        replace_table(node, one.texts[node.name])
        old = f"; the old one is kept as {node.folder.damaged}" if kept else ""
        warn(context.progress, f"{node.name}: nodes.conf written anew{old}")
