"""Nodes' files are damaged, lost or replaced by older copies while the servers are stopped, after
they crashed, or while they run: no key is lost that any copy has, and what `up` refuses names a
remedy that works when it is typed."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import astuple
from pathlib import Path

import pytest
import redis
from support import judge
from support.damage import Damage, apply, product_of_damage
from support.forms import FULL
from support.pairwise import pairwise
from support.project import Done
from support.remedies import type_remedy
from support.stages import KEYS, Stage, lived
from support.waiting import until

_SECONDS = {"cluster": 3.0, "sentinel": 1.5, "replication": 0.4}


_BY_SHAPE = ("folder", "log folder", "incr", "nodes.conf")
"""Files whose loss each shape handles in its own way."""


def _cost(one: Damage) -> float:
    """Roughly, in seconds."""
    return _SECONDS[one.shape.partition(" ")[0]] * (1.6 if one.state == "running" else 1)


def _cases() -> list[Damage]:
    """The whole product; in the short form every pair of two of its values, where files that are
    the same in each shape are damaged in the fastest one only."""
    whole = list(product_of_damage())
    if FULL:
        return whole
    short = (one for one in whole if one.shape.startswith("replication") or one.what in _BY_SHAPE)
    return pairwise(short, astuple, _cost)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Stage]]:
    """The topology of each shape, formed once."""
    made: dict[str, Stage] = {}
    with ExitStack() as stack:

        def of(shape: str) -> Stage:
            if shape not in made:
                root = tmp_path_factory.mktemp("stage") / shape.replace(" ", "-")
                made[shape] = stack.enter_context(lived(root, shape))
            return made[shape]

        yield of


def _up(stage: Stage, most: int = 3) -> list[str]:
    """`up` comes to its end, by what its refusals say; returns what it said on the way."""
    told: list[str] = []
    while (done := stage.project.run("up", "--json", seconds=45)).code:
        assert len(told) < most, (done.out, told)
        told.append(type_remedy(stage.project, done))
    return [*told, *_warnings(done)]


def _warnings(done: Done) -> list[str]:
    return [line for line in done.err.splitlines() if '"warning"' in line]


def _judge(stage: Stage, one: Damage, told: list[str]) -> None:
    kept = stage.kept()
    assert kept == len(KEYS) or (one.loses and told), (kept, told)
    project = stage.project
    cluster = one.shape.startswith("cluster")
    assert judge.faults(project.ports, project.password, cluster=cluster) == []


@pytest.mark.parametrize("one", _cases(), ids=str)
def test_no_key_is_lost_that_any_copy_has(stage: Callable[[str], Stage], one: Damage) -> None:
    at = stage(one.shape)
    at.restore("crash" if one.state == "crash" else "down")
    if one.state == "running":
        at.run()
    apply(one, at.state, at.old, at.of(one.role))
    _judge(at, one, _up(at))
    if one.state == "running":  # what was repaired is there at the next start
        at.project.run("down", check=0)
        _judge(at, one, _up(at))


@pytest.mark.parametrize("shape", ["replication", "sentinel"])
def test_memory_wins_where_every_folder_was_replaced_by_an_older_copy(
    stage: Callable[[str], Stage], shape: str
) -> None:
    at = stage(shape)
    at.restore("down")
    at.run()
    one = Damage("folder", "week-old", "all", shape, "running")
    apply(one, at.state, at.old, ["node1", "node2", "node3"])
    refused = at.project.run("down")
    assert refused.code == 1, refused.err
    assert "Next: redistopo up" in refused.err, refused.err
    _judge(at, one, _up(at))


@pytest.mark.parametrize("what", ["incr", "manifest", "log folder"])
def test_a_log_damaged_while_it_runs_is_written_again_before_down_ends_the_server(
    stage: Callable[[str], Stage], what: str
) -> None:
    at = stage("replication")
    at.restore("down")
    at.run()
    one = Damage(what, "missing", "both", "replication", "running")
    apply(one, at.state, at.old, at.of("both"))
    at.project.run("down", check=0)
    _judge(at, one, _up(at))


def test_a_log_whose_rewrite_failed_once_is_rewritten_by_up(
    stage: Callable[[str], Stage], tmp_path: Path
) -> None:
    at = stage("replication")
    at.restore("down")
    at.run()
    log = at.project.folder(1) / "appendonlydir"
    log.rename(tmp_path / "log")
    log.touch()
    with at.project.client() as node:
        with suppress(redis.ResponseError):
            node.bgrewriteaof()
        until(lambda: node.info("persistence")["aof_last_bgrewrite_status"] == "err")
    log.unlink()
    (tmp_path / "log").rename(log)
    assert at.project.run("verify").code == 3
    at.project.up()
    _judge(at, Damage("log folder", "missing", "primary", "replication", "running"), [])
