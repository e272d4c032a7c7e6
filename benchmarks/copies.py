"""Rows: a snapshot beside BGSAVE by hand, and an import beside redis-cli's."""

import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from redis import Redis

from benchmarks.stage import Made, Stage
from redistopo.host.polling import Deadline, wait_for

Pair = tuple[float, float | None]

_VALUE = 1000
_CLUSTER = ("cluster", "--shards", "3", "--replicas", "1", "--formation", "instant")
_PRIMARIES = (*_CLUSTER[:3], "--replicas", "0", *_CLUSTER[5:])


def save(stage: Stage) -> Pair:
    """Three shards of 330 MB in all (small: 3 MB): saved by us, then by BGSAVE on the replicas."""
    keys = 330_000 if stage.shards_of_many > 3 else 3000
    with stage.topology(_CLUSTER, 6) as made:
        stage.up(made)
        _fill(made, keys)
        ours = stage.ours("snapshot", "--dir", str(made.folder), "--no-verify", "-q")
        return ours, _by_hand(made)


def _fill(made: Made, keys: int) -> None:
    """As many keys of 1 kB in each shard; DEBUG POPULATE is disabled."""
    from redistopo.model.protocol.slots import split_slots

    # what can't be compressed, as in real data
    values = [secrets.token_hex(_VALUE // 2) for _ in range(1000)]
    shards = split_slots(made.shards)
    for port, owned in zip(made.ports, shards, strict=False):
        tag = _tag(owned.first, owned.last)
        with closing(_client(port, made.wanted().password)) as client:
            for first in range(0, keys // made.shards, 1000):
                pipe = client.pipeline(transaction=False)
                for number in range(first, first + 1000):
                    pipe.set(f"{{{tag}}}:{number}", f"{number}{values[number % 1000]}")
                pipe.execute()
    for port in made.ports:
        with closing(_client(port, made.wanted().password)) as client:
            while client.info("persistence")["aof_rewrite_in_progress"]:
                client.ping()


def _tag(first: int, last: int) -> str:
    from redistopo.model.protocol.slots import slot_of

    return next(str(n) for n in range(20000) if first <= slot_of(str(n)) <= last)


def _client(port: int, password: str = "") -> "Redis[Any]":
    return Redis(port=port, password=password or None, protocol=2, socket_timeout=60)


def _by_hand(made: Made) -> float:
    """Seconds of BGSAVE on all replicas at a time, until the last has saved."""
    password = made.wanted().password
    clients = [_client(port, password) for port in made.ports]
    replicas = [one for one in clients if one.info("replication")["role"] == "slave"]
    began = time.perf_counter()
    for one in replicas:
        one.bgsave()
    while any(one.info("persistence")["rdb_bgsave_in_progress"] for one in replicas):
        pass
    took = time.perf_counter() - began
    for one in clients:
        one.close()
    return took


def import_keys(stage: Stage) -> Pair:
    """200,000 keys of 100 bytes (small: 2,000) of a standalone server, into three primaries."""
    keys = 200_000 if stage.shards_of_many > 3 else 2000
    with _source(stage, keys) as port:
        with stage.topology(_PRIMARIES, 3) as made:
            stage.up(made)
            source = f"127.0.0.1:{port}"
            ours = stage.ours("import", "--dir", str(made.folder), "--from", source, "-q")
            found = _keys(made)
            if found != keys:
                stage.violations.append(f"{found} keys of {keys} were imported")
        with stage.topology((*_PRIMARIES, "--no-auth"), 3) as made:
            stage.up(made)
            first = f"127.0.0.1:{made.ports[0]}"
            words = ["--cluster", "import", first, "--cluster-from", source, "--cluster-copy"]
            return ours, stage.timed([stage.cli, *words])


def _keys(made: Made) -> int:
    total = 0
    for port in made.ports:
        with closing(_client(port, made.wanted().password)) as client:
            total += int(client.dbsize())
    return total


@contextmanager
def _source(stage: Stage, keys: int) -> Iterator[int]:
    (port,) = stage.ports(1)
    words = ["--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    server = subprocess.Popen(
        [stage.server, *words], cwd=stage.folder("source"), stdout=subprocess.DEVNULL
    )
    try:
        with closing(_client(port)) as client:
            wait_for(lambda: _listens(client) or None, Deadline(10))
            for first in range(0, keys, 1000):
                client.mset({f"key:{number}": "x" * 100 for number in range(first, first + 1000)})
        yield port
    finally:
        server.kill()
        server.wait()


def _listens(client: "Redis[Any]") -> bool:
    from redis.exceptions import ConnectionError as NotYet

    try:
        return bool(client.ping())
    except NotYet:
        return False
