"""The suite's own judge of a topology: redis-py and nothing of ours.

Strictly healthy: every node says cluster_state:ok with 16384 slots ok, knows all nodes,
none failing, all linked; all have one view of slots and roles; every replica's link is up
and online at its primary.
"""

from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from support.waiting import until


def client(
    port: int, password: str = "", host: str = "127.0.0.1", *, user: str = ""
) -> "Redis[Any]":
    """A plain client that neither retries nor waits long."""
    return Redis(
        host=host,
        port=port,
        username=user or None,
        password=password or None,
        decode_responses=True,
        socket_timeout=3,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )


def await_written(client: Any) -> None:
    """What the server acknowledged is in its append-only file, if it keeps one.

    It holds writes back for up to 2 s while its disk is busy with a sync (aof.c,
    flushAppendOnlyFile). And a replica that was just copied to writes its log anew: until that
    has ended, the log that a start would read is the old one (aof.c, AOF_WAIT_REWRITE). A kill
    before that loses either.
    """
    waiting = ("aof_buffer_length", "aof_rewrite_in_progress", "aof_rewrite_scheduled")

    def written() -> bool:
        told = client.info("persistence")
        return not any(told.get(one) for one in waiting)

    until(written)


def faults(ports: list[int], password: str, *, cluster: bool) -> list[str]:
    """Everything that isn't strictly healthy; empty when all is well."""
    return faults_at([("127.0.0.1", port) for port in ports], password, cluster=cluster)


def faults_at(addresses: list[tuple[str, int]], password: str, *, cluster: bool) -> list[str]:
    """The same, of nodes at several addresses."""
    found: list[str] = []
    views = set()
    for host, port in addresses:
        with client(port, password, host) as node:
            info = node.info()
            found += _replication_faults(port, info)
            if cluster:
                said = node.execute_command("CLUSTER INFO")
                found += [
                    f"{host}:{port}: {key} is {said.get(key)}"
                    for key, wanted in (
                        ("cluster_state", "ok"),
                        ("cluster_slots_ok", "16384"),
                        ("cluster_known_nodes", str(len(addresses))),
                    )
                    if str(said.get(key)) != wanted
                ]
                view, troubles = _view(port, node)
                views.add(view)
                found += troubles
    if len(views) > 1:
        found.append(f"{len(views)} different views of slots and roles")
    return found


def _replication_faults(port: int, info: dict[str, Any]) -> list[str]:
    if info["role"] == "slave":
        state = info["master_link_status"]
        return [] if state == "up" else [f"{port}: link is {state}"]
    return [
        f"{port}: replica {info[f'slave{n}']} is not online"
        for n in range(info["connected_slaves"])
        if info[f"slave{n}"]["state"] != "online"
    ]


def _view(port: int, node: "Redis[Any]") -> tuple[frozenset[tuple[str, ...]], list[str]]:
    troubles = []
    view = set()
    for address, said in node.execute_command("CLUSTER NODES").items():
        flags = said["flags"].replace("myself,", "")
        role = "replica" if "slave" in flags else "primary"
        if "fail" in flags or "handshake" in flags or not said["connected"]:
            troubles.append(f"{port}: sees {address} as {flags}, connected {said['connected']}")
        view.add((said["node_id"], role, said["master_id"], str(said["slots"])))
    return frozenset(view), troubles


def roles(ports: list[int], password: str = "") -> dict[int, str]:
    """Port -> master or slave, by each node's own word."""
    found = {}
    for port in ports:
        with client(port, password) as node:
            found[port] = node.info("replication")["role"]
    return found
