"""Cluster nodes' own tables on disk: read from all, written only where Redis refused one."""

import re
from collections.abc import Iterable

from redistopo.host.host import Files
from redistopo.host.local_host import LOCAL
from redistopo.host.server_log import log_since_start
from redistopo.model.planning.plan import NodePlan
from redistopo.model.protocol.nodes_conf import parse_nodes_conf

_REFUSED = re.compile(r"^.*(?:corrupted|flag in \w+) cluster config file.*$", re.MULTILINE)
"""How a server speaks of a nodes.conf that it refuses (cluster_legacy.c, clusterLoadConfig);
of one that it can't write, on a full disk, it speaks otherwise."""


def nodes_conf_texts(nodes: Iterable[NodePlan], files: Files = LOCAL.files) -> dict[str, str]:
    """Address -> text of each node's nodes.conf, where there is one."""
    found = {node.address: files.read(node.folder.table) for node in nodes}
    return {address: text for address, text in found.items() if text}


def lost(node: NodePlan, files: Files = LOCAL.files) -> str:
    """Why the node would come back as a stranger to its cluster; "" where it wouldn't.

    Servers write the line `vars` last (cluster_legacy.c, clusterSaveConfig), and start without
    it: on fewer nodes, be it on the own line alone, and on no memory of what they voted for.
    """
    text = files.read(node.folder.table)
    if text is None:
        return "missing"
    if not text.strip("\0 \n"):
        return "empty"
    return "" if re.search(r"^vars ", text, re.MULTILINE) else "cut off"


def damaged_nodes_conf(node: NodePlan, files: Files = LOCAL.files) -> str:
    """The same, or that its table is none that a server takes."""
    text = files.read(node.folder.table)
    return lost(node, files) or ("" if text and parse_nodes_conf(text, node.address) else "damaged")


def nodes_conf_refusal(node: NodePlan, files: Files = LOCAL.files) -> str:
    """The line of its log with which the node's last start ended at its table; "" for none."""
    found = _REFUSED.search(log_since_start(files, node.folder.log))
    return found[0] if found else ""


def replace_table(node: NodePlan, text: str, files: Files = LOCAL.files) -> None:
    """The node has that table; what it had is kept beside it."""
    if files.status(node.folder.table):
        files.rename(node.folder.table, node.folder.damaged)
    files.private_folder(node.folder.root)
    files.write(node.folder.table, text)
