"""`redistopo demo` on a replication, whose replicas serve the reads: its primary is killed."""

import re
from collections.abc import Iterator

import pytest
from support.demo import Demo, Listener, one_project
from support.engines import BUNDLED
from support.project import Project
from support.waiting import until


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with one_project(tmp_path_factory, "replication", engine=BUNDLED.path) as project:
        yield project


def _circuit(demo: Demo, calls: str) -> str:
    """The state of the circuit of these calls, by /metrics."""
    found = re.search(
        rf'^redistopo_cache_circuit\{{calls="{calls}",shard="",state="(\S+)"\}} 1.0$',
        demo.ask("GET", "/metrics").text,
        re.MULTILINE,
    )
    assert found is not None, demo.ask("GET", "/metrics").text
    return found[1]


def _role(reader: Listener, node: str) -> str:
    (shard,) = reader.state["topology"]["shards"]
    return str(next(one["role"] for one in shard["nodes"] if one["name"] == node))


def _hit(demo: Demo, item: str) -> bool:
    told = demo.get(item).json
    assert told["degraded"] == ""
    return bool(told["source"] == "cache")


def test_hits_go_on_without_the_primary_and_misses_say_so(shop: Project) -> None:
    with Demo(shop, shop.port + 15, "--db-delay", "10ms") as demo, demo.listen() as reader:
        demo.get("1")
        demo.get("2")
        for port in shop.ports[1:]:
            with shop.client(port) as client:
                until(lambda client=client: client.exists("data:1", "data:2") == 2)
        # what is told of a hand-over is what is done
        assert demo.press("/actions/failover", {"node": "node1"}).status == 200
        until(lambda: "redistopo failover node2 node3" in reader.stories())
        until(lambda: _role(reader, "node1") == "replica")
        assert demo.press("/actions/failover", {"node": "node1"}).status == 200
        until(lambda: "redistopo failover node1" in reader.stories())
        until(lambda: _role(reader, "node1") == "primary")
        until(lambda: _hit(demo, "1"))
        shop.crash(1)
        for _ in range(20):  # at once, and without a word
            assert _hit(demo, "1")
        for item in ("10", "11", "12", "13"):
            told = demo.get(item).json
            assert (told["source"], told["data"]["id"]) == ("database", item)
            assert told["degraded"]
            assert _hit(demo, "1")
        assert (_circuit(demo, "reads"), _circuit(demo, "writes")) == ("closed", "open")
        until(lambda: reader.state["circuits"] == [
            {"shard": "", "reads": "closed", "writes": "open"}
        ])  # fmt: skip
        health = demo.ask("GET", "/healthz").json
        assert health["status"] == "degraded"
        assert health["cache"]["shard 1"].startswith("writes: ")
        assert "redistopo up" in reader.stories()
        # a row that was changed now is never served by the replicas, which have the old one
        changed = demo.ask("PUT", "/data/2", {"name": "new"}).json
        assert changed["invalidated"] is False
        assert demo.get("2").json["data"]["name"] == "new"
        assert demo.get("2").json["degraded"]
        refused = demo.press("/actions/failover", {"node": "node2"})
        assert "redistopo up" in refused.json["error"]["hint"]
        shop.up()
        until(lambda: demo.get("2").json["degraded"] == "")
        assert {demo.get("2").json["data"]["name"] for _ in range(20)} == {"new"}
        until(lambda: demo.ask("GET", "/healthz").json["status"] == "ok")
        assert (_circuit(demo, "reads"), _circuit(demo, "writes")) == ("closed", "closed")
        until(lambda: _hit(demo, "10"))
