"""What a topology consists of after it grew or shrank, by the servers' own word."""

from typing import Any

import psutil
from redis.cluster import ClusterNode, RedisCluster

from support import judge
from support.project import Project


def shards(project: Project, port: int | None = None) -> dict[int, set[int]]:
    """Primary's port -> its replicas' ports, as one node of a cluster sees all of them."""
    with project.client(port) as client:
        lines = client.execute_command("CLUSTER NODES").items()
    by_id = {said["node_id"]: _port(address) for address, said in lines}
    found: dict[int, set[int]] = {}
    for address, said in lines:
        lead = by_id.get(said["master_id"], 0)
        found.setdefault(lead or _port(address), set()).update({_port(address)} if lead else ())
    return found


def slots(project: Project) -> dict[int, list[list[str]]]:
    """Primary's port -> the slots that it owns."""
    with project.client() as client:
        lines = client.execute_command("CLUSTER NODES").items()
    return {_port(address): said["slots"] for address, said in lines if said["slots"]}


def _port(address: str) -> int:
    return int(address.rpartition(":")[2].partition("@")[0])


def faults(project: Project, *ports: int) -> list[str]:
    """What the suite's judge finds wrong with a cluster of exactly these nodes."""
    found = judge.faults(list(ports), project.password, cluster=True)
    running = {
        one.laddr.port
        for server in project.servers()
        for one in psutil.Process(server.pid).net_connections("tcp")
        if one.status == psutil.CONN_LISTEN and one.laddr.port < 20000
    }
    return [*found, *([] if running == {*ports} else [f"servers at {sorted(running)}"])]


def cluster_client(project: Project) -> Any:
    return RedisCluster(
        startup_nodes=[ClusterNode("127.0.0.1", project.port)],
        password=project.password or None,
        decode_responses=True,
    )


def fill(project: Project, count: int) -> dict[str, str]:
    """Write so many keys to a cluster, and return them."""
    data = {f"key:{n}": f"value {n}" for n in range(count)}
    client = cluster_client(project)
    with client.pipeline() as pipe:
        for key, value in data.items():
            pipe.set(key, value)
        pipe.execute()
    return data


def read(project: Project, data: dict[str, str]) -> dict[str, str]:
    """The values of the same keys now."""
    with cluster_client(project).pipeline() as pipe:
        for key in data:
            pipe.get(key)
        return dict(zip(data, pipe.execute(), strict=True))


def key_counts(project: Project, *ports: int) -> list[int]:
    """DBSIZE of each of these nodes."""
    found = []
    for port in ports:
        with project.client(port) as client:
            found.append(client.dbsize())
    return found


def names(project: Project) -> dict[str, int]:
    """Node -> its port, as `status` lists them."""
    nodes = project.run("status", "--json", check=0).json["result"]["nodes"]
    return {one["name"]: one["endpoint"][1] for one in nodes}
