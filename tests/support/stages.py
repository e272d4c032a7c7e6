"""A topology that has lived: formed once for many cases, each of which begins at a saved state."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import redis

from support.engines import BUNDLED
from support.judge import await_written
from support.ports import leased
from support.project import Project, processes_below
from support.waiting import until

KEYS = [f"key{n}" for n in range(60)]
OLD = KEYS[:30]
"""Those that the copy of a week ago has."""

_WEEK = 7 * 24 * 3600


@dataclass
class Stage:
    """The topology, and the states of its folder: "old", "crash" and "down"; `primary` and
    `replica` are of one shard with keys, whose roles were the other way round in the old copy."""

    project: Project
    shape: str
    saved: Path
    nodes: dict[str, str] = field(default_factory=dict)

    @property
    def old(self) -> Path:
        return self.saved / "old"

    @property
    def state(self) -> Path:
        return self.project.root / ".redistopo"

    def save(self, name: str) -> None:
        shutil.copytree(self.state, self.saved / name)

    def restore(self, name: str) -> None:
        """Nothing runs, and the folder is as it was then."""
        end_all(self.project)
        shutil.rmtree(self.state, ignore_errors=True)
        shutil.copytree(self.saved / name, self.state)
        _as_logged(self)

    def run(self) -> None:
        """All nodes run, with everything on disk: a replica rewrites its log after a full sync."""
        self.project.up()
        until(lambda: settled(self.project), what="every node has written its log")

    def of(self, role: str) -> list[str]:
        """The names of the nodes with that role in the shard."""
        return [*self.nodes.values()] if role == "both" else [self.nodes[role]]

    def kept(self) -> int:
        """Keys on nodes that are primary."""
        found = 0
        for port in self.project.ports:
            with suppress(redis.ConnectionError), self.project.client(port) as node:
                if node.info("replication")["role"] == "master":
                    found += int(node.dbsize())
        return found


def _as_logged(stage: Stage) -> None:
    """The servers' last log entries are as old as the files, which were created anew just now: what
    is changed from now on is changed after them."""
    for log in stage.state.glob("nodes/*/redis.log"):
        log.touch()
    latest = time.time()
    until(lambda: _touched(stage.saved / "clock") > latest, what="the file system's clock goes on")


def _touched(path: Path) -> float:
    path.touch()
    return path.stat().st_mtime


def end_all(project: Project) -> None:
    """Nothing runs below the project's folder."""
    for process in processes_below(project.root):
        process.kill()
    until(lambda: not processes_below(project.root))


@contextmanager
def lived(root: Path, shape: str) -> Iterator[Stage]:
    """That topology after its life: half of the keys, a stop (the old copy), a failover, the other
    half, a crash, a start, and a stop; " rdb" at the end of the shape keeps only snapshots."""
    root.mkdir(parents=True)
    with leased() as port:
        project = Project(root / "project", port)
        project.root.mkdir()
        stage = Stage(project, shape, root / "saved")
        try:
            _live(stage, shape)
            yield stage
        finally:
            end_all(project)


def _live(stage: Stage, shape: str) -> None:
    project, (form, _, keeps) = stage.project, shape.partition(" ")
    words = ["--persistence", keeps] if keeps else []
    if form == "cluster":
        words += ["--node-timeout", "30000", "--formation", "instant"]
    project.init(form, *words, engine=BUNDLED.path)
    project.up()
    fill(project, form, OLD)
    until(lambda: settled(project), what="replicas have every key")
    project.run("down", check=0)
    stage.save("old")
    _age(stage.old)
    project.up()
    promoted = _names(project)["replica"]
    project.run("failover", promoted, check=0)
    fill(project, form, KEYS[30:])
    until(lambda: settled(project), what="replicas have every key")
    if keeps:
        for port in project.ports:
            with project.client(port) as node:
                node.save()
    stage.nodes = _names(project)
    assert stage.nodes["primary"] == promoted
    project.crash()
    stage.save("crash")
    _rewritten_before(stage.saved / "crash")
    project.up()
    until(lambda: settled(project))
    project.run("down", check=0)
    stage.save("down")
    _rewritten_before(stage.saved / "down")


def _rewritten_before(folder: Path) -> None:
    """The logs were last rewritten an hour before the last writes, not in the same second."""
    for path in folder.rglob("*.base.*"):
        then = path.stat().st_mtime - 3600
        os.utime(path, (then, then))


def _age(folder: Path) -> None:
    """Everything below was last written a week ago."""
    then = time.time() - _WEEK
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (then, then))


def fill(project: Project, form: str, keys: list[str]) -> None:
    """The keys were written to the primaries."""
    if form == "cluster":
        from redis.cluster import RedisCluster

        with RedisCluster(
            host="127.0.0.1", port=project.port, password=project.password
        ) as cluster:
            for key in keys:
                cluster.set(key, "kept")
        return
    for port in project.ports:
        with project.client(port) as node:
            if node.info("replication")["role"] == "master":
                for key in keys:
                    node.set(key, "kept")


def settled(project: Project) -> bool:
    """Whether each replica has all of its primary's keys on disk."""
    sizes: dict[int, set[int]] = {}
    for port in project.ports:
        with project.client(port) as node:
            told = node.info("replication")
            at = told["master_port"] if told["role"] == "slave" else port
            sizes.setdefault(at, set()).add(node.dbsize())
            await_written(node)
    return all(len(one) == 1 for one in sizes.values())


def _names(project: Project) -> dict[str, str]:
    """A primary with keys and one of its replicas, by name: of the same shard as before."""
    found: dict[int, dict[str, str]] = {}
    for number, port in enumerate(project.ports, 1):
        with project.client(port) as node:
            told = node.info("replication")
            role = "primary" if told["role"] == "master" else "replica"
            at = told.get("master_port", port)
            found.setdefault(at, {}).setdefault(role, f"node{number}")
    return next(one for _, one in sorted(found.items(), key=lambda pair: min(pair[1].values())))
