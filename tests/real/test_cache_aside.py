"""The cache-aside library on a real server: what it promises while Redis is well."""

import json
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from redis import Redis
from support.caches import MARGIN, Process, Rows, at_once, beside, short
from support.loads import Server, served
from support.waiting import until

from redistopo.cache_aside import CacheAside, Circuits, Settings, Source, State

CLOSED = {"": Circuits(reads=State.CLOSED, writes=State.CLOSED)}


def test_a_miss_a_hit_an_expiry_and_a_miss(client: Any, rows: Rows) -> None:
    cache = CacheAside(client, rows.load, ttl=0.2)
    missed, hit = cache.get("a"), cache.get("a")
    assert (missed.source, hit.source) == (Source.DATABASE, Source.CACHE)
    assert missed.data == hit.data == {"id": "a", "value": 1}
    assert missed.degraded == hit.degraded == ""
    assert rows.loads == 1
    assert json.loads(client.get("data:a")) == hit.data
    left = cache.ttl("a")
    assert left is not None
    assert 0 < left <= 0.2
    until(lambda: cache.ttl("a") is None)
    assert cache.get("a").source is Source.DATABASE
    assert rows.loads == 2


def test_that_there_is_no_such_row_is_cached_for_a_shorter_time(client: Any, rows: Rows) -> None:
    cache = CacheAside(client, rows.load, settings=Settings(negative_ttl=0.2))
    first, second = cache.get("none"), cache.get("none")
    assert (first.data, first.source) == (None, Source.DATABASE)
    assert (second.data, second.source) == (None, Source.CACHE)
    assert rows.loads == 1
    until(lambda: client.exists("data:none") == 0)
    rows.rows["none"] = 3
    assert cache.get("none").data == {"id": "none", "value": 3}
    counts = cache.stats.counts()
    assert (counts.requests, counts.hits, counts.misses, counts.negative) == (3, 1, 2, 2)


def test_lives_differ_by_chance_and_none_is_longer_than_the_ttl(client: Any) -> None:
    rows = Rows(**{str(n): n for n in range(60)})
    cache = CacheAside(client, rows.load, ttl=100, settings=Settings(jitter=0.2))
    for id in rows.rows:
        cache.get(id)
    lives = [client.pttl(f"data:{id}") for id in rows.rows]
    assert max(lives) <= 100_000
    assert min(lives) > 80_000 - 15_000  # the test itself takes a while
    assert len(set(lives)) > 40
    cache.ttl_seconds = 5
    cache.invalidate("1")
    cache.get("1")
    assert client.pttl("data:1") <= 5000


def test_a_hundred_misses_of_one_row_in_one_process_load_it_once(client: Any, rows: Rows) -> None:
    cache = CacheAside(client, rows.load)
    rows.hold()
    waiting = beside(lambda: at_once(100, lambda _: cache.get("a")))
    until(rows.read.is_set)
    rows.go()
    got = waiting()
    assert [one.data for one in got] == [{"id": "a", "value": 1}] * 100
    assert rows.loads == 1
    assert got[0].data is not got[1].data  # each may change its own
    counts = cache.stats.counts()
    assert (counts.requests, counts.loads, counts.errors) == (100, 1, 0)


def test_a_hundred_misses_in_four_processes_load_it_once(server: Server, tmp_path: Path) -> None:
    journal = tmp_path / "loads"
    made = [Process(server.port, journal, threads=25, delay=0.3) for _ in range(4)]
    try:
        for process in made:
            process.ask("a")
        for process in made:
            assert [data for data, _ in process.answer()] == [{"id": "a"}] * 25
        assert len(journal.read_text().splitlines()) == 1
        for process in made:
            process.ask("a")
            assert process.answer() == [[{"id": "a"}, "cache"]] * 25
    finally:
        for process in made:
            process.close()


def test_a_loader_that_is_killed_costs_the_others_its_claims_life(
    server: Server, client: Any, rows: Rows, tmp_path: Path
) -> None:
    dying = Process(server.port, tmp_path / "loads", delay=60, claim=1.0)
    dying.ask("a")
    until(lambda: client.exists("data:a"))
    dying.close()
    cache = CacheAside(client, rows.load)
    assert cache.ttl("a") is None  # a claim is no row
    got = cache.get("a")
    assert (got.data, got.source, got.degraded) == ({"id": "a", "value": 1}, Source.DATABASE, "")
    assert got.seconds < 1.0 + MARGIN
    assert cache.get("a").source is Source.CACHE


def test_a_loader_does_not_write_the_old_row_over_an_invalidation(client: Any, rows: Rows) -> None:
    slow, other = CacheAside(client, rows.load), CacheAside(client, rows.load)
    rows.hold()
    paused = beside(lambda: slow.get("a"))
    until(rows.read.is_set)  # it has read 1, and stands between the row and the cache
    rows.rows["a"] = 5
    assert other.invalidate("a")
    rows.go()
    assert paused().data == {"id": "a", "value": 1}  # it began before the write
    assert client.get("data:a") is None
    assert slow.get("a").data == other.get("a").data == {"id": "a", "value": 5}


def test_who_comes_after_a_write_does_not_join_a_load_from_before(client: Any, rows: Rows) -> None:
    cache = CacheAside(client, rows.load)
    rows.hold()
    paused = beside(lambda: cache.get("a"))
    until(rows.read.is_set)
    rows.read.clear()
    rows.rows["a"] = 5
    assert cache.invalidate("a")
    later = beside(lambda: cache.get("a"))
    until(rows.read.is_set)  # a second load, though the first one is still under way
    rows.go()
    assert later().data == {"id": "a", "value": 5}
    assert paused().data == {"id": "a", "value": 1}
    assert cache.get("a").data == {"id": "a", "value": 5}


def test_who_joins_a_load_that_another_process_overtook_does_not_get_its_row(
    client: Any, rows: Rows
) -> None:
    cache, other = CacheAside(client, rows.load), CacheAside(client, rows.load)
    rows.hold()
    paused = beside(lambda: cache.get("a"))
    until(rows.read.is_set)
    rows.rows["a"] = 5
    assert other.invalidate("a")
    looked = client.info("commandstats")["cmdstat_get"]["calls"]
    later = beside(lambda: cache.get("a"))  # finds nothing, and joins the load under way
    until(lambda: client.info("commandstats")["cmdstat_get"]["calls"] > looked)
    rows.go()
    assert later().data == {"id": "a", "value": 5}
    assert paused().data == {"id": "a", "value": 1}
    assert cache.get("a").data == other.get("a").data == {"id": "a", "value": 5}


class _Held(Redis):  # type: ignore[type-arg]  # generic in stubs alone
    """Before it deletes, `meanwhile` is done; the first answer to a script comes after `go`."""

    def delete(self, *keys: Any) -> Any:
        self.meanwhile()
        return super().delete(*keys)

    def eval(self, *words: Any) -> Any:
        answer = super().eval(*words)
        if not self.answered.is_set():
            self.answered.set()
            assert self.go.wait(20)
        return answer


def test_who_comes_after_a_write_does_not_join_who_found_the_old_row_just_before_the_deletion(
    server: Server, client: Any, rows: Rows, tmp_path: Path
) -> None:
    def read_too_early() -> None:
        early.append(beside(lambda: cache.get("a")))
        until(held.answered.is_set)  # it was told the old row, and hasn't come back with it

    early: list[Any] = []
    held = _Held("127.0.0.1", server.port)
    held.meanwhile, held.answered, held.go = read_too_early, Event(), Event()
    with held, served(tmp_path) as empty, short(empty.port) as lagging:
        CacheAside(client, rows.load).get("a")
        cache = CacheAside(held, rows.load, reader=lagging)
        rows.rows["a"] = 5
        assert cache.invalidate("a")
        later = beside(lambda: cache.get("a"))
        until(lambda: rows.loads == 2)  # it reads the new row, and waits for nobody
        held.go.set()
        assert later().data == {"id": "a", "value": 5}
        assert early[0]().data == {"id": "a", "value": 1}


def test_an_error_of_the_database_reaches_all_who_wait_and_the_next_tries_again(
    client: Any, rows: Rows
) -> None:
    cache = CacheAside(client, rows.load)
    rows.error = LookupError("the disk is on fire")
    rows.hold()
    waiting = beside(lambda: at_once(10, lambda _: cache.get("a")))
    until(lambda: cache._loads._running)
    rows.go()
    got = waiting()
    assert {str(one) for one in got} == {"the disk is on fire"}
    assert {type(one) for one in got} == {LookupError}
    assert cache.stats.counts().errors == 10
    assert client.exists("data:a") == 0  # the claim is gone at once
    rows.error = None
    assert cache.get("a").seconds < 5  # who waits for a claim waits 10 s
    assert cache.circuits() == CLOSED  # it wasn't Redis


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"{",
        b'{"id": 1',
        b"5",
        b'"text"',
        b"[1]",
        b"\xff\xfe",
        b"[" * 100_000,
        b"NaN",
        b" null",
    ],
    ids=lambda one: repr(one[:8]),
)
def test_garbage_is_a_miss_and_is_written_over(client: Any, rows: Rows, garbage: bytes) -> None:
    cache = CacheAside(client, rows.load)
    client.set("data:a", garbage)
    got = cache.get("a")
    assert (got.data, got.source) == ({"id": "a", "value": 1}, Source.DATABASE)
    assert cache.get("a").source is Source.CACHE
    assert rows.loads == 1


def test_a_key_that_holds_a_list_is_written_over_as_well(client: Any, rows: Rows) -> None:
    cache = CacheAside(client, rows.load, settings=Settings(failures=1))
    client.rpush("data:a", 1, 2)
    assert cache.ttl("a") is None
    assert cache.get("a").source is Source.DATABASE
    assert cache.get("a").source is Source.CACHE
    assert cache.circuits() == CLOSED  # one broken key is no reason to leave Redis alone


def test_one_who_only_ever_finds_others_claims_goes_on_without_the_cache(
    client: Any, rows: Rows
) -> None:
    cache = CacheAside(client, rows.load, settings=Settings(claim_seconds=0.2))
    client.set("data:a", b"loading:somebody", px=60_000)
    got = cache.get("a")
    assert got.data == {"id": "a", "value": 1}
    assert got.source is Source.DATABASE
    assert "locked" in got.degraded
    assert 0.4 <= got.seconds < 5  # that claim lives for 60 s
    assert client.get("data:a") == b"loading:somebody"


def test_what_another_process_wrote_meanwhile_is_a_hit_though_the_reader_lags(
    client: Any, rows: Rows, tmp_path: Path
) -> None:
    with served(tmp_path) as empty, short(empty.port) as lagging:
        CacheAside(client, rows.load).get("a")
        cache = CacheAside(client, rows.load, reader=lagging)
        assert cache.get("a").source is Source.CACHE
        assert rows.loads == 1
        assert cache.stats.counts().hits == 1
