"""Chaos by a seed: faults, verbs killed at random moments, and a writer that remembers."""

import os
import random
import signal
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import redis
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.exceptions import RedisClusterException, RedisError
from redis.retry import Retry

from support.project import Project, servers_below

VERBS = (
    "up",
    "up",
    "down",
    "restart --rolling",
    "restart replica",
    "secret rotate",
    "verify",
    "status",
    "stop node2",
    "start",
    "failover",
    "set maxmemory 50mb",
)


class Writer(threading.Thread):
    """Writes keys, and notes on disk each one that a primary and every replica of its shard have
    acknowledged (WAIT): what only a primary had may be lost with it. It writes every `pause`
    seconds."""

    pause = 0.004

    def __init__(self, project: Project, log: Path, copies: int, *, clustered: bool) -> None:
        super().__init__(daemon=True)
        self._project, self._copies, self._clustered = project, copies, clustered
        self._log = log.open("a")
        self._enough = threading.Event()
        self.acknowledged: list[str] = []

    def run(self) -> None:
        number, client = 0, None
        while not self._enough.wait(self.pause):
            number += 1
            try:
                client = client or self._connect()
                if self._write(client, f"k{number}"):
                    self._log.write(f"k{number}\n")
                    self._log.flush()
                    os.fsync(self._log.fileno())
                    self.acknowledged.append(f"k{number}")
            except (RedisError, RedisClusterException, OSError, KeyError, IndexError):
                with suppress(Exception):
                    client.close()  # type: ignore[union-attr]
                client = None

    def _connect(self) -> Any:
        options: dict[str, Any] = {
            "password": self._project.password,
            "socket_timeout": 0.5,
            "socket_connect_timeout": 0.5,
            "retry": Retry(NoBackoff(), 0),
        }
        if self._clustered:
            return RedisCluster(host="127.0.0.1", port=self._project.port, **options)
        for port in self._project.ports:
            client = redis.Redis(port=port, **options)
            with suppress(RedisError):
                if client.role()[0] in ("master", b"master"):
                    return client
            client.close()
        raise redis.ConnectionError("no primary")

    def _write(self, client: Any, key: str) -> bool:
        if not self._clustered:
            with client.pipeline(transaction=False) as pipe:
                replies = pipe.set(key, key).wait(self._copies, 200).execute()
            return bool(replies[0]) and replies[1] >= self._copies
        node = client.get_node_from_key(key)
        connection = node.redis_connection or client.get_redis_connection(node)
        with connection.pipeline(transaction=False) as pipe:
            pipe.execute_command("SET", key, key)
            pipe.execute_command("WAIT", self._copies, 200)
            replies = pipe.execute()
        return bool(replies[0]) and int(replies[1]) >= self._copies

    def finish(self) -> None:
        self._enough.set()
        self.join(5)
        self._log.close()


@dataclass
class Chaos:
    """One round on a project; `done` tells what was done, for a report."""

    project: Project
    seed: int
    done: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def act(self) -> None:
        """One fault."""
        actions: tuple[Callable[[], None], ...] = (
            self._killed_verb,
            self._killed_verb,
            self._two_verbs,
            self._killed_server,
            self._frozen_server,
            self._cut_replica,
            self._raw,
        )
        self._random.choice(actions)()

    def _begin(self, verb: str) -> "subprocess.Popen[str]":
        self.done.append(verb)
        return self.project.begin(*verb.split())

    def _killed_verb(self) -> None:
        process = self._begin(self._random.choice(VERBS))
        seconds = self._random.uniform(0.05, 1.2)
        self.done[-1] += f", killed after {seconds:.3f} s"
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=seconds)
        process.kill()
        process.communicate()

    def _two_verbs(self) -> None:
        some = [self._begin(self._random.choice(VERBS)) for _ in range(2)]
        for one in some:
            try:
                one.communicate(timeout=90)
            except subprocess.TimeoutExpired:
                one.kill()
                raise

    def _servers(self) -> list[psutil.Process]:
        return servers_below(self.project.root)

    def _killed_server(self) -> None:
        if servers := self._servers():
            one = self._random.choice(servers)
            self.done.append(f"kill -9 {one.cwd()[-6:]}")
            one.kill()

    def _frozen_server(self) -> None:
        if servers := self._servers():
            one = self._random.choice(servers)
            self.done.append(f"kill -STOP {one.cwd()[-6:]}")
            one.send_signal(signal.SIGSTOP)

    def _cut_replica(self) -> None:
        """A replica is stopped, and its log is cut at a random place."""
        self.project.run("stop", "node3", "--timeout", "10s")
        for path in sorted(self.project.folder(3).glob("appendonlydir/*.incr.aof")):
            if path.stat().st_size and not self._running(3) and self._follows(3):
                size = self._random.randrange(path.stat().st_size)
                self.done.append(f"cut {path.name} of node3 to {size}")
                os.truncate(path, size)

    def _running(self, number: int) -> bool:
        return any(one.cwd().endswith(f"node{number}") for one in self._servers())

    def _follows(self, number: int) -> bool:
        """Whether it was a replica when it was stopped, and another node runs as primary."""
        path = self.project.root / ".redistopo" / "stopped" / f"node{number}.json"
        return path.exists() and '"role": "slave"' in path.read_text()

    def _raw(self) -> None:
        port = self._random.choice(self.project.ports)
        command = self._random.choice(
            ("CONFIG REWRITE", "CONFIG SET maxmemory 60mb", "BGREWRITEAOF", "CLUSTER FAILOVER")
        )
        self.done.append(f"{port}: {command}")
        with suppress(RedisError, OSError), self.project.client(port) as node:
            node.execute_command(*command.split())
