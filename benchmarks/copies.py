"""Rows: a snapshot and a clone beside the same by hand, and an import beside redis-cli's."""

import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from redis import Redis

from benchmarks.stage import Made, Stage, end_servers_in
from redistopo.host.polling import Deadline, wait_for

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from support.writers import writing

Pair = tuple[float, float | None]

_VALUE = 1000
_CLUSTER = ("cluster", "--shards", "3", "--replicas", "1", "--formation", "instant")
_PRIMARIES = (*_CLUSTER[:3], "--replicas", "0", *_CLUSTER[5:])


def save(stage: Stage) -> Pair:
    """Three shards of 330 MB in all (small: 3 MB): saved by us, then by BGSAVE on the replicas."""
    keys = 3000 if stage.small else 330_000
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
    keys = 2000 if stage.small else 200_000
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


def clone(stage: Stage) -> Pair:
    """A second cluster with that data, beside BGSAVE, and what its servers take by themselves to
    load the files and to sync the replicas."""
    with stage.topology(_CLUSTER, 6) as made:
        stage.up(made)
        _fill(made, 3000 if stage.small else 330_000)
        second = stage.folder("second") / "clone"
        ours = stage.ours("clone", str(second), "--dir", str(made.folder), "-q")
        saved = _by_hand(made)
        try:
            # a replica without a log of its own saves first
            stage.ours("down", "--dir", str(second), "--timeout", "10m", "-q")
            return ours, saved + _loaded(stage, second, _keys(made))
        finally:
            stage.ours("down", "--dir", str(second), "--wipe", "--yes", "-q")
            end_servers_in(second)


def _loaded(stage: Stage, folder: Path, keys: int) -> float:
    """Seconds until servers that were started by hand have all keys, replicas by a full sync."""
    nodes = sorted((folder / ".redistopo" / "nodes").iterdir())
    password = (folder / ".redistopo" / "password").read_text().strip()
    replicas = [one for one in nodes if " myself,slave " in (one / "nodes.conf").read_text()]
    for one in replicas:
        shutil.rmtree(one / "appendonlydir", ignore_errors=True)
        (one / "dump.rdb").unlink(missing_ok=True)
    began = time.perf_counter()
    servers = [
        subprocess.Popen([stage.server, one / "redis.conf"], cwd=one, stdout=subprocess.DEVNULL)
        for one in nodes
    ]
    ports = [_port(one / "redis.conf") for one in nodes]
    wait_for(lambda: _all_have(ports, password, keys) or None, Deadline(300))
    took = time.perf_counter() - began
    for server in servers:
        server.kill()
        server.wait()
    return took


def _port(conf: Path) -> int:
    lines = (line.split() for line in conf.read_text().splitlines())
    return next(int(words[1]) for words in lines if words[:1] == ["port"])


def _all_have(ports: list[int], password: str, keys: int) -> bool:
    from redis.exceptions import RedisError

    total = 0
    for port in ports:
        with closing(_client(port, password)) as client:
            try:
                total += int(client.dbsize())
            except RedisError:
                return False
    return total >= keys


def paused(stage: Stage) -> Pair:
    """Seconds that writers waited for a snapshot of one moment, by themselves."""
    with stage.topology(_CLUSTER, 6) as made:
        stage.up(made)
        _fill(made, 3000 if stage.small else 330_000)
        with writing(list(made.ports), made.wanted().password, clustered=True) as writers:
            stage.ours("snapshot", "--dir", str(made.folder), "--no-verify", "--pause", "-q")
        if lost := writers.lost():
            stage.violations.append(f"{len(lost)} acknowledged writes lost")
        return max(writers.longest_gap(who) for who in range(writers.clients)), None
