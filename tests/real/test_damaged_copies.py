"""Nodes' files are damaged, lost or replaced by older copies while the servers are stopped, after
they crashed, or while they run: no key is lost that any copy has, and what `up` refuses names a
remedy that works when it is typed."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import astuple
from pathlib import Path

import pytest
import redis
from support import judge
from support.damage import PATHS, Damage, apply, product_of_damage
from support.forms import FULL, spread
from support.project import Done, processes_below
from support.remedies import type_remedy
from support.selection import selected
from support.stages import KEYS, Stage, lived
from support.waiting import until

_SECONDS = {"cluster": 0.5, "sentinel": 0.35, "replication": 0.2}


_IN_SHAPE = {
    "cluster": ("folder", "log folder", "nodes.conf"),
    "cluster rdb": (),
    "sentinel": ("folder", "log folder"),
    "sentinel rdb": (),
}
"""Files whose loss a shape handles in its own way; in the short form a replication has the rest."""

_DATA = ("folder", "log folder", "nodes.conf", "manifest", "base", "incr", "snapshot")
"""Files that a server needs to have all of its data at its next start."""

_AT_START = ("dump.rdb", "started", "stop record")
"""Files that nothing reads while the servers run."""

_OURS = ("redis.conf", "started", "process", "stop record")
"""Files that are written again from what is known, node by node."""

_ALIKE = {
    **dict.fromkeys(("dump.rdb", *_OURS), ("empty", "cut", "missing")),
    "record": ("empty", "cut"),
    "nodes.conf": ("empty", "garbage"),
}
"""Damages of files that are read whole or not at all: one that is empty or cut is as garbage, and
most often one that is missing, too. Of a nodes.conf, tests/faults has them."""


_FOUND = (Damage("folder", "missing", "both", "cluster", "running"),)
"""There was no log to move aside, though `up` said so."""


def _cost(one: Damage) -> float:
    """Roughly, in seconds of the processor."""
    return _SECONDS[one.shape.partition(" ")[0]] * (2.5 if one.state == "running" else 1)


def _whole() -> list[Damage]:
    """The whole product, or what the short form claims."""
    return [one for one in product_of_damage() if FULL or _claimed(one)]


def _claimed(one: Damage) -> bool:
    """Whether the short form may select the case: each file in the fastest shape that differs,
    damages that differ, nodes' own files of both nodes at once, and what only a start reads not
    while the servers run."""
    return (
        one.what in _IN_SHAPE.get(one.shape, PATHS)
        and one.how not in _ALIKE.get(one.what, ())
        and (one.what not in _OURS or one.role == "both")
        and (one.what not in _AT_START or one.state != "running")
    )


def _shows(one: Damage) -> set[Hashable]:
    """What the short form has to have: each file, damage and shape, and the nodes that lose it in
    each state of the servers."""
    return {*enumerate(astuple(one)), (one.role, one.state)}


def _cases() -> list[Damage]:
    """The whole product; in the short form a selection of it, and what only the product found."""
    return _whole() if FULL else list(dict.fromkeys([*selected(_whole(), _shows, _cost), *_FOUND]))


def test_the_selection_has_every_value_and_is_small() -> None:
    cases = _cases()
    assert set().union(*map(_shows, cases)) == set().union(*map(_shows, _whole()))
    assert {one.what for one in cases} == set(PATHS)
    assert FULL or len(cases) <= 15 + len(_FOUND)


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


@pytest.mark.fault(
    "a file or folder of a primary, a replica or both is missing, empty, cut, garbage or from an "
    "earlier time, while the topology runs, after `down` or after a crash",
    "no key is lost that any copy has: `up` is healthy, or refuses with the command that heals",
)
@pytest.mark.parametrize("one", _cases(), ids=str)
def test_no_key_is_lost_that_any_copy_has(stage: Callable[[str], Stage], one: Damage) -> None:
    at = stage(one.shape)
    at.restore("crash" if one.state == "crash" else "down")
    if one.state == "running":
        at.run()
    apply(one, at.state, at.old, at.of(one.role))
    _judge(at, one, _up(at))
    if one.state == "running" and (
        FULL or one.what in _DATA
    ):  # what was repaired is there at the next start
        at.project.run("down", check=0)
        _judge(at, one, _up(at))


@pytest.mark.parametrize("shape", spread(["replication", "sentinel"], 1))
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


@pytest.mark.parametrize(
    ("shape", "how", "known"),
    spread(
        [
            (
                "cluster",
                "week-old",
                "attributes were changed, after the last entry of the server's log",
            ),
            ("replication", "missing", "is missing, which the server had according to its log"),
        ],
        1,
    ),
)
def test_up_asks_where_every_copy_has_less_than_its_server_had_when_it_was_killed(
    stage: Callable[[str], Stage], shape: str, how: str, known: str
) -> None:
    at = stage(shape)
    at.restore("crash")
    nodes = at.of("both") if shape == "cluster" else ["node1", "node2", "node3"]
    apply(Damage("log folder", how, "all", shape, "crash"), at.state, at.old, nodes)
    refused = at.project.run("up", "--json")
    assert refused.code == 2, refused.out
    error = refused.json["error"]
    assert "would start with less data than it had" in error["message"]
    assert known in error["detail"]
    assert not processes_below(at.project.root)
    _up(at)
    assert at.kept() < len(KEYS)
    project = at.project
    assert judge.faults(project.ports, project.password, cluster=shape == "cluster") == []


@pytest.mark.parametrize("what", spread(["log folder", "incr", "manifest"], 1))
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
