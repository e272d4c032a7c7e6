"""The reset between tests: a baseline restored after ten keys, and FLUSHALL alone by redis-py."""

import time
from contextlib import closing
from statistics import median
from typing import Any

from redis import RedisCluster
from redis.cluster import ClusterNode

from benchmarks.stage import Made, Stage
from redistopo import Topology
from redistopo.api.baseline import Baseline

_KIND = ("cluster", "--shards", "3", "--replicas", "1", "--formation", "instant")
_KEYS = 10


def reset_only(stage: Stage) -> tuple[float, None]:
    """Seconds for a hundred resets, each after a test that wrote ten keys."""
    return reset_and_flush(stage)[0], None


def reset_and_flush(stage: Stage) -> tuple[float, float]:
    """The same, and for a hundred times FLUSHALL on each primary; in turns, medians compared."""
    with stage.topology((*_KIND, "--persistence", "none"), 6) as made:
        stage.up(made)
        with (
            Baseline.take(Topology.open(made.folder)) as baseline,
            closing(_client(made)) as client,
        ):

            def flush() -> None:
                client.flushall(target_nodes=RedisCluster.PRIMARIES)

            def reset() -> None:
                if healed := baseline.restore().healed:
                    raise SystemExit(f"it was no usual reset: {healed}")

            ours: list[float] = []
            theirs: list[float] = []
            for number in range(stage.resets):
                both = ((reset, ours), (flush, theirs))
                for empty, took in both if number % 2 else both[::-1]:
                    for key in range(_KEYS):
                        client.set(f"key:{key}", "value")
                    began = time.perf_counter()
                    empty()
                    took.append(time.perf_counter() - began)
                    if client.dbsize(target_nodes=RedisCluster.PRIMARIES):
                        raise SystemExit("keys were left")
    return median(ours) * 100, median(theirs) * 100


def _client(made: Made) -> Any:
    nodes = [ClusterNode("127.0.0.1", port) for port in made.ports]
    return RedisCluster(startup_nodes=nodes, password=made.wanted().password)
