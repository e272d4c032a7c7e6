"""A topology with a baseline, and what bare redis-py sees of it: what a next test would see."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

import redistopo
from redistopo.api.baseline import Baseline
from support import judge
from support.engines import BUNDLED
from support.ports import leased
from support.project import Project
from support.waiting import until

_SLOW = 60_000_000
"""Microseconds: no command gets into the slow log because the machine is busy."""


@dataclass
class Tried:
    """One topology for many tests; `kept` are connections that a test leaves open."""

    project: Project
    topology: redistopo.Topology
    baseline: Baseline
    clustered: bool
    kept: list[Any]

    def client(self, node: int = 1) -> Any:
        return self.project.client(self.project.port + node - 1)

    def ask(self, node: int, *words: str | int) -> Any:
        with self.client(node) as client:
            client.response_callbacks.clear()
            return client.execute_command(*words)

    def sentinel(self, *words: str | int, number: int = 1) -> Any:
        with self.project.sentinel(number) as client:
            return client.execute_command(*words)

    def end_test(self) -> None:
        """What a test left that failed before its own `restore` must not fail the next one."""
        for one in self.kept:
            one.close()
        self.kept.clear()
        self.restore()

    def restore(self) -> tuple[str, ...]:
        """What `restore` reports; where it fails, what it saw is in the test's report."""
        try:
            return self.baseline.restore().healed
        except redistopo.RedistopoError as error:
            error.add_note(error.detail)
            raise

    def write(self) -> None:
        """A key on each primary, which its replicas may have or not, logged as slow."""
        for port in self.project.ports:
            with judge.client(port, self.project.password) as client:
                if client.role()[0] == "master":
                    key = _key_of(client, clustered=self.clustered)
                    client.config_set("slowlog-log-slower-than", 0)
                    client.set(key, "1")
                    client.config_set("slowlog-log-slower-than", _SLOW)
                    assert client.slowlog_len() > 0

    def seen(self) -> list[dict[str, object]]:
        """Everything of each node that a test could depend on, apart from its identity."""
        found = []
        for port in self.project.ports:
            with self.project.client(port) as client:
                client.response_callbacks.clear()
                found.append(_of_data_node(client, clustered=self.clustered))
        for number in range(1, self.project.sentinels + 1):
            with self.project.sentinel(number) as client:
                found.append(_of_sentinel(client))
        return found


def _key_of(client: Any, *, clustered: bool) -> str:
    """A key that this primary serves."""
    for number in range(1000 if clustered else 1):
        try:
            client.get(f"key:{number}")
        except redis.ResponseError:
            continue
        return f"key:{number}"
    raise AssertionError("no key for this node")


def _of_data_node(client: Any, *, clustered: bool) -> dict[str, object]:
    config = client.execute_command("CONFIG", "GET", "*")
    listed = client.execute_command("CLIENT", "LIST").splitlines()
    flags = [one.split("flags=")[1].split(" ")[0] for one in listed if "name=sentinel-" not in one]
    found = {
        "config": dict(zip(config[::2], config[1::2], strict=True)),
        "users": _users(client),
        "keys": client.execute_command("DBSIZE"),
        "role": client.execute_command("ROLE")[0],
        "channels": client.execute_command("PUBSUB", "CHANNELS", "[^_]*"),
        "used": [one for one in flags if set(one) & set("PxbOt") and not set(one) & set("MS")],
        "modules": [one[1] for one in client.execute_command("MODULE", "LIST")],
        "slow": client.execute_command("SLOWLOG", "LEN"),
    }
    if clustered:
        until(lambda: _linked(client), what="every link of the cluster bus is connected")
        lines = (one.split() for one in client.execute_command("CLUSTER", "NODES").splitlines())
        found["table"] = sorted(
            (one[1].split("@")[0], one[2].replace("myself,", ""), one[7], *one[8:]) for one in lines
        )
        info = client.execute_command("CLUSTER", "INFO")
        found["state"] = info.splitlines()[0]
    return found


def _linked(client: Any) -> bool:
    """A node connects a link of the bus that was closed again within a tenth of a second, and more
    where the machine is busy; no client sees that."""
    return " disconnected" not in client.execute_command("CLUSTER", "NODES")


def _of_sentinel(client: Any) -> dict[str, object]:
    kept = (
        "name", "ip", "port", "flags", "quorum", "down-after-milliseconds", "failover-timeout",
        "parallel-syncs", "num-slaves", "num-other-sentinels",
    )  # fmt: skip
    primaries = []
    for one in client.execute_command("SENTINEL", "MASTERS"):
        values = dict(zip(one[::2], one[1::2], strict=True))
        primaries.append({name: values[name] for name in kept})
    config = client.execute_command("SENTINEL", "CONFIG", "GET", "*")
    return {"primaries": primaries, "config": config, "users": _users(client)}


def _users(client: Any) -> list[list[str]]:
    """The rules of each user, whose order older servers leave open."""
    listed = client.execute_command("ACL", "LIST")
    return [sorted(set(one.split()) - {"sanitize-payload"}) for one in listed]


@contextmanager
def tried(folder: Path, shape: str, *words: str, engine: str = "") -> Iterator[Tried]:
    """A topology that runs, with a baseline; nothing of it is left."""
    with leased() as port:
        project = Project(folder, port)
        try:
            slow = ("--set", f"slowlog-log-slower-than={_SLOW}")
            project.init(shape, *words, *slow, engine=engine or BUNDLED.path)
            project.up()
            topology = redistopo.Topology.open(folder)
            with Baseline.take(topology) as baseline:
                yield Tried(project, topology, baseline, shape == "cluster", [])
        finally:
            project.cleanup()


def changes(before: list[dict[str, object]], now: list[dict[str, object]]) -> list[object]:
    """What differs, node by node."""
    found: list[object] = []
    for number, (was, seen) in enumerate(zip(before, now, strict=True), 1):
        for name, value in was.items():
            if isinstance(value, dict):
                found += [
                    (number, key, one, seen[name][key])  # type: ignore[index]
                    for key, one in value.items()
                    if seen[name][key] != one
                ]  # type: ignore[index]
            elif seen[name] != value:
                found.append((number, name, value, seen[name]))
    return found


Break = Callable[[Tried], object]
"""What a test does to a topology."""


def healed_after(made: Tried, damage: Break) -> str:
    """What `restore` reports after the damage: the next test sees what the first one saw."""
    before = made.seen()
    made.write()
    damage(made)
    healed = made.restore()
    left = changes(before, made.seen())
    assert left == [], left
    assert made.project.faults(cluster=made.clustered) == []
    assert made.restore() == ()
    return "\n".join(healed)
