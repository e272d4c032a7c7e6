"""`redistopo demo` on a real cluster, asked as a browser and as curl ask it."""

import signal
import sqlite3
import time
from collections.abc import Iterator

import psutil
import pytest
from redis.crc import key_slot
from support.demo import Crowd, Demo, Listener, one_project
from support.engines import BUNDLED
from support.project import Project
from support.waiting import until

DELAY = 0.2

_WELL = {
    "status": "ok",
    "database": "ok",
    "cache": {"shard 1": "ok", "shard 2": "ok", "shard 3": "ok"},
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    words = ("cluster", "--formation", "instant", "--node-timeout", "1000", "--name", "shop")
    with one_project(tmp_path_factory, *words, engine=BUNDLED.path) as project:
        yield project


@pytest.fixture(scope="module")
def demo(shop: Project) -> Iterator[Demo]:
    with Demo(shop, shop.port + 15, "--db-delay", str(DELAY)) as serving:
        yield serving


def _holds(shop: Project, key: str) -> tuple[str, int]:
    """The name of the primary that has the key, by the servers' own word, and its slot."""
    for number, port in enumerate(shop.ports, 1):
        with shop.client(port) as client:
            found = client.info("replication")["role"] == "master" and client.keys(key)
        if found:
            return f"node{number}", key_slot(key.encode())
    raise AssertionError(f"nobody has {key}")


def test_slow_then_fast_then_slow_again(demo: Demo, shop: Project) -> None:
    first, second = demo.get("7").json, demo.get("7").json
    assert first["data"] == second["data"]
    assert list(first["data"]) == ["id", "name", "description", "timestamp"]
    assert (first["source"], second["source"]) == ("database", "cache")
    assert first["milliseconds"] > DELAY * 1000 > second["milliseconds"]
    assert 50 < second["ttl"] < first["ttl"] <= 60
    assert (second["node"], second["slot"]) == _holds(shop, "data:7")
    changed = demo.ask("PUT", "/data/7", {"name": "<img src=x onerror=alert(1)>"})
    assert changed.json["invalidated"] is True
    again = demo.get("7")
    assert again.headers["Content-Type"] == "application/json"
    assert again.headers["X-Content-Type-Options"] == "nosniff"
    assert again.json["source"] == "database"
    assert again.json["data"]["name"] == "<img src=x onerror=alert(1)>"
    assert demo.ask("DELETE", "/cache/7").json == {"invalidated": True}
    assert demo.press("/ttl", {"seconds": 0.5}).json == {"ttl": 0.5}
    assert demo.get("7").json["ttl"] <= 0.5
    until(lambda: demo.get("7").json["source"] == "database")
    demo.press("/ttl", {"seconds": 60})
    demo.get("7")
    assert demo.ask("DELETE", "/cache").json["removed"] >= 1
    assert demo.get("7").json["source"] == "database"
    nobody = demo.get("nobody"), demo.get("nobody")
    assert [one.status for one in nobody] == [404, 404]
    assert [one.json["data"] for one in nobody] == [None, None]
    assert [one.json["source"] for one in nobody] == ["database", "cache"]


ODD = ("né€", "a/b", "//x/", "..", "../../etc/passwd", "%", "{a}b", "a\nb", " ", "?#&", "\u2028",
       "<script>", "\x00", "'; DROP TABLE items; --", "🦄", "x" * 512)  # fmt: skip


def test_any_id_is_an_id(demo: Demo, shop: Project) -> None:
    for item in ODD:
        reply = demo.get(item)
        assert (reply.status, reply.json["data"]) == (404, None), item
        assert reply.json["slot"] == key_slot(f"data:{item}".encode()), item
        assert _holds(shop, f"data:{item}"), item
        assert demo.ask("PUT", reply_path(item), {"name": "x"}).error == "there is no such item"
    assert demo.ask("GET", "/data/%ff").status == 404
    assert demo.get("x" * 513).error == "that id is too long"


def reply_path(item: str) -> str:
    """As a careless client writes it: what may stand in a path stands there as it is."""
    from urllib.parse import quote

    return f"/data/{quote(item, safe='/.~<>{}' + chr(39))}"


def test_what_is_refused_is_refused_as_json(demo: Demo) -> None:
    own, token = f"http://127.0.0.1:{demo.port}", demo.token
    press = {"X_Redistopo_Token": token}
    as_json = {"Content_Type": "application/json"}
    refused = [
        (403, "GET", "/data/1", None, {"Host": "evil.example"}),
        (403, "GET", "/events", None, {"Host": f"evil.example:{demo.port}"}),
        (403, "PUT", "/data/1", {"name": "x"}, {"Origin": "http://evil.example"}),
        (403, "GET", "/data/1", None, {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Dest": "image"}),
        (403, "DELETE", "/cache", None, {"Origin": "null"}),
        (403, "DELETE", "/cache/1", None, {"Sec_Fetch_Site": "same-site"}),
        (403, "POST", "/actions/stop", {"node": "node1"}, {}),
        (403, "POST", "/actions/stop", {"node": "node1"}, {"X_Redistopo_Token": "wrong"}),
        (403, "POST", "/actions/stop", {"node": "node1"}, {**press, "Origin": "http://localhost"}),
        (403, "POST", "/load", {"rate": 1}, {"Origin": own}),
        (404, "POST", "/actions/explode", {"node": "node1"}, press),
        (400, "POST", "/actions/stop", {"node": "node9"}, press),
        (400, "POST", "/actions/stop", {"node": ["node1"]}, press),
        (400, "POST", "/actions/stop", ["node1"], press),
        *[(400, "POST", "/load", {"rate": rate}, press) for rate in (-1, 501, "9", True, None)],
        (400, "POST", "/load", b'{"rate": NaN}', {**press, "Content_Type": "application/json"}),
        (400, "POST", "/load", b'{"rate": 1%s}' % (b"0" * 400), {**press, **as_json}),
        (400, "PUT", "/data/1", b"[" * 15_000, as_json),
        (400, "POST", "/load", b"{", {**press, "Content_Type": "application/json"}),
        (400, "PUT", "/data/1", b"\xff", as_json),
        (415, "POST", "/load", b"rate=1", press),
        (400, "POST", "/ttl", {"seconds": 0}, press),
        (413, "POST", "/load", {"rate": "9" * 20_000}, press),
        (400, "PUT", "/data/1", {}, {}),
        (400, "PUT", "/data/1", {"id": "2"}, {}),
        (400, "PUT", "/data/1", {"name": 1}, {}),
        (400, "PUT", "/data/1", b'{"name": "\\ud800"}', {"Content_Type": "application/json"}),
        (415, "PUT", "/data/1", b'{"name": "x"}', {"Content_Type": "text/plain"}),
        (404, "GET", "/data/", None, {}),
        (404, "GET", "/../pyproject.js", None, {}),
        (404, "GET", "/nowhere", None, {}),
        (405, "POST", "/data/1", {"name": "x"}, {}),
    ]  # fmt: skip
    for status, method, path, body, headers in refused:
        reply = demo.ask(method, path, body, **headers)
        assert (reply.status, bool(reply.error)) == (status, True), (method, path, body, headers)
    assert demo.ask("PUT", "/data/1", b"", **as_json).error == "the body is not JSON"
    page = demo.ask("GET", "/", Origin="http://evil.example")
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert not any(name.startswith("Access-Control") for name in page.headers)
    assert demo.ask("POST", "/load", {"rate": 0}, **press, Origin=own).status == 200


def test_two_hundred_listeners_hold_up_nobody(demo: Demo) -> None:
    idle = _threads(demo)
    assert idle < 64
    before = demo.metric("redistopo_cache_requests_total")
    demo.get("1")
    assert demo.metric("redistopo_cache_requests_total") == before + 1
    with Crowd(demo.port, 199) as crowd, demo.listen() as reader:
        until(lambda: crowd.count(b"event: state") == 199)
        assert demo.metric("redistopo_demo_event_streams") == 200
        assert demo.press("/load", {"rate": 50}).json == {"rate": 50.0}
        until(lambda: crowd.count(b"event: served") == 199)
        assert _threads(demo) > 200  # each stream occupies one
        took = []
        for _ in range(20):
            began = time.monotonic()
            assert demo.get("1").json["source"] == "cache"
            took.append(time.monotonic() - began)
        assert sorted(took)[10] < DELAY  # each answer would take so long without a cache
        with Crowd(demo.port, 57) as more:
            until(lambda: more.count(b"HTTP/1.1 503") == 1)
            until(lambda: more.count(b"event: state") == 56)
        until(lambda: reader.of("state") and reader.state["load"]["done"] > 20)
        _judge(reader)
        demo.press("/load", {"rate": 0})
    until(lambda: demo.metric("redistopo_demo_event_streams") == 0)
    assert demo.get("1").status == 200
    until(lambda: _threads(demo) < idle + 32, what=lambda: f"{_threads(demo)} threads, {idle} idle")


def _threads(demo: Demo) -> int:
    return psutil.Process(demo.telling.process.pid).num_threads()


def _judge(reader: Listener) -> None:
    """What it was told has the fields that the page reads."""
    told = reader.of("served")[-1][0]
    assert set(told) == {"id", "source", "ms", "ttl", "node", "slot", "degraded", "status"}
    state = reader.state
    assert (state["name"], state["shape"], state["own"]) == ("shop", "cluster", True)
    assert [one["slots"] for one in state["topology"]["shards"]] == [
        "0-5460", "5461-10922", "10923-16383",
    ]  # fmt: skip
    assert state["latency"]["hit"]["count"] > 0
    assert state["stats"]["requests"] >= state["stats"]["hits"] > 0


def test_a_primary_is_stopped_from_the_page_and_started_again(demo: Demo, shop: Project) -> None:
    lead, _slot = demo.get("1") and _holds(shop, "data:1")
    with demo.listen() as reader:
        demo.press("/load", {"rate": 50})
        done = demo.press("/actions/stop", {"node": lead})
        assert done.status == 200
        assert "stopped" in done.json["done"]
        away = demo.get("1")
        assert (away.status, away.json["source"]) == (200, "database")
        assert away.json["degraded"]
        health = demo.ask("GET", "/healthz")
        assert (health.status, health.json["status"]) == (200, "degraded")
        assert [name for name, said in health.json["cache"].items() if said == "ok"] != []
        assert away.json["ttl"] is None
        until(lambda: demo.get("1").json["source"] == "cache", 30)
        assert demo.get("1").json["node"] != lead
        until(lambda: "was promoted" in reader.stories())
        assert f"{lead} (" in reader.stories()
        assert demo.press("/actions/start", {"node": lead}).status == 200
        until(lambda: f"{lead} ({shop.port + int(lead[4:]) - 1}) replies again" in reader.stories())
        until(lambda: "served from the database in the meantime" in reader.stories())
        demo.press("/load", {"rate": 0})
    assert demo.metric("redistopo_cache_degraded_total") > 0
    until(lambda: demo.ask("GET", "/healthz").json == _WELL)


def test_it_ends_at_once_keeps_its_rows_and_leaves_the_port(shop: Project) -> None:
    port = shop.port + 16
    with Demo(shop, port, "--db-delay", "0s") as serving:
        taken = shop.run("demo", "--port", str(port), check=4)
        assert f"port {port} is in use by" in taken.err
        assert f"(pid {serving.telling.process.pid})" in taken.err
        # beside a taken port of ours stand others that are taken as well
        node = shop.run("demo", "--port", str(shop.ports[0]), check=4)
        assert node.err.endswith(f"redistopo demo --port {shop.ports[-1] + 1}\n")
        serving.ask("PUT", "/data/2", {"description": "kept"})
        readers = [serving.listen() for _ in range(5)]
        assert psutil.Process(serving.telling.process.pid).children(recursive=True) == []
        began = time.monotonic()
        assert serving.end(signal.SIGTERM) == 130
        assert time.monotonic() - began < 5
        assert serving.telling.said == ""
        until(lambda: all(reader.ended for reader in readers))
        for reader in readers:
            reader.close()
    with Demo(shop, port, "--db-delay", "0s") as serving:
        assert serving.get("2").json["data"]["description"] == "kept"
        assert serving.end(signal.SIGINT) == 130
        assert serving.telling.said == ""
    path = shop.root / ".redistopo" / "demo.sqlite"
    assert path.stat().st_mode & 0o777 == 0o600
    with sqlite3.connect(path) as rows:
        assert rows.execute("SELECT description FROM items WHERE id = '2'").fetchone() == ("kept",)
    rows.close()
    assert shop.run("verify", check=0).code == 0
