"""A node's data is damaged, lost or replaced by an older copy while nothing runs: no key is lost
that another node has, and what `up` refuses names a remedy that works when it is typed."""

import shutil
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import pytest
from support.engines import BUNDLED
from support.forms import spread
from support.judge import await_written
from support.project import Project
from support.remedies import up_by_remedies
from support.waiting import until

KEYS = [f"key{n}" for n in range(60)]
SHAPES = {
    "cluster": ("--node-timeout", "30000"),
    "replication": (),
    "sentinel": (),
}


def _missing(path: Path) -> None:
    if not path.exists():
        return
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _cut(path: Path) -> None:
    if path.exists():
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _garbage(path: Path) -> None:
    path.write_bytes(b"\x01\x02 garbage \n" * 40)


HOW: dict[str, Callable[[Path], None]] = {
    "missing": _missing,
    "empty": _empty,
    "cut": _cut,
    "garbage": _garbage,
}


def _one(folder: Path, form: str) -> Path:
    return next(iter(sorted(folder.glob(form))), folder / form)


WHAT: dict[str, Callable[[Path], Path]] = {
    "folder": lambda folder: folder,
    "log folder": lambda folder: _one(folder, "appendonlydir"),
    "manifest": lambda folder: _one(folder, "appendonlydir/*.manifest"),
    "base": lambda folder: _one(folder, "appendonlydir/*.base.*"),
    "incr": lambda folder: _one(folder, "appendonlydir/*.incr.*"),
    "dump.rdb": lambda folder: _one(folder, "dump.rdb"),
    "redis.conf": lambda folder: _one(folder, "redis.conf"),
    "started": lambda folder: _one(folder, "redis.conf.started"),
}


def _cases() -> Iterator[tuple[str, str, str, str]]:
    for what, how, role, shape in product(WHAT, HOW, ("primary", "replica"), SHAPES):
        if "folder" not in what or how == "missing":
            yield what, how, role, shape


def _fill(project: Project, shape: str) -> None:
    if shape == "cluster":
        from redis.cluster import RedisCluster

        with RedisCluster(
            host="127.0.0.1", port=project.port, password=project.password
        ) as cluster:
            for key in KEYS:
                cluster.set(key, "kept")
    else:
        with project.client() as node:
            for key in KEYS:
                node.set(key, "kept")


def _kept(project: Project) -> int:
    """Keys on nodes that are primary."""
    found = 0
    for port in project.ports:
        with project.client(port) as node:
            if node.info("replication")["role"] == "master":
                found += int(node.dbsize())
    return found


def _settled(project: Project) -> bool:
    """Whether each replica has all of its primary's keys on disk."""
    sizes: dict[tuple[str, int], set[int]] = {}
    for port in project.ports:
        with project.client(port) as node:
            told = node.info("replication")
            at = ("127.0.0.1", port)
            if told["role"] == "slave":
                at = (told["master_host"], told["master_port"])
            sizes.setdefault(at, set()).add(node.dbsize())
            await_written(node)
    return all(len(one) == 1 for one in sizes.values())


def _nodes(project: Project, role: str) -> list[int]:
    """The nodes of that role, by number; of a cluster, one with keys."""
    found = []
    for port in project.ports:
        with project.client(port) as node:
            told = "primary" if node.info("replication")["role"] == "master" else "replica"
            if told == role and node.dbsize():
                found.append(port - project.port + 1)
    return found


def _formed(project: Project, shape: str) -> None:
    project.init(shape, *SHAPES[shape], engine=BUNDLED.path)
    project.up()
    _fill(project, shape)
    until(lambda: _settled(project), what="replicas have every key")


@pytest.mark.parametrize(
    ("what", "how", "role", "shape"), spread(list(_cases()), 16), ids=lambda one: one
)
@pytest.mark.parametrize("ended", ["down", "crash"])
def test_no_key_is_lost_that_another_node_has(
    project: Project, what: str, how: str, role: str, shape: str, ended: str
) -> None:
    _formed(project, shape)
    number = _nodes(project, role)[0]
    if ended == "down":
        project.run("down", check=0)
    else:
        project.crash()
    HOW[how](WHAT[what](project.folder(number)))
    hints = up_by_remedies(project)
    assert _kept(project) == len(KEYS), hints
    assert project.faults(cluster=shape == "cluster") == []
