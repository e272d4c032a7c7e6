"""Units of nodes: their names, and which nodes may start with their host, before redistopo has
seen the others."""

import re

from redistopo.model.protocol.conf import Directives
from redistopo.model.protocol.data_files import keeps_data


def unit_name(base: str, node: str) -> str:
    """Return the name of a node's unit: that of the topology's folder is in it, since a clone of
    the topology on the same machines has another."""
    stem = re.sub(r"[^A-Za-z0-9_.-]", "_", base.rpartition("/")[2])
    return f"redistopo-{stem}-{node}.service"


def held_back(conf: Directives, *, data_nodes: int, watched: bool) -> str:
    """Return why a node isn't started with its host; "" if it is.

    `conf` is its configuration, `data_nodes` how many servers of the topology have data, `watched`
    whether Sentinels watch them. A primary that starts empty has its replicas empty themselves
    (Redis' documentation, "Safety of replication when master has persistence turned off"). A
    replication's files have the roles of the last start; a cluster's nodes.conf, and files that
    Sentinels have rewritten, have those since the last failover.
    """
    if "sentinel" in conf or data_nodes == 1:
        return ""
    if not keeps_data(conf):
        return "it keeps no data on disk: an empty primary would empty its replicas"
    if watched or conf.get("cluster-enabled", ("no",))[-1] == "yes":
        return ""
    return "its file doesn't say which node is primary since the last failover"
