"""Random walks of growing, shrinking, moving slots, failovers and kills, under a writer."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.chaos import Writer
from support.engines import ATOMIC, BUNDLED, WINDOWS
from support.forms import FULL
from support.mortal import Nursery, nursery
from support.project import Project
from support.walks import Walk

WALKS = range(200 if FULL else 1)
"""Seeds."""

STEPS = 8 if FULL else 3


@pytest.fixture
def mortal() -> Iterator[Nursery]:
    with nursery() as made:
        yield made


@pytest.mark.fault(
    "random walks of `scale`, `rebalance`, `move-slots` and `failover`, each verb and each node "
    "killed at some moment, then `up` or `undo`, under a writer",
    "after every step all nodes agree, each slot has one owner, and no acknowledged key is lost",
)
@pytest.mark.parametrize("seed", WALKS)
def test_a_walk(
    project: Project,
    mortal: Nursery,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
    seed: int,
) -> None:
    engine = (ATOMIC, WINDOWS, BUNDLED)[seed % 3] if FULL else ATOMIC
    words = ("--shards", "2", "--replicas", "1", "--node-timeout", "2000")
    project.init("cluster", *words, "--formation", "instant", engine=engine.path)
    path = project.root / "redistopo.toml"
    # what a primary acknowledged is on disk, so that it has it after a kill
    path.write_text(path.read_text().replace("[redis]", '[redis]\nappendfsync = "always"'))
    project.up()
    walk = Walk(project, mortal, seed)
    writer = Writer(project, tmp_path / "log", 1, clustered=True)
    writer.start()
    try:
        for _ in range(STEPS):
            walk.act()
            walk.settled(writer)
            record_property("steps", len(walk.done))
    finally:
        writer.finish()
    assert len(writer.acknowledged) > 20
    assert (tmp_path / "log").read_text().split() == writer.acknowledged
