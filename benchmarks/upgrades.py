"""A cluster of six moves to a newer engine under load, beside a rolling restart of it."""

import sys
from pathlib import Path

from benchmarks.stage import Stage
from redistopo.host.engine_search import examine_program, find_engines

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from support.writers import Writers, writing

_KIND = ("cluster", "--shards", "3", "--replicas", "1", "--formation", "instant")
_STEPS = (("redis 7.0", "redis 8.2"), ("valkey 8.1", "valkey 9.1"))
_LONGEST = 0.1
"""Seconds that a client may wait for a write at most, on a machine that does nothing else."""


def upgraded(stage: Stage) -> tuple[float, float]:
    """Seconds of the whole command, without a snapshot; and of the six restarts themselves, with
    their failovers: what is more is what the new engine takes."""
    before, after = _engines(stage)
    kind = (*_KIND, *(() if stage.forced else ("--engine", before)))
    with stage.topology(kind, 6) as made:
        stage.up(made)
        password = made.wanted().password
        with writing(list(made.ports), password, clustered=True) as writers:
            words = ("upgrade", "--engine", after, "--no-snapshot", "--dir", str(made.folder))
            ours = stage.ours(*words)
            theirs = stage.ours("restart", "--rolling", "--dir", str(made.folder))
        _judge(stage, writers)
    return ours, theirs


def _engines(stage: Stage) -> tuple[str, str]:
    """The first step whose engines are here; from the server that both sides must use, to the
    newest of its product."""
    found = find_engines()
    if stage.forced:
        mine = examine_program(stage.server, "the benchmark's")
        if mine is None:
            raise SystemExit(f"{stage.server} is no server")
        newer = [one for one in found if one.product is mine.product and one.version > mine.version]
        newest = max(newer, key=lambda one: one.version, default=mine)
        return mine.path, newest.path
    names = [one.name for one in found]
    for step in _STEPS:
        if all(any(name.startswith(one) for name in names) for one in step):
            return step
    raise SystemExit(f"an upgrade needs two engines: {_STEPS}")


def _judge(stage: Stage, writers: Writers) -> None:
    longest = max(writers.longest_gap(who) for who in range(writers.clients))
    if not stage.small and longest > _LONGEST:
        stage.violations.append(f"upgrade: a client waited {longest * 1000:.0f} ms")
    if lost := writers.lost():
        stage.violations.append(f"upgrade: {len(lost)} acknowledged writes lost: {lost[:5]}")
