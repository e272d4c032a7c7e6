"""What a test compares of servers that redistopo must leave alone, by redis-py alone."""

from collections.abc import Iterable
from contextlib import closing

from support.byhand import ByHand, listening
from support.judge import client
from support.waiting import until

Trace = dict[int, tuple[object, ...]]
"""Port -> pid, role, offset's history, config epoch and settings of a server."""


def traces(ports: Iterable[int], password: str = "") -> Trace:
    """What shows that a server was restarted, promoted or configured."""
    found: Trace = {}
    for port in ports:
        with closing(client(port, password)) as node:
            info = node.info()
            config = node.config_get("*")
            epoch: object = 0
            if info["cluster_enabled"]:
                epoch = node.execute_command("CLUSTER INFO")["cluster_my_epoch"]
            settings = tuple(sorted(config.items()))
            found[port] = (
                info["process_id"], info["run_id"], info["role"], info["master_replid"], epoch,
                settings,
            )  # fmt: skip
    return found


def linked(port: int, password: str = "") -> None:
    """A replica's link is up now."""
    with closing(client(port, password)) as node:
        until(lambda: node.info("replication")["master_link_status"] == "up")


def odd_cluster(by_hand: ByHand, first: int) -> list[int]:
    """A cluster as nobody plans it: slots in pieces, a primary without any, and one shard alone
    with replicas, two of them."""
    ports = list(range(first, first + 6))
    for port in ports:
        by_hand.start(
            port, "--cluster-enabled", "yes", "--cluster-node-timeout", "4000",
            "--cluster-allow-replica-migration", "no", "--maxmemory", "64mb",
            *(("--maxclients", "500") if port == first + 4 else ()),
        )  # fmt: skip
    for port in ports:
        listening(port)
    shares = ((0, 5000, 16000, 16383), (5001, 5001), (5002, 15999))
    with closing(client(first)) as node:
        for port in ports[1:]:
            node.execute_command("CLUSTER", "MEET", "127.0.0.1", port)
    for port, share in zip(ports, shares, strict=False):
        with closing(client(port)) as node:
            node.execute_command("CLUSTER", "ADDSLOTSRANGE", *share)
    with closing(client(first)) as node:
        own = node.execute_command("CLUSTER MYID")
    for port in ports[4:]:
        with closing(client(port)) as node:
            until(lambda: own in str(node.execute_command("CLUSTER NODES")))
            node.execute_command("CLUSTER", "REPLICATE", own)
    for port in ports:
        with closing(client(port)) as node:
            until(lambda: agrees(node, len(ports)), what=lambda: str(node.info("replication")))
    return ports


def agrees(node: object, count: int) -> bool:
    """A node knows all others, and its links are up."""
    table = node.execute_command("CLUSTER NODES")  # type: ignore[attr-defined]
    told = node.execute_command("CLUSTER INFO")  # type: ignore[attr-defined]
    replicas = sum("slave" in one["flags"] for one in table.values())
    info = node.info("replication")  # type: ignore[attr-defined]
    linked = info.get("master_link_status", "up") == "up"
    return (told["cluster_state"], len(table), replicas, linked) == ("ok", count, 2, True)
