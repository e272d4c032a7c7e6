"""Every way in which the files of a topology can be damaged: what, how, whose, in which shape, and
whether the servers run, were stopped, or were killed."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass
from itertools import product
from pathlib import Path


@dataclass(frozen=True)
class Damage:
    """One case of the product."""

    what: str
    how: str
    role: str
    shape: str
    state: str

    def __str__(self) -> str:
        return "-".join(astuple(self))

    @property
    def loses(self) -> bool:
        """Whether keys may be gone with it: both copies of a shard that has no third one, and no
        server has them in memory."""
        return (
            self.role == "both"
            and self.shape.startswith("cluster")
            and self.state != "running"
            and self.what in ("folder", "log folder", "base", "incr", "snapshot")
        )


PATHS: dict[str, str] = {
    "folder": "nodes/NODE",
    "log folder": "nodes/NODE/appendonlydir",
    "manifest": "nodes/NODE/appendonlydir/*.manifest",
    "base": "nodes/NODE/appendonlydir/*.base.*",
    "incr": "nodes/NODE/appendonlydir/*.incr.*",
    "dump.rdb": "nodes/NODE/dump.rdb",
    "snapshot": "nodes/NODE/dump.rdb",
    "nodes.conf": "nodes/NODE/nodes.conf",
    "redis.conf": "nodes/NODE/redis.conf",
    "started": "nodes/NODE/redis.conf.started",
    "process": "nodes/NODE/process.json",
    "stop record": "stopped/NODE.json",
    "record": "record.json",
}
"""What is damaged, below .redistopo; `dump.rdb` lies beside a log, `snapshot` is the only copy."""

HOWS = ("missing", "empty", "cut", "garbage", "week-old")
ROLES = ("primary", "replica", "both")
SHAPES = ("cluster", "replication", "sentinel")
STATES = ("down", "crash", "running")


def product_of_damage() -> Iterator[Damage]:
    """The whole product, without what is another of its cases, or none."""
    for what, how, role, shape, state in product(PATHS, HOWS, ROLES, SHAPES, STATES):
        if "folder" in what and how in ("empty", "cut", "garbage"):
            continue  # those are of its files
        if what == "nodes.conf" and shape != "cluster":
            continue
        if what == "record" and role != "primary":
            continue  # there is one
        if what == "process" and state == "down":
            continue  # there is none
        if what == "stop record" and (state != "down" and how != "week-old"):
            continue
        form = f"{shape} rdb" if what == "snapshot" else shape
        yield Damage(what, how, role, form, state)


def apply(one: Damage, state: Path, older: Path, nodes: list[str]) -> None:
    """These nodes' files are damaged in the `state` folder; `older` is that folder a week ago."""
    for node in nodes:
        form = PATHS[one.what].replace("NODE", node)
        for root in (state, older):
            if found := sorted(root.glob(form)):
                name = found[0].relative_to(root)
                _HOW[one.how](state / name, older / name)
                break


def _missing(path: Path, _older: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _empty(path: Path, _older: Path) -> None:
    if path.exists():
        path.write_bytes(b"")


def _cut(path: Path, _older: Path) -> None:
    if path.exists():
        os.truncate(path, path.stat().st_size // 2)


def _garbage(path: Path, _older: Path) -> None:
    if path.exists():
        path.write_bytes(b"\x01\x02 garbage \n" * 40)


def _week_old(path: Path, older: Path) -> None:
    _missing(path, older)
    if older.is_dir():
        shutil.copytree(older, path)
    elif older.exists():
        shutil.copy2(older, path)


_HOW: dict[str, Callable[[Path, Path], None]] = {
    "missing": _missing,
    "empty": _empty,
    "cut": _cut,
    "garbage": _garbage,
    "week-old": _week_old,
}
