"""A quarter of the slots moves to an empty shard: ours, and by the servers' own CLI."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis import Redis, RedisCluster
from redis.cluster import ClusterNode
from redis.crc import key_slot

from benchmarks.stage import Made, Stage

_KIND = ("cluster", "--shards", "4", "--replicas", "1", "--formation", "instant")
_QUARTER = 4096
_PAUSE = 0.0025
_VALUE = b"x" * 100


def full_slots(stage: Stage) -> tuple[float, float]:
    """Seconds with keys in the slots, and a client beside that loses nothing."""
    return _both(stage, stage.keys_of_move)


def empty_slots(stage: Stage) -> tuple[float, float]:
    """The same with no key anywhere."""
    return _both(stage, 0)


def _both(stage: Stage, keys: int) -> tuple[float, float]:
    with stage.topology((*_KIND, "--persistence", "none"), 8) as made:
        stage.up(made)
        where = ("--dir", str(made.folder))
        password = made.wanted().password
        ours, theirs = _commands(stage, made, password)
        whole = stage.slots_of_move == _QUARTER
        back = ("rebalance", "--weight", "node4=0") if whole else (*ours[:2], "--to", "node1")
        if whole:
            stage.ours(*back, *where)
        _fill(made, password, keys)
        with _client_beside(stage, made, password):
            took = stage.ours(*ours, *where)
        stage.ours(*back, *where)
        with _client_beside(stage, made, password):
            return took, stage.timed(theirs)


def _commands(stage: Stage, made: Made, password: str) -> tuple[list[str], list[str]]:
    """Ours, and the CLI's; in the small form, both move a few slots of the first node."""
    entry = f"127.0.0.1:{made.ports[0]}"
    auth = ["-a", password, "--no-auth-warning"] if password else []
    cli = [stage.cli, *auth, "--cluster"]
    if stage.slots_of_move == _QUARTER:
        return ["rebalance"], [*cli, "rebalance", entry, "--cluster-use-empty-masters"]
    source, target = (_id(port, password) for port in (made.ports[0], made.ports[3]))
    ends = ["--cluster-from", source, "--cluster-to", target]
    count = ["--cluster-slots", str(stage.slots_of_move), "--cluster-yes"]
    few = f"0-{stage.slots_of_move - 1}"
    return ["move-slots", few, "--to", "node4"], [*cli, "reshard", entry, *ends, *count]


def _id(port: int, password: str) -> str:
    with Redis(port=port, password=password or None, decode_responses=True) as node:
        return str(node.execute_command("CLUSTER", "MYID"))


def _fill(made: Made, password: str, keys: int) -> None:
    """Keys of 100 bytes, as evenly over the slots as their names are."""
    if not keys:
        return
    client = _cluster(made, password)
    pipes: dict[int, Any] = {}
    for number in range(keys):
        key = b"key:%d" % number
        port = client.nodes_manager.get_node_from_slot(key_slot(key)).port
        if port not in pipes:
            pipes[port] = Redis(port=port, password=password or None).pipeline(transaction=False)
        pipes[port].set(key, _VALUE)
    for pipe in pipes.values():
        pipe.execute()
    client.close()


def _cluster(made: Made, password: str) -> Any:
    nodes = [ClusterNode("127.0.0.1", port) for port in made.ports]
    return RedisCluster(startup_nodes=nodes, password=password or None)


@contextmanager
def _client_beside(stage: Stage, made: Made, password: str) -> Iterator[None]:
    """A client that writes all the time; a write that was acknowledged and lost is a violation."""
    client = _cluster(made, password)
    acknowledged: list[str] = []
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.wait(_PAUSE):
            number += 1
            key = f"written:{time.monotonic_ns()}:{number}"
            client.set(key, number)
            acknowledged.append(key)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        lost = [key for key in acknowledged if client.get(key) is None]
        stage.violations += [f"{len(lost)} acknowledged writes lost"] if lost else []
        client.close()
