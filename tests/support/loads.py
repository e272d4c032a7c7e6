"""A drill's load on a test's project, and the faults that tests make by hand."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from redistopo.client.app_entry_point import EntryKind, EntryPoint, LoadRequest
from redistopo.model.protocol.credentials import Login
from redistopo.model.protocol.slots import split_slots
from support import judge
from support.engines import BUNDLED
from support.ports import leased
from support.project import Project
from support.waiting import until


@dataclass
class Server:
    """A bare server: what a load needs of a project, without redistopo."""

    port: int
    process: "subprocess.Popen[bytes]"
    password: str = ""
    size: int = 1

    @property
    def ports(self) -> list[int]:
        return [self.port]

    def pid(self, _node: int = 1) -> int:
        return self.process.pid

    def client(self, port: int = 0) -> Any:
        return judge.client(port or self.port)

    def answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except RedisError:
            return False


@contextmanager
def served(folder: Path) -> Iterator[Server]:
    """A server that answers, and is gone afterwards."""
    with leased() as port:
        argv = [BUNDLED.path, "--port", str(port), "--save", "", "--dir", str(folder)]
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
        server = Server(port, process)
        try:
            until(server.answers)
            yield server
        finally:
            process.kill()
            process.wait()


def way(project: Project | Server, **more: Any) -> EntryPoint:
    """To the cluster's nodes, or to the first node."""
    clustered = project.size > 3
    values: dict[str, Any] = {
        "kind": EntryKind.CLUSTER if clustered else EntryKind.PLAIN,
        "entries": tuple(("127.0.0.1", port) for port in project.ports),
        "access": Login(password=project.password),
    }
    return EntryPoint(**(values | more))


def request(project: Project | Server, **more: Any) -> LoadRequest:
    """On shard 1 of the cluster with the others as control, or on the only one."""
    shards = split_slots(3) if project.size > 3 else ()
    values: dict[str, Any] = {
        "id": "test",
        "way": way(project),
        "shards": {n: (part,) for n, part in enumerate(shards, start=1)} or {1: ()},
        "hurt": frozenset({1}),
        "rate": 200,
    }
    return LoadRequest(**(values | more))


def keys(project: Project | Server, port: int = 0) -> set[str]:
    """Every key that a server holds, by KEYS itself."""
    with project.client(port or project.port) as client:
        return set(client.keys("*"))


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """A process stands still (SIGSTOP), and goes on afterwards."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
