"""Cluster nodes' own tables on disk: read from all, written only where Redis refused one."""

from collections.abc import Iterable

from redistopo.host.files import (
    private_folder,
    read_text,
    write_errors,
    write_private,
)
from redistopo.model.planning.plan import NodePlan


def nodes_conf_texts(nodes: Iterable[NodePlan]) -> dict[str, str]:
    """Address -> text of each node's nodes.conf, where there is one."""
    found = {node.address: read_text(node.folder.table) for node in nodes}
    return {address: text for address, text in found.items() if text}


def replace_table(node: NodePlan, text: str) -> None:
    """The node has that table; what it had is kept beside it."""
    if node.folder.table.exists():
        with write_errors(node.folder.damaged):
            node.folder.table.replace(node.folder.damaged)
    private_folder(node.folder.root)
    write_private(node.folder.table, text)
