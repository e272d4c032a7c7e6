"""`redistopo demo` where something is wrong: before it serves, and while it does."""

import fcntl
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from support.demo import Demo, one_project
from support.engines import BUNDLED
from support.project import Project
from support.waiting import until

BOUND = 5.0
"""Seconds within which an answer comes whatever Redis does; a client's timeouts and a load."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with one_project(tmp_path_factory, "standalone", engine=BUNDLED.path) as project:
        yield project


@pytest.fixture(scope="module")
def demo(shop: Project) -> Iterator[Demo]:
    with Demo(shop, shop.port + 15, "--db-delay", "10ms") as serving:
        yield serving


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _degraded(demo: Demo, item: str = "1") -> str:
    """Why the cache wasn't used; the answer came in time, and with the row."""
    began = time.monotonic()
    reply = demo.get(item)
    assert time.monotonic() - began < BOUND
    assert (reply.status, reply.json["data"]["id"]) == (200, item)
    return str(reply.json["degraded"])


def _well(demo: Demo) -> None:
    until(lambda: demo.get("1").json["source"] == "cache", what="the cache is used again")
    assert demo.ask("GET", "/healthz").json["status"] == "ok"


def test_redis_freezes_dies_and_refuses(demo: Demo, shop: Project) -> None:
    _well(demo)
    server = psutil.Process(shop.pid(1))
    server.suspend()
    # it is asked now: no request has failed yet, and no circuit is open
    began = time.monotonic()
    health = demo.ask("GET", "/healthz")
    assert time.monotonic() - began < BOUND + 1
    assert (health.status, health.json["status"], health.json["database"]) == (
        200,
        "degraded",
        "ok",
    )
    assert "imeout" in health.json["cache"]["shard 1"]
    assert _degraded(demo)
    assert demo.ask("DELETE", "/cache/1").json == {"invalidated": False}
    assert demo.ask("DELETE", "/cache").status == 503
    server.resume()
    _well(demo)
    with shop.client() as client:
        password = shop.password
        client.config_set("requirepass", "another")
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert _degraded(demo)
        assert password not in _degraded(demo)
        client.config_set("requirepass", password)
    _well(demo)
    # another password by the book: read anew, though the demo was started with the old one
    shop.run("secret", "rotate", check=0)
    assert shop.password != password
    with shop.client() as client, demo.listen() as reader:
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        _well(demo)
        until(lambda: "the password was changed" in reader.stories())
    server.kill()
    server.wait()
    assert _degraded(demo)
    shop.up()
    _well(demo)


def test_the_database_is_locked_or_missing(demo: Demo, shop: Project) -> None:
    path = shop.root / ".redistopo" / "demo.sqlite"
    demo.get("1")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert demo.get("1").json["source"] == "cache"  # needs no database
        assert demo.get("50").status == 503
        assert "locked" in demo.get("50").error
        assert demo.ask("PUT", "/data/1", {"name": "x"}).status == 503
        health = demo.ask("GET", "/healthz")
        assert (health.status, health.json["status"]) == (503, "down")
        assert "locked" in health.json["database"]
        assert "locked" in health.error
        assert health.json["cache"] == {"shard 1": "ok"}
        other.execute("ROLLBACK")
    assert demo.get("50").status == 200
    aside = path.with_suffix(".aside")
    path.rename(aside)
    assert demo.get("51").status == 503
    assert demo.get("51").error
    assert not path.exists()
    aside.rename(path)
    assert demo.get("51").status == 200


def test_another_topology_is_only_used(shop: Project, tmp_path: Path) -> None:
    def ours() -> set[str]:
        return {path.name for path in Path(tempfile.gettempdir()).glob("redistopo-demo-*")}

    before = ours()
    address = f"redis://:{shop.password}@127.0.0.1:{shop.port}"
    with Demo(shop, shop.port + 16, "--connect", address, "--ttl", "5s") as demo:
        with demo.listen() as reader:
            until(lambda: reader.of("state"))
            assert (reader.state["own"], reader.state["actions"]) == (False, [])
            assert shop.password not in str(reader.told)
        assert demo.get("3").json["ttl"] <= 5
        assert demo.press("/actions/stop", {"node": "node1"}).status == 403
        assert len(ours() - before) == 1
        # what others keep there is neither read, nor written over, nor cleared
        with shop.client() as redis:
            redis.hset("data:4", "of", "somebody's")
            assert demo.get("4").json["data"]["name"] == "Item 4"
            assert demo.ask("DELETE", "/cache").json == {"removed": 2}
            assert redis.hgetall("data:4") == {"of": "somebody's"}
            redis.delete("data:4")
    assert not ours() - before


def test_an_action_under_way_ends_before_the_demo_does(shop: Project) -> None:
    with Demo(shop, shop.port + 16) as demo, ThreadPoolExecutor() as pool:
        with (shop.root / ".redistopo" / "lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # as another redistopo does; the action waits for it
            token = demo.token

            def freeze() -> str:
                asked = "/actions/freeze", {"node": "node1"}
                return demo.ask("POST", *asked, X_Redistopo_Token=token).text

            both = [pool.submit(freeze), pool.submit(freeze)]
            (refused,), (under_way,) = wait(both, return_when=FIRST_COMPLETED)
            assert "has to wait: freeze node1 is in progress" in refused.result()
            demo.telling.process.terminate()
            until(lambda: not listening(demo.port))
            assert demo.telling.process.poll() is None
        assert demo.telling.process.wait(20) == 130
        demo.end()
        assert "waiting for freeze node1 to end" in demo.telling.said
        assert under_way.exception()  # nobody is left to answer
    states = [process.status() for process in shop.servers()]
    assert states == [psutil.STATUS_STOPPED]
    shop.run("resume", check=0)


def test_what_it_lacks_it_says_in_a_line(shop: Project, tmp_path: Path) -> None:
    nothing = Project(tmp_path, shop.port)
    assert "redistopo init" in nothing.run("demo", check=2).err
    nothing.run("init", "standalone", "--port", str(shop.port + 5), check=0)
    assert "redistopo up" in nothing.run("demo", check=1).err
    assert "can't be used" in shop.run("demo", "--database", "no/such/file", check=4).err
    assert "--ttl" in shop.run("demo", "--ttl", "0s", check=2).err
    assert "is not a valid host" in shop.run("demo", "--host", "127.0.0.1 0.0.0.0", check=2).err
    without = f"""
import sys
sys.modules["waitress"] = None  # as if it weren't installed
sys.argv = ["redistopo", "demo", "--dir", {str(shop.root)!r}]
from redistopo.cli.main import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", without], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (4, "")
    assert "pip install" in done.stderr
    assert done.stderr.endswith(" flask prometheus-client waitress\n")


def test_down_keeps_the_rows_and_a_wipe_does_not(shop: Project, demo: Demo) -> None:
    path = shop.root / ".redistopo" / "demo.sqlite"
    shop.run("down", check=0)
    assert path.exists()
    assert _degraded(demo)
    shop.up()
    _well(demo)
    shop.run("down", "--wipe", "--yes", check=0)
    assert not (shop.root / ".redistopo").exists()
    assert demo.get("60").status == 503
    shop.up()
    # with another password, which is read anew
    until(lambda: demo.ask("GET", "/healthz").json["cache"] == {"shard 1": "ok"})
    assert not path.exists()
