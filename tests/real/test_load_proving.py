"""A load that proves: its reads notice a lost key, and failed operations are tried again."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.loads import Server, keys, request, served
from support.waiting import until

from redistopo.drill.load_generator import LoadGenerator
from redistopo.drill.proving_worker import MISSING


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with served(tmp_path) as made:
        yield made


def test_a_read_that_misses_an_acknowledged_write_is_an_error(server: Server) -> None:
    with LoadGenerator(request(server, rate=500, proving=True)) as load:
        assert load.warm(10) == ""
        until(lambda: len(keys(server)) > 50)
        with server.client() as client:
            client.flushall()
        since = time.monotonic()
        until(lambda: load.served(since, writes=20))
        seen = load.check(10)
        load.clean(10)
    assert MISSING in {op.error for op in seen.ops}
    assert seen.lost > 0
    assert keys(server) == set()


def test_an_operation_is_tried_again_and_its_wait_counts(server: Server) -> None:
    with LoadGenerator(request(server, rate=500, proving=True)) as load:
        assert load.warm(10) == ""
        with server.client() as client:
            client.config_set("maxmemory", "1")  # writes are refused: OOM
            until(lambda: sum(load.retried.values()) > 3)
            client.config_set("maxmemory", "0")
        since = time.monotonic()
        until(lambda: load.served(since, writes=20))
        seen = load.check(10)
        load.clean(10)
    assert {*load.retried} == {"OutOfMemoryError"}
    assert not [op for op in seen.ops if op.error and op.waited is not None]
    assert max(op.ended - op.sent for op in seen.ops) > 0.05
    assert (seen.lost, seen.unchecked) == (0, 0)
