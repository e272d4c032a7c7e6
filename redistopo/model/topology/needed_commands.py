"""Commands that replicas, Sentinels and redistopo send to data nodes, which can't be renamed."""

from collections.abc import Iterator

from redistopo.model.protocol.sentinel_replies import FAILOVER_COMMANDS
from redistopo.model.topology.check_key import TopologyProblem
from redistopo.model.topology.spec import Shape, Topology

_OF_REPLICAS = frozenset({"PING", "AUTH", "REPLCONF", "PSYNC"})
"""Source: replication.c, syncWithMaster."""

_OF_SENTINELS = frozenset({"MULTI", "EXEC"} | {words[0] for words in FAILOVER_COMMANDS})

_READ_WITH = "redistopo reads the state of each node with it"


def renamed_commands(topology: Topology) -> Iterator[TopologyProblem]:
    """Yield each `rename-command` that would stop replication, a failover by Sentinels, or every
    command of redistopo."""
    needed = {"INFO": _READ_WITH}
    if topology.shape is Shape.CLUSTER:
        needed["CLUSTER"] = f"nodes are joined with it, and {_READ_WITH}"
    if topology.shape is Shape.SENTINEL:
        needed |= dict.fromkeys(_OF_SENTINELS, "Sentinels send it to data nodes")
    if topology.replicas:
        needed |= dict.fromkeys(_OF_REPLICAS, "replicas send it to their primary")
    tables = {"redis": topology.redis, **{f"nodes.{n}": t for n, t in topology.nodes.items()}}
    for where, table in tables.items():
        for line in table.get("rename-command", ()):
            name = (line.split() or [""])[0].strip("\"'").upper()
            if name in needed:
                yield TopologyProblem(
                    f"{where}.rename-command",
                    f"renames {name}",
                    needed[name],
                    hint="to keep applications from it, use ACL users: acl = true",
                )
