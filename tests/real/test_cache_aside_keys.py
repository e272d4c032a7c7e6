"""The cache-aside library on a real server: its keys, what it clears, and what it refuses."""

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.caches import Rows, at_once, beside, short
from support.loads import Server, served
from support.waiting import until

from redistopo.cache_aside import CacheAside, CacheAway, Settings, Source


def test_clear_removes_the_rows_of_its_prefix_and_version_and_nothing_else(
    client: Any, rows: Rows
) -> None:
    foreign = ["database:1", "dat", "other:data:1", "Data:1", "data"]
    for key in foreign:
        client.set(key, "theirs")
    first = CacheAside(client, rows.load)
    second = CacheAside(client, rows.load, settings=Settings(version=2))
    glob = CacheAside(client, rows.load, settings=Settings(prefix="d[a]*"))
    for cache in (first, second, glob):
        for id in ("a", "v2:a", "v1:a", "*", "\ud800"):
            cache.get(id)
    client.set("data:\udcff".encode(errors="surrogateescape"), "in our room, and no UTF-8")
    assert client.dbsize() == len(foreign) + 16
    assert glob.clear() == 5
    assert first.clear() == 6
    assert second.get("v2:a").source is Source.CACHE
    assert second.clear() == 5
    assert sorted(client.keys()) == sorted(key.encode() for key in foreign)
    assert first.clear() == 0
    many = Rows(**{str(n): n for n in range(1200)})
    cache = CacheAside(client, many.load)
    at_once(4, lambda part: [cache.get(str(n)) for n in range(part, 1200, 4)])
    assert cache.clear() == 1200


def test_clear_leaves_a_load_under_way_to_itself(client: Any, rows: Rows) -> None:
    cache = CacheAside(client, rows.load)
    rows.hold()
    paused = beside(lambda: cache.get("a"))
    until(rows.read.is_set)
    cache.clear()
    assert client.dbsize() == 0
    rows.read.clear()
    later = beside(lambda: cache.get("a"))
    until(rows.read.is_set)  # it doesn't wait for the load from before
    rows.go()
    paused()
    later()
    assert client.get("data:a") == b'{"id":"a","value":1}'


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    id=st.text(st.characters(), max_size=40)
    | st.text("{}:v1\n\0 *?[]\\\ud800\udfffé😀", max_size=12)
)
def test_any_id_is_a_key_of_its_own(one_for_all: Server, id: str) -> None:
    with short(one_for_all.port) as client:
        cache = CacheAside(client, lambda id: {"it": ascii(id)})
        cache.invalidate(id)
        assert cache.get(id).data == {"it": ascii(id)}
        hit = cache.get(id)
        assert (hit.data, hit.source) == ({"it": ascii(id)}, Source.CACHE)
        assert cache.ttl(id) is not None
        assert cache.invalidate(id)
        assert cache.ttl(id) is None


def test_a_very_long_id(client: Any) -> None:
    cache = CacheAside(client, lambda id: {"long": len(id)})
    id = "{é}" * 300_000
    assert cache.get(id).data == cache.get(id).data == {"long": 900_000}
    assert cache.clear() == 1


def test_a_row_that_json_can_not_hold_is_told_and_the_claim_is_gone(client: Any) -> None:
    cache = CacheAside(client, lambda _: {"at": object()})
    with pytest.raises(TypeError, match="not JSON serializable"):
        cache.get("a")
    assert client.dbsize() == 0


def test_a_client_that_decodes_is_refused_at_once(server: Server, rows: Rows) -> None:
    with server.client() as decoding, pytest.raises(ValueError, match="decode_responses"):
        CacheAside(decoding, rows.load)


def test_while_the_server_takes_no_writes_hits_are_still_hits(client: Any, rows: Rows) -> None:
    cache = CacheAside(client, rows.load)
    cache.get("a")
    client.config_set("maxmemory", 1)
    client.config_set("maxmemory-policy", "noeviction")
    try:
        for _ in range(5):
            got = cache.get("b")
            assert (got.data, got.source) == ({"id": "b", "value": 2}, Source.DATABASE)
            assert "OutOfMemory" in got.degraded
        assert cache.get("a").source is Source.CACHE
    finally:
        client.config_set("maxmemory", 0)
    assert cache.get("b").degraded == ""
    began = time.monotonic()
    assert cache.get("b").source is Source.CACHE
    assert time.monotonic() - began < 5


def test_clear_says_that_redis_is_away(rows: Rows, tmp_path: Path) -> None:
    with served(tmp_path) as gone, short(gone.port) as client:
        cache = CacheAside(client, rows.load)
        gone.process.kill()
        gone.process.wait()
        with pytest.raises(CacheAway, match="ConnectionError"):
            cache.clear()
        assert cache.ttl("a") is None
