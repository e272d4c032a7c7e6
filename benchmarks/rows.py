"""The rows: what is measured, against what, and the bar."""

import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from statistics import median

from benchmarks import copies, moves, recipe, suites, watchers
from benchmarks.big_keys import longest_wait
from benchmarks.cached import hits
from benchmarks.moves import empty_slots, full_slots
from benchmarks.resets import reset_and_flush, reset_only
from benchmarks.servers import REDIS_ATOMIC, VALKEY_ATOMIC
from benchmarks.several_hosts import up_on_hosts
from benchmarks.stage import Made, Stage
from benchmarks.upgrades import upgraded
from benchmarks.watching import rounds_of

Pair = tuple[float, float | None]
"""Seconds of ours, and of the competitor measured right beside it (None: an absolute bar)."""

_SIX = ("cluster", "--shards", "3", "--replicas", "1")
_INSTANT = ("--formation", "instant")
_YARDSTICK = "import click, psutil, redis"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table; `measure` is one round: ours and theirs, one after the other.

    `bar` is the most that ours may take as a multiple of theirs, or in seconds where
    `theirs` is empty; `times` multiplies the rounds of what takes an instant anyway. A `wide` row
    is like another one, on other servers: the suite runs it only in the whole form.
    """

    name: str
    what: str
    theirs: str
    bar: float
    measure: Callable[[Stage], Pair]
    times: int = 1
    wide: bool = False


def _many(stage: Stage) -> AbstractContextManager[Made]:
    """A cluster of 102 nodes, where nobody asked for a small one."""
    shards = stage.shards_of_many
    kind = ("cluster", "--shards", str(shards), "--replicas", "1")
    return stage.topology((*kind, *_INSTANT), 2 * shards)


def _up_by_cli(stage: Stage) -> Pair:
    with stage.topology((*_SIX, "--formation", "redis-cli"), 6) as made:
        ours = stage.up(made)
    return ours, recipe.cluster(stage, 3, 1)


def _up_instant(stage: Stage) -> Pair:
    with stage.topology((*_SIX, *_INSTANT), 6) as made:
        ours = stage.up(made)
    return ours, recipe.cluster(stage, 3, 1)


def _run_six(stage: Stage) -> Pair:
    """Until the command runs: it writes a file, whose date counts."""
    kind = (*_SIX, *_INSTANT, "--persistence", "none")
    with stage.topology(kind, 6) as made:
        theirs = stage.up(made)
        ran, engine = made.folder / "ran", ("--engine", stage.server) if stage.forced else ()
        port = str(stage.ports(6)[0])
        began = time.time()
        stage.ours("run", *kind, *engine, "--port", port, "--", "touch", str(ran))
        return ran.stat().st_mtime - began, theirs


def _up_replication(stage: Stage) -> Pair:
    with stage.topology(("replication", "--replicas", "2"), 3) as made:
        ours = stage.up(made)
    return ours, recipe.replication(stage, 2)


def _up_sentinel(stage: Stage) -> Pair:
    with stage.topology(("sentinel", "--replicas", "2", "--sentinels", "3"), 3) as made:
        ours = stage.up(made)
        wrong = watchers.faults(watchers.watched(made))
        stage.violations += [f"up returned too early: {one}" for one in wrong]
    return ours, None


def _up_many(stage: Stage) -> Pair:
    with _many(stage) as made:
        ours = stage.up(made)
    return ours, recipe.cluster(stage, stage.shards_of_many, 1)


def _verify_six(stage: Stage) -> Pair:
    with stage.topology((*_SIX, *_INSTANT), 6) as made:
        stage.up(made)
        ours = stage.ours("verify", "--dir", str(made.folder))
        return ours, stage.timed([sys.executable, "-c", _YARDSTICK])


def _status_six(stage: Stage) -> Pair:
    with stage.topology((*_SIX, *_INSTANT), 6) as made:
        stage.up(made)
        ours = stage.ours("status", "--dir", str(made.folder))
        return ours, stage.timed([sys.executable, "-c", _YARDSTICK])


def _verify_many(stage: Stage) -> Pair:
    # one after the other: 102 idle nodes would slow the six down, in our favour
    with stage.topology((*_SIX, *_INSTANT), 6) as made:
        stage.up(made)
        six = stage.ours("verify", "--dir", str(made.folder))
    with _many(stage) as made:
        stage.up(made)
        return stage.ours("verify", "--dir", str(made.folder)), six


def _status_many(stage: Stage) -> Pair:
    with _many(stage) as made:
        stage.up(made)
        return stage.ours("status", "--dir", str(made.folder)), None


def _watch_many(stage: Stage) -> Pair:
    with _many(stage) as made:
        stage.up(made)
        return median(rounds_of(made.folder, 10)), None


def _down_six(stage: Stage) -> Pair:
    with stage.topology((*_SIX, *_INSTANT), 6) as made:
        stage.up(made)
        return stage.ours("down", "--dir", str(made.folder)), None


def _scaled(option: str, value: int, *, size: int, shards: int) -> Callable[[Stage], Pair]:
    """From 3 shards with a replica each, without keys; the judge knows all nodes."""

    def measure(stage: Stage) -> Pair:
        with stage.topology((*_SIX, *_INSTANT), size) as made:
            stage.up(replace(made, ports=made.ports[:6]))
            wider = replace(made, shards=shards)
            return stage.judged(wider, "scale", option, str(value)), None

    return measure


_MORE_REPLICAS = _scaled("--replicas", 2, size=9, shards=3)
_MORE_SHARDS = _scaled("--shards", 4, size=8, shards=4)


def _on_valkey_9(stage: Stage) -> Pair:
    return moves.atomic(stage, VALKEY_ATOMIC)


def _on_redis_8(stage: Stage) -> Pair:
    return moves.atomic(stage, REDIS_ATOMIC)


def _flag(flag: str) -> Callable[[Stage], Pair]:
    def measure(stage: Stage) -> Pair:
        ours = stage.ours(flag)
        return ours, stage.timed([sys.executable, "-c", "import click"])

    return measure


def _imported(stage: Stage) -> Pair:
    ours = stage.timed([sys.executable, "-c", "import redistopo"])
    return ours, stage.timed([sys.executable, "-c", "import argparse, json"])


_RECIPE = "the recipe"
_PYTEST_REDIS = "pytest-redis, 1 server"
_CLICK = 'python -c "import click"'
_PACKAGES = "importing click, psutil, redis-py"
_RESTARTS = "six restarts by redis-cli"
_CLI = "redis-cli --cluster rebalance"
_ROLE = "a role of Ansible"
_VALKEY_CLI = "valkey-cli --cluster rebalance"
_ATOMIC_CLI = "valkey-cli, atomic"
_FLUSHES = "100 FLUSHALLs of 3 primaries"

ROWS: tuple[Row, ...] = tuple(
    Row(name=name, what=what, theirs=theirs, bar=bar, measure=measure, times=times)
    for name, what, theirs, bar, measure, times in (
        ("up-redis-cli", "up + verified, 6 nodes, redis-cli", _RECIPE, 0.45, _up_by_cli, 1),
        ("up-instant", "up + verified, 6 nodes, instant", _RECIPE, 0.15, _up_instant, 1),
        ("run-6", "run, until its command runs, 6 nodes", "up, 6 nodes", 1.3, _run_six, 1),
        ("up-replication", "up + verified, primary + 2", _RECIPE, 0.15, _up_replication, 1),
        ("up-sentinel", "up + verified, 1 + 2 + 3 Sentinels", "", 1.2, _up_sentinel, 1),
        ("up-102", "up + verified, 102 nodes, instant", _RECIPE, 0.35, _up_many, 1),
        ("verify-6", "verify, 6 nodes", _PACKAGES, 1.6, _verify_six, 2),
        ("verify-102", "verify, 102 nodes", "verify, 6 nodes", 5.0, _verify_many, 1),
        ("status-6", "status, 6 nodes", _PACKAGES, 1.6, _status_six, 4),
        ("status-102", "status, 102 nodes", "", 1.0, _status_many, 1),
        ("watch-102", "a round of watch, 102 nodes", "", 1.0, _watch_many, 1),
        ("down-6", "down, 6 nodes", "", 1.0, _down_six, 2),
        ("scale-replicas", "scale --replicas 2 of 3x1", "", 2.0, _MORE_REPLICAS, 1),
        ("scale-shards", "scale --shards 4 of 3x1, no keys", "", 2.5, _MORE_SHARDS, 1),
        ("cache-hit", "1,000 hits by CacheAside", "1,000 bare GETs", 1.15, hits, 1),
        ("pytest-unused", "the plugin in a pytest start, unused", "", 0.005, suites.unused, 4),
        ("pytest-1", "pytest, 1 test of a cluster", _PYTEST_REDIS, 3.0, suites.start_of_a_suite, 1),
        ("pytest-up", "pytest, 1 test of a cluster", _RECIPE, 1.0, suites.start_and_recipe, 1),
        ("pytest-200", "pytest, 200 tests", _PYTEST_REDIS, 2.0, suites.many_tests, 1),
        ("pytest-200-n4", "pytest -n 4, 200", _PYTEST_REDIS, 3.0, suites.many_tests_by_workers, 1),
        ("rebalance", "a quarter of the slots, 300,000 keys", _CLI, 0.35, full_slots, 1),
        ("rebalance-empty", "a quarter of the slots, no keys", _CLI, 0.08, empty_slots, 1),
        ("reset-6", "100 resets between tests, 6 nodes", "", 0.5, reset_only, 1),
        ("reset-flush", "100 resets between tests, 6 nodes", _FLUSHES, 12, reset_and_flush, 1),
        ("snapshot", "snapshot, 330 MB in 3 shards", "BGSAVE on the replicas", 1.2, copies.save, 1),
        ("import", "import of 200,000 keys", "--cluster import", 0.12, copies.import_keys, 1),
        ("upgrade", "upgrade of 6 nodes under load, 7.0 to 8.2", _RESTARTS, 1.3, upgraded, 1),
        ("hosts-up", "up + verified, 6 nodes on 3 hosts", _ROLE, 0.4, up_on_hosts, 1),
        ("help", "--help", _CLICK, 1.6, _flag("--help"), 4),
        ("version", "--version", _CLICK, 1.6, _flag("--version"), 4),
        ("python-import", "import redistopo", "importing argparse, json", 1.0, _imported, 4),
    )
) + tuple(
    Row(name=name, what=what, theirs=theirs, bar=bar, measure=measure, wide=True)
    for name, what, theirs, bar, measure in (
        ("rebalance-valkey-9", "the same on Valkey 9.1", _CLI, 0.1, _on_valkey_9),
        ("rebalance-redis-8", "the same on Redis 8.4 or newer", _CLI, 0.1, _on_redis_8),
        ("rebalance-valkey-cli", "the same on Valkey 9.1", _ATOMIC_CLI, 0.8, moves.atomic_by_cli),
        ("rebalance-valkey-8", "the same on Valkey 8.1", _VALKEY_CLI, 0.2, moves.by_valkey_8),
        ("big-keys", "longest wait: a hash and a zset move", "", 2.5, longest_wait),
        ("clone", "clone, 330 MB in 3 shards", "BGSAVE, load and sync", 1.15, copies.clone),
        ("snapshot-pause", "writers' wait: snapshot --pause", "", 0.15, copies.paused),
    )
)
