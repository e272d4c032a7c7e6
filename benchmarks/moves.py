"""A quarter of the slots moves to an empty shard: ours, and by the servers' own CLI."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from typing import Any

from redis import Redis, RedisCluster
from redis.cluster import ClusterNode
from redis.crc import key_slot

from benchmarks.servers import REDIS_7, VALKEY_8, VALKEY_ATOMIC, Range, on
from benchmarks.stage import Made, Stage

_KIND = ("cluster", "--shards", "4", "--replicas", "1", "--formation", "instant")
_QUARTER = 4096
_PAUSE = 0.0025
_LONGEST_ASK = 1.0
_VALUE = b"x" * 100
_LONGEST, _LONGEST_ATOMIC = 0.15, 0.25
"""Seconds that a write may take while slots move, on a machine that does nothing else."""


def full_slots(stage: Stage) -> tuple[float, float]:
    """Seconds with keys in the slots, and a client beside that loses nothing."""
    return _both(stage, stage.keys_of_move)


def empty_slots(stage: Stage) -> tuple[float, float]:
    """The same with no key anywhere."""
    return _both(stage, 0)


def atomic(stage: Stage, wanted: Range) -> tuple[float, float]:
    """Seconds with keys by the servers' atomic way, and of redis-cli with Redis 7.0."""
    mine = _one(on(stage, wanted), theirs=False)
    return mine, _one(on(stage, REDIS_7), theirs=True)


def atomic_by_cli(stage: Stage) -> tuple[float, float]:
    """The same beside valkey-cli's own atomic way, on the same servers."""
    way = "--cluster-use-atomic-slot-migration"
    return _both(on(stage, VALKEY_ATOMIC), stage.keys_of_move, way, longest=_LONGEST_ATOMIC)


def by_valkey_8(stage: Stage) -> tuple[float, float]:
    """With keys, beside valkey-cli, on servers of Valkey 8.1."""
    return _both(on(stage, VALKEY_8), stage.keys_of_move)


def _one(stage: Stage, *, theirs: bool) -> float:
    """One side alone, on its own servers."""
    with stage.topology((*_KIND, "--persistence", "none"), 8) as made:
        stage.up(made)
        password = made.wanted().password
        ours, cli = _commands(stage, made, password)
        if stage.slots_of_move == _QUARTER:
            stage.ours("rebalance", "--weight", "node4=0", "--dir", str(made.folder))
        _fill(made, password, stage.keys_of_move)
        with _client_beside(stage, made, password, longest=inf if theirs else _LONGEST_ATOMIC):
            return stage.timed(cli) if theirs else stage.ours(*ours, "--dir", str(made.folder))


def _both(stage: Stage, keys: int, *options: str, longest: float = _LONGEST) -> tuple[float, float]:
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
        with _client_beside(stage, made, password, longest=longest):
            took = stage.ours(*ours, *where)
        stage.ours(*back, *where)
        with _client_beside(stage, made, password):
            return took, stage.timed([*theirs, *(options if whole else ())])


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


def _write(client: Any, key: str, value: int) -> None:
    """Write a key as an application does, whose attempts are all part of its wait.

    A node that owned no slot is missing in redis-py's table, and at an ASK to it redis-py 8.1
    raises AttributeError ('NoneType' object has no attribute 'redis_connection': cluster.py,
    `_execute_command`). Nothing was written then, so it is tried again.
    """
    until = time.monotonic() + _LONGEST_ASK
    while True:
        try:
            client.set(key, value)
            return
        except AttributeError:
            if time.monotonic() > until:
                raise
            time.sleep(_PAUSE)


@contextmanager
def _client_beside(
    stage: Stage, made: Made, password: str, *, longest: float = inf
) -> Iterator[None]:
    """A client that writes all the time; a write that was acknowledged and lost is a violation, so
    is one that failed, and in the whole form one that took longer than `longest` seconds."""
    client = _cluster(made, password)
    acknowledged: list[str] = []
    waits: list[float] = []
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.wait(_PAUSE):
            number += 1
            key = f"written:{time.monotonic_ns()}:{number}"
            began = time.monotonic()
            try:
                _write(client, key, number)
            except Exception as error:  # noqa: BLE001  redis-py's own faults as well
                stage.violations.append(f"a write failed: {error!r}")
                return
            waits.append(time.monotonic() - began)
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
        if not stage.small and max(waits, default=0.0) > longest:
            stage.violations.append(f"a write took {max(waits) * 1000:.0f} ms")
        client.close()
