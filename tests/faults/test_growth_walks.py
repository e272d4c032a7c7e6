"""Random walks of growing, shrinking, moving slots, failovers and kills, under a writer."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.chaos import Writer
from support.engines import ATOMIC, BUNDLED, WINDOWS
from support.forms import FULL
from support.mortal import Nursery, nursery
from support.project import Project
from support.walks import Walk

STEPS = 8 if FULL else 1
"""Random steps of a walk, which ends with the number of nodes that it began with."""

_TOGETHER = 10
"""Walks on one cluster, one after the other: its start takes longer than a walk."""

_ALONE = os.environ.get("TESTS_WALK", "")
"""TESTS_WALK=7 does the walk of that seed alone, on a new cluster."""

WALKS = (
    [range(int(_ALONE), int(_ALONE) + 1)]
    if _ALONE
    else [range(first, first + _TOGETHER) for first in range(0, 200 if FULL else 10, _TOGETHER)]
)
"""Seeds of the walks on one cluster. The seed decides what a walk does; which nodes are primaries
then, and the ranges of slots, follow from the walks before."""


@pytest.fixture
def mortal() -> Iterator[Nursery]:
    with nursery() as made:
        yield made


@pytest.mark.fault(
    "random walks of `scale`, `rebalance`, `move-slots` and `failover`, each verb and each node "
    "killed at some moment, then `up` or `undo`, under a writer",
    "after every step all nodes agree, each slot has one owner, and no acknowledged key is lost",
)
@pytest.mark.parametrize("seeds", WALKS, ids=lambda seeds: f"{seeds.start}-{seeds.stop - 1}")
def test_walks(
    project: Project,
    mortal: Nursery,
    tmp_path: Path,
    seeds: range,
) -> None:
    engine = (ATOMIC, WINDOWS, BUNDLED)[seeds.start // _TOGETHER % 3] if FULL else ATOMIC
    words = ("--shards", "2", "--replicas", "1", "--node-timeout", "2000")
    project.init("cluster", *words, "--formation", "instant", engine=engine.path)
    path = project.root / "redistopo.toml"
    # what a primary acknowledged is on disk, so that it has it after a kill
    path.write_text(path.read_text().replace("[redis]", '[redis]\nappendfsync = "always"'))
    project.up()
    writer = Writer(project, tmp_path / "log", 1, clustered=True)
    writer.pause = 0.02
    writer.start()
    try:
        for seed in seeds:
            walk = Walk(project, mortal, seed)
            for _ in range(STEPS):
                walk.act()
                walk.settled(writer)
            walk.home()
            walk.settled(writer)
    finally:
        writer.finish()
    assert len(writer.acknowledged) > 20
    assert (tmp_path / "log").read_text().split() == writer.acknowledged
