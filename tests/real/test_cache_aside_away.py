"""The cache-aside library while Redis is dead, frozen, loading, or refuses: real servers, hurt."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel
from support.caches import BOUND, MARGIN, SHORT, Rows, at_once, short
from support.engines import BUNDLED
from support.loads import Server, frozen, served
from support.waiting import until

from redistopo.cache_aside import CacheAside, CacheAway, Circuits, Settings, Source, State

SETTINGS = Settings(retry_seconds=0.2)
OPEN, CLOSED = ({"": Circuits(reads=one, writes=one)} for one in (State.OPEN, State.CLOSED))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with served(tmp_path) as made:
        yield made


@pytest.fixture
def rows() -> Rows:
    return Rows(**{str(n): n for n in range(50)})


def _started(server: Server, folder: Path, *words: str) -> "subprocess.Popen[bytes]":
    argv = [BUNDLED.path, "--port", str(server.port), "--save", "", "--dir", str(folder), *words]
    return subprocess.Popen(argv, stdout=subprocess.DEVNULL)


def _opened(cache: CacheAside, rows: Rows) -> None:
    """A few gets, each right, told as degraded and in bounded time; then the circuit is open."""
    for n in range(SETTINGS.failures):
        got = cache.get(str(n))
        assert got.data == {"id": str(n), "value": rows.rows[str(n)]}
        assert got.source is Source.DATABASE
        assert got.degraded
        assert got.seconds < BOUND + MARGIN
    assert cache.circuits() == OPEN
    asked = rows.loads
    got = cache.get("1")
    assert got.data == {"id": "1", "value": rows.rows["1"]}
    assert rows.loads == asked + 1


def _back(cache: CacheAside) -> None:
    """The try after a while found Redis well, and the circuit is closed."""
    until(lambda: not cache.get("0").degraded)
    assert cache.circuits() == CLOSED
    assert cache.get("0").source is Source.CACHE


def test_killed_and_started_again(server: Server, rows: Rows, tmp_path: Path) -> None:
    with short(server.port) as client:
        cache = CacheAside(client, rows.load, settings=SETTINGS)
        cache.get("0")
        server.process.kill()
        server.process.wait()
        _opened(cache, rows)
        assert not cache.invalidate("0")
        again = _started(server, tmp_path)
        try:
            _back(cache)
        finally:
            again.kill()
            again.wait()
    counts = cache.stats.counts()
    assert counts.degraded >= SETTINGS.failures + 1
    assert counts.requests == counts.hits + counts.misses + counts.degraded


def test_frozen_no_request_waits_long_and_one_tries_now_and_then(
    server: Server, rows: Rows
) -> None:
    with short(server.port) as client:
        cache = CacheAside(client, rows.load, settings=SETTINGS)
        cache.get("0")
        with frozen(server.pid()):
            got = at_once(40, lambda n: cache.get(str(n)))
            assert [one.data["value"] for one in got] == list(range(40))
            assert max(one.seconds for one in got) < BOUND + MARGIN
            assert cache.circuits() == OPEN
            until(lambda: cache.get("1").degraded.startswith("TimeoutError"))  # the next try
            began = time.monotonic()
            got = at_once(40, lambda n: cache.get(str(n)))
            tries = 2 + (time.monotonic() - began) / SETTINGS.retry_seconds
            slow = [one for one in got if not one.degraded.startswith("circuit open")]
            assert len(slow) <= tries
        _back(cache)


def test_a_write_while_redis_is_frozen_is_made_good_before_the_key_is_served(
    server: Server, rows: Rows
) -> None:
    with short(server.port) as client, short(server.port) as plain:
        cache = CacheAside(client, rows.load)
        for id in ("1", "2", "3"):
            cache.get(id)
        with frozen(server.pid()):
            _opened(cache, rows)  # from now on nothing is sent that the server could do later
            for id in ("1", "2", "3"):
                rows.rows[id] = "new"
                assert not cache.invalidate(id)
            assert cache.get("1").data == {"id": "1", "value": "new"}
        assert plain.get("data:1") == b'{"id":"1","value":1}'  # the DEL never came through
        served: list[Any] = []
        until(lambda: served.append(cache.get("1")) or not served[-1].degraded)
        assert {one.data["value"] for one in served} == {"new"}
        # and the other keys in their turns, for processes that know nothing of it
        until(lambda: cache.get("0") and not plain.exists("data:2", "data:3"))
        assert cache.get("2").data == {"id": "2", "value": "new"}


def test_a_wrong_password(server: Server, rows: Rows) -> None:
    with server.client() as admin:
        admin.config_set("requirepass", "right")
        for password in ("wrong", ""):
            with short(server.port, password) as client:
                cache = CacheAside(client, rows.load, settings=SETTINGS)
                _opened(cache, rows)
                assert "Authentication" in cache.get("1").degraded
        with short(server.port, "right") as client:
            assert CacheAside(client, rows.load).get("1").degraded == ""


def test_sentinels_of_which_none_answers_are_told_in_a_line(server: Server, rows: Rows) -> None:
    with server.client() as admin:
        admin.shutdown(nosave=True)
    once = {"retry": Retry(NoBackoff(), 0), **SHORT}
    nobody = Sentinel([("127.0.0.1", server.port)] * 3, sentinel_kwargs=once)
    with nobody.master_for("shop", **once) as client:
        cache = CacheAside(client, rows.load, settings=SETTINGS)
        assert cache.get("1").degraded == "MasterNotFoundError: No master found for 'shop'"
        with pytest.raises(CacheAway, match=r"No master found for 'shop'$"):
            cache.check("1")


def test_a_user_who_may_not_run_scripts_has_no_cache_but_every_row(
    server: Server, rows: Rows
) -> None:
    with server.client() as admin:
        admin.execute_command("ACL", "SETUSER", "default", "-eval")
    with short(server.port) as client:
        cache = CacheAside(client, rows.load)
        for _ in range(5):
            got = cache.get("1")
            assert got.data == {"id": "1", "value": 1}
            assert "NoPermission" in got.degraded


def test_loading_its_data_from_disk(server: Server, rows: Rows, tmp_path: Path) -> None:
    with server.client() as admin:
        with admin.pipeline() as many:
            for n in range(2000):
                many.set(f"filler:{n}", "x" * 500)
            many.execute()
        admin.save()
    server.process.kill()
    server.process.wait()
    slow = ("--key-load-delay", "500", "--loading-process-events-interval-bytes", "1024")
    again = _started(server, tmp_path, *slow)
    try:
        with short(server.port) as client:
            cache = CacheAside(client, rows.load, settings=SETTINGS)
            until(lambda: "BusyLoading" in cache.get("1").degraded)
            assert cache.get("1").seconds < BOUND + MARGIN
            _back(cache)
    finally:
        again.kill()
        again.wait()


def test_redis_dies_between_the_claim_and_the_row(server: Server, rows: Rows) -> None:
    with short(server.port) as client:

        def load(id: str) -> Any:
            os.kill(server.pid(), signal.SIGKILL)
            server.process.wait()
            return rows.load(id)

        cache = CacheAside(client, load)
        began = time.monotonic()
        got = cache.get("1")
        assert got.data == {"id": "1", "value": 1}
        assert got.degraded.startswith("ConnectionError")
        assert time.monotonic() - began < BOUND + MARGIN
