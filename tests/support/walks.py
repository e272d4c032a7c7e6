"""Random walks of a cluster that grows and shrinks, by a seed; judged by raw commands."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

import psutil
from redis.crc import key_slot

from support import judge
from support.chaos import Writer
from support.grown import cluster_client
from support.mortal import Nursery
from support.project import Project
from support.waiting import until

AT = {"commands": ["MEET", "REPLICATE", "SETSLOT", "MIGRATE", "RESET", "FORGET", "FAILOVER"]}
"""Boundaries besides the usual ones, at which a verb may be killed: these commands."""

_LATEST = 60
"""The last boundary at which a verb is killed; most have fewer."""


@dataclass
class Walk:
    """One walk of a cluster of two or three shards; `done` tells its steps, for a report."""

    project: Project
    mortal: Nursery
    seed: int
    done: list[str] = field(default_factory=list)
    shards: int = 2
    replicas: int = 1

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def act(self) -> None:
        """One step, and what settles it."""
        steps: tuple[Callable[[], None], ...] = (
            self._scaled,
            self._scaled,
            self._killed,
            self._killed,
            self._rebalanced,
            self._moved,
            self._failed_over,
            self._node_killed,
        )
        self._random.choice(steps)()

    def home(self) -> None:
        """As many nodes as in the beginning."""
        if self.shards == 3:
            self._run("shrink")
        if self.replicas == 2:
            self._run("fewer")

    def _size(self) -> str:
        """A verb that changes the number of shards or replicas, and back."""
        if self._random.random() < 0.7:
            return "shrink" if self.shards == 3 else "grow"
        return "fewer" if self.replicas == 2 else "more"

    def _scaled(self) -> None:
        self._run(self._size())

    def _rebalanced(self) -> None:
        self._run("rebalance")

    def _moved(self) -> None:
        """Slots move to a shard; not all that one has."""
        first = self._random.randrange(16000)
        node = self._random.choice(sorted(self._primaries()))
        self._type("move-slots", f"{first}-{first + 300}", "--to", node, refusable=True)

    def _failed_over(self) -> None:
        name = self._random.choice(sorted({*self._nodes()} - {*self._primaries()}))
        self._type("failover", name)

    def _node_killed(self) -> None:
        name = self._random.choice(sorted(self._nodes()))
        self.done.append(f"kill -9 {name}")
        self._nodes()[name].kill()
        self._run("up")

    def _killed(self) -> None:
        """A verb is killed at one of its boundaries; then `up` finishes it, or `undo` takes it
        back."""
        verb = self._random.choice((self._size(), self._size(), "rebalance"))
        at = self._random.randint(1, _LATEST)
        self.done.append(f"{verb}, killed at {at}")
        ended = self.mortal.run(verb, self.project.root, end_at=at, **AT)
        assert ended.code in (0, -9), (self.done, ended)
        back = self._random.random() < 0.5 and self.project.job.exists()
        self._run("undo" if back else "up")
        self._read_size()

    def _run(self, verb: str) -> None:
        self.done.append(verb)
        ended = self.mortal.run(verb, self.project.root, **AT)
        assert ended.code == 0, (self.done, ended.said)
        self._read_size()

    def _type(self, *words: str, refusable: bool = False) -> None:
        self.done.append(" ".join(words))
        done = self.project.run(*words)
        assert done.code in ((0, 2) if refusable else (0,)), (self.done, done)

    def _read_size(self) -> None:
        text = (self.project.root / "redistopo.toml").read_text().splitlines()
        said = dict(line.split(" = ") for line in text if " = " in line)
        self.shards, self.replicas = int(said["shards"]), int(said["replicas"])

    def _nodes(self) -> dict[str, psutil.Process]:
        """Node -> its process, found without any record of ours."""
        return {one.cwd().rpartition("/")[2]: one for one in self.project.servers()}

    def ports(self) -> dict[str, int]:
        """Node -> the port at which its process listens."""
        return {
            name: min(
                one.laddr.port
                for one in process.net_connections("tcp")
                if one.status == psutil.CONN_LISTEN
            )
            for name, process in self._nodes().items()
        }

    def _primaries(self) -> dict[str, int]:
        said = self.ports()
        roles = judge.roles([*said.values()], self.project.password)
        return {name: port for name, port in said.items() if roles[port] == "master"}

    def faults(self, writer: Writer) -> list[str]:
        """What the servers themselves show to be wrong: with nodes, views, slots and keys."""
        ports, password = [*self.ports().values()], self.project.password
        found = judge.faults(ports, password, cluster=True)
        if len(ports) != self.shards * (1 + self.replicas):
            found.append(f"{len(ports)} servers for {self.shards} x {self.replicas}")
        tables = {_table(port, password) for port in ports}
        if len(tables) > 1:
            found.append(f"{len(tables)} different tables of slots")
        owner = dict(next(iter(tables)))
        if len(owner) != 16384:
            found.append(f"{len(owner)} slots have an owner")
        for port in self._primaries().values():
            with judge.client(port, password) as node:
                found += [
                    f"{key} is at {port}, its slot at {owner.get(key_slot(key.encode()))}"
                    for key in node.scan_iter(count=1000)
                    if owner.get(key_slot(key.encode())) != port
                ]
        return found + [f"{key} is lost" for key in self._lost(writer)]

    def _lost(self, writer: Writer) -> list[str]:
        keys = iter(tuple(writer.acknowledged))
        client = cluster_client(self.project)
        lost = []
        while some := [*islice(keys, 500)]:
            with client.pipeline() as pipe:
                for key in some:
                    pipe.get(key)
                lost += [key for key, value in zip(some, pipe.execute(), strict=True) if not value]
        return lost

    def settled(self, writer: Writer) -> None:
        """Wait until nothing is wrong: gossip takes its time."""
        until(
            lambda: not self.faults(writer),
            15,
            what=lambda: f"TESTS_WALK={self.seed}, {self.done}: {self.faults(writer)}",
        )


def _table(port: int, password: str) -> frozenset[tuple[int, int]]:
    """Slot and its owner's port, as one node has them."""
    with judge.client(port, password) as node:
        node.response_callbacks.clear()
        entries = node.execute_command("CLUSTER SLOTS")
    return frozenset(
        (slot, int(one[2][1])) for one in entries for slot in range(int(one[0]), int(one[1]) + 1)
    )
