"""The cache-aside library with a reader of its own: a primary and its replica, hurt one by one."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.caches import BOUND, MARGIN, SECONDS, Rows, short
from support.loads import Server, frozen, served
from support.waiting import until

from redistopo.cache_aside import CacheAside, CacheAway, Circuits, Settings, Source, State

SETTINGS = Settings(retry_seconds=1.0)
WELL = {"": Circuits(reads=State.CLOSED, writes=State.CLOSED)}
CACHED = ("0", "1", "2")


@dataclass
class Pair:
    """A primary and its replica, with a client for each, and a cache that has `CACHED`."""

    primary: Server
    replica: Server
    client: Any
    reader: Any
    rows: Rows
    cache: CacheAside


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with ExitStack() as stack:
        for name in ("primary", "replica"):
            tmp_path.joinpath(name).mkdir()
        primary = stack.enter_context(served(tmp_path / "primary"))
        replica = stack.enter_context(served(tmp_path / "replica"))
        client = stack.enter_context(short(primary.port))
        reader = stack.enter_context(short(replica.port))
        client.config_set("repl-diskless-sync-delay", 0)
        reader.replicaof("127.0.0.1", primary.port)
        rows = Rows(**{str(n): n for n in range(50)})
        cache = CacheAside(client, rows.load, reader=reader, settings=SETTINGS)
        until(lambda: reader.info("replication")["master_link_status"] == "up")
        for id in CACHED:
            cache.get(id)
        until(lambda: reader.exists(*map(cache.key, CACHED)) == len(CACHED))
        until(lambda: cache.get("0").source is Source.CACHE)
        yield Pair(primary, replica, client, reader, rows, cache)


def _hit(cache: CacheAside, id: str = "0") -> None:
    got = cache.get(id)
    assert (got.source, got.degraded) == (Source.CACHE, "")


def test_while_the_primary_is_away_hits_go_on_and_misses_wait_for_it_no_more(pair: Pair) -> None:
    cache, rows = pair.cache, pair.rows
    with frozen(pair.primary.pid()):
        for n in range(10, 10 + SETTINGS.failures):
            _hit(cache)  # a read that is answered says nothing about writes
            got = cache.get(str(n))
            assert got.data == {"id": str(n), "value": n}
            assert got.degraded.startswith("TimeoutError")
            assert got.seconds < BOUND + MARGIN
        assert cache.circuits() == {"": Circuits(reads=State.CLOSED, writes=State.OPEN)}
        _hit(cache)
        got = cache.get("20")
        assert got.degraded.startswith("circuit open for writes, last error: TimeoutError")
        assert got.seconds < SECONDS
        with pytest.raises(CacheAway, match=r"^writes: "):
            cache.check("0")
        # what is owed isn't served by the replica, which still has the old row
        for id in ("1", "2"):
            rows.rows[id] = "new"
            assert not cache.invalidate(id)
        assert pair.reader.get("data:1") == b'{"id":"1","value":1}'
        for _ in range(3):
            got = cache.get("1")
            assert got.data == {"id": "1", "value": "new"}
            assert got.degraded
    # nobody asks for what it owes, and nobody misses: it is paid all the same
    until(lambda: _hit(cache) or not pair.client.exists("data:1", "data:2"))
    until(lambda: not pair.reader.exists("data:1", "data:2"))
    for id in ("1", "2"):
        assert cache.get(id).data == {"id": id, "value": "new"}
    until(lambda: cache.circuits() == WELL)
    cache.check("0")


def test_who_pays_a_debt_does_not_ask_a_replica_that_may_not_know_it_yet(pair: Pair) -> None:
    pair.reader.replicaof("no", "one")  # from now on it lags for ever
    with frozen(pair.primary.pid()):
        pair.rows.rows["1"] = "new"
        assert not pair.cache.invalidate("1")
    got = pair.cache.get("1")
    assert got.data == {"id": "1", "value": "new"}
    assert not got.degraded


def test_while_the_replica_is_away_there_is_no_cache_and_writes_get_through(pair: Pair) -> None:
    cache = pair.cache
    pair.replica.process.kill()
    pair.replica.process.wait()
    for _ in range(SETTINGS.failures):
        assert cache.get("0").degraded.startswith("ConnectionError")
        assert cache.invalidate("1")  # a write that is answered says nothing about reads
    assert cache.circuits() == {"": Circuits(reads=State.OPEN, writes=State.CLOSED)}
    assert cache.get("0").degraded.startswith("circuit open for reads")
    with pytest.raises(CacheAway, match=r"^reads: "):
        cache.check("0")
    assert cache.ttl("0")  # the primary knows
