"""Cluster nodes' own tables on disk: read from all, written only where Redis refused one."""

from collections.abc import Iterable

from redistopo.host.host import Files
from redistopo.host.local_host import LOCAL
from redistopo.model.planning.plan import NodePlan


def nodes_conf_texts(nodes: Iterable[NodePlan], files: Files = LOCAL.files) -> dict[str, str]:
    """Address -> text of each node's nodes.conf, where there is one."""
    found = {node.address: files.read(node.folder.table) for node in nodes}
    return {address: text for address, text in found.items() if text}


def replace_table(node: NodePlan, text: str, files: Files = LOCAL.files) -> None:
    """The node has that table; what it had is kept beside it."""
    if files.status(node.folder.table):
        files.rename(node.folder.table, node.folder.damaged)
    files.private_folder(node.folder.root)
    files.write(node.folder.table, text)
