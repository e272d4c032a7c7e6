"""A cluster of six moves to a newer engine under load, beside six restarts of its servers."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from benchmarks.stage import Made, Stage
from redistopo.host.engine_search import find_engines

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from support.writers import Writers, writing

_KIND = ("cluster", "--shards", "3", "--replicas", "1", "--formation", "instant")
_STEPS = (("redis 7.0", "redis 8.2"), ("valkey 8.1", "valkey 9.1"))
_LONGEST = 0.1
"""Seconds that a client may wait for a write at most."""

_PATIENCE = 30.0


def upgraded(stage: Stage) -> tuple[float, float]:
    """Seconds of the whole command, without a snapshot; and of six restarts with the new engine
    by hand, each until the server is ready: without failovers, so that clients would wait."""
    before, after, server = _engines()
    kind = (*_KIND, *(() if stage.forced else ("--engine", before)))
    with stage.topology(kind, 6) as made:
        stage.up(made)
        password = made.wanted().password
        with writing(list(made.ports), password, clustered=True) as writers:
            words = ("upgrade", "--engine", after, "--no-snapshot", "--dir", str(made.folder))
            ours = stage.ours(*words)
        _judge(stage, writers)
        theirs = sum(_restarted(made, number, server) for number in (4, 5, 6, 1, 2, 3))
    return ours, theirs


def _engines() -> tuple[str, str, str]:
    """The first step whose engines are here, and the path of the newer one."""
    found = find_engines()
    for before, after in _STEPS:
        newer = next((one.path for one in found if one.name.startswith(after)), "")
        if newer and any(one.name.startswith(before) for one in found):
            return before, after, newer
    raise SystemExit(f"an upgrade needs two engines: {_STEPS}")


def _judge(stage: Stage, writers: Writers) -> None:
    longest = max(writers.longest_gap(who) for who in range(writers.clients))
    if longest > _LONGEST:
        stage.violations.append(f"upgrade: a client waited {longest * 1000:.0f} ms")
    if lost := writers.lost():
        stage.violations.append(f"upgrade: {len(lost)} acknowledged writes lost: {lost[:5]}")


def _restarted(made: Made, number: int, server: str) -> float:
    """Seconds from SHUTDOWN until the server replies, and its link is up if it is a replica."""
    folder = made.folder / ".redistopo" / "nodes" / f"node{number}"
    password, port = made.wanted().password or None, made.ports[number - 1]
    never = Retry(NoBackoff(), 0)  # SHUTDOWN has no reply
    with Redis(port=port, password=password, decode_responses=True, retry=never) as node:
        pid = int(node.info("server")["process_id"])
        began = time.perf_counter()
        node.shutdown()
        _await(lambda: not Path(f"/proc/{pid}").exists())
        process = subprocess.Popen(
            [server, str(folder / "redis.conf")],
            cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        _await(lambda: process.poll() is None and _ready(node))
        return time.perf_counter() - began


def _ready(node: "Redis[str]") -> bool:
    try:
        told = node.info()
    except RedisError:
        return False
    return not told["loading"] and told.get("master_link_status", "up") == "up"


def _await(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > ends:
            raise SystemExit("a server was not ready in time")
        time.sleep(0.005)
