"""A cluster node gets the nodes.conf that was decided on; the old file is kept."""

from redistopo.execute.context import ExecutionContext
from redistopo.model.planning.step import Step
from redistopo.progress import warn


def rewrite_nodes_conf(context: ExecutionContext, one: Step) -> None:
    """Write each node's repaired nodes.conf, with which it rejoins its cluster, or is promoted."""
    files = context.host.files
    for node in context.nodes(one.nodes):
        old = ""
        if files.status(node.folder.table):
            files.rename(node.folder.table, node.folder.damaged)
            old = f"; the old one is kept as {node.folder.damaged}"
        files.private_folder(node.folder.root)
        files.write(node.folder.table, one.texts[node.name])
        warn(context.progress, f"{node.name}: nodes.conf was rebuilt{old}")
