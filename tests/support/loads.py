"""A drill's load on a test's project, and the faults that tests make by hand."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redistopo.drills.load import Door, LoadRequest, Way
from redistopo.model.access import Access
from redistopo.model.slots import split
from support.project import Project


def way(project: Project, **more: Any) -> Way:
    """To the cluster's nodes, or to the first node."""
    clustered = project.size > 3
    values: dict[str, Any] = {
        "door": Door.CLUSTER if clustered else Door.PLAIN,
        "entries": tuple(("127.0.0.1", port) for port in project.ports),
        "access": Access(password=project.password),
    }
    return Way(**(values | more))


def request(project: Project, **more: Any) -> LoadRequest:
    """On shard 1 of the cluster with the others as control, or on the only one."""
    shards = split(3) if project.size > 3 else ()
    values: dict[str, Any] = {
        "id": "test",
        "way": way(project),
        "shards": {n: (part,) for n, part in enumerate(shards, start=1)} or {1: ()},
        "hurt": frozenset({1}),
        "rate": 200,
    }
    return LoadRequest(**(values | more))


def keys(project: Project, port: int = 0) -> set[str]:
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
