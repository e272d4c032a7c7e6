"""The demo's stage on real servers: its clients, where keys are, what is told, what is done."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from support.engines import BUNDLED, TLS
from support.judge import roles
from support.project import Project
from support.waiting import until

from redistopo.cache_aside import Settings, Source
from redistopo.demo.backend import Backend, BackendRequest, open_backend
from redistopo.demo.notices import Notice
from redistopo.errors import RedistopoError, UsageError

KEYS = [f"data:{n}" for n in range(6)] + ["data:{a}b", "data:é", "data:{}x"]
BOUND_SECONDS = 3.0
"""Of one call to a node that hangs: a timeout or two; far from redis-py's own, none."""


def _up(project: Project, shape: str, *words: str) -> BackendRequest:
    project.init(shape, *words, engine=BUNDLED.path)
    project.up()
    return BackendRequest(root=project.root)


def _calls(project: Project, command: str) -> dict[int, int]:
    """How often each server was asked that, by its own word."""
    found = {}
    for port in project.ports:
        with project.client(port) as client:
            stats = client.info("commandstats")
            found[port] = int(stats.get(f"cmdstat_{command}", {"calls": 0})["calls"])
    return found


def _works(live: Backend) -> None:
    """Each key is written and read; a replica has it a moment later."""
    for key in KEYS:
        live.writer.set(key, key)
    for key in KEYS:
        until(lambda key=key: live.reader.get(key) == key.encode())  # type: ignore[misc]


def _served(live: Backend, key: str) -> bool:
    try:
        live.writer.set(key, "x")
        return live.reader.get(key) is not None
    except (redis.RedisError, redis.RedisClusterException):
        return False


def _bus_has(node: redis.Redis, port: int) -> bool:
    """Whether that node of a cluster sees the one with that port as connected and not failed."""
    member = next(one for at, one in node.cluster("nodes").items() if at.endswith(f":{port}"))
    return bool(member["connected"]) and "fail" not in member["flags"]


def _bounded(work: Callable[[], object]) -> None:
    began = time.monotonic()
    work()
    assert time.monotonic() - began < BOUND_SECONDS


def test_a_cluster_whose_primary_is_stopped(project: Project) -> None:
    request = _up(project, "cluster", "--node-timeout", "1000", "--formation", "instant")
    told: list[Notice] = []
    with open_backend(request) as live:
        live.subscribe(told.append)
        assert (live.name, live.shape, live.own) == ("project", "cluster", True)
        _works(live)
        for key in KEYS:  # by the servers' own word
            place = live.place(key)
            port = project.port + int(place.node.removeprefix("node")) - 1
            with project.client(port) as node:
                assert node.execute_command("CLUSTER", "KEYSLOT", key) == place.slot
                assert node.get(key) == key  # and not MOVED
            assert place.role == "primary"
            assert live.shard_of(key) == f"shard {place.node.removeprefix('node')}"
        key = next(one for one in KEYS if live.place(one).node == "node1")
        with pytest.raises(UsageError, match="no node 'replica'"):
            live.act("stop", "replica")
        with pytest.raises(UsageError, match="not an action"):
            live.act("kill", "node1")
        assert "node1: stopped; shard 1: node4 takes over" in live.act("stop", "node1")
        _bounded(lambda: _served(live, key))
        until(lambda: _served(live, key))
        until(lambda: live.place(key).node == "node4")
        until(lambda: any("promoted" in one.text for one in told))
        first, second = f"node1 ({project.port})", f"node4 ({project.port + 3})"
        lines = [one.text for one in told]
        assert lines[0] == "redistopo stop node1"
        assert any(one.startswith("shard 1: node4 takes over") for one in lines)
        assert any(one.startswith(f"{first} stopped replying") for one in lines)
        assert any(one.endswith(f"that {first} is down") for one in lines)
        assert any(one.startswith(f"{second} was promoted after ") for one in lines)
        assert roles([project.port + 3], project.password) == {project.port + 3: "master"}
        (shard, *_) = [one for one in live.view().shards if one.name == "shard 1"]
        assert [(one.name, one.state) for one in shard.nodes] == [
            ("node4", "up"),
            ("node1", "gone"),
        ]
        live.act("start", "node1")
        until(lambda: any(f"{first} replies again" in one.text for one in told))
        with project.client() as node:
            until(lambda: node.info("replication")["master_link_status"] == "up")
        # the primary lists a replica as online a moment after the replica has its link
        with project.client(project.ports[3]) as node:
            until(lambda: node.info("replication").get("slave0", {}).get("state") == "online")
            # and takes its mark of failure back when the bus has heard of it
            until(lambda: _bus_has(node, project.port))
        assert "node1 is primary now, instead of node4" in live.act("failover", "node4")
        until(lambda: _served(live, key) and live.place(key).node == "node1")


def test_sentinels_whose_primary_is_frozen(project: Project) -> None:
    request = _up(project, "sentinel", "--down-after", "1000")
    told: list[Notice] = []
    with open_backend(request) as live:
        live.subscribe(told.append)
        _works(live)
        assert {live.place(key).slot for key in KEYS} == {None}
        assert live.shard_of("x") == ""
        live.act("freeze", "node1")
        _bounded(lambda: _served(live, "x"))
        until(lambda: _served(live, "x"))
        lead = project.port + next(
            n for n in (1, 2) if roles([project.port + n], project.password) == {
                project.port + n: "master"
            }
        )  # fmt: skip
        with project.client(lead) as node:
            assert node.get("x") == "x"
        until(lambda: any("the Sentinels agreed after" in one.text for one in told))
        until(lambda: any("was promoted after" in one.text for one in told))
        assert len(live.view().sentinels) == 3
        live.act("resume", "node1")
        until(lambda: any("replies again" in one.text for one in told))


def test_replicas_are_read_from_in_turns(project: Project) -> None:
    request = _up(project, "replication")
    with open_backend(request) as live:
        _works(live)
        before = _calls(project, "get")
        for _ in range(20):
            assert live.reader.get(KEYS[0]) == KEYS[0].encode()
            served = live.place(KEYS[0])
            assert (served.node in ("node2", "node3"), served.role) == (True, "replica")
        after = _calls(project, "get")
        assert [after[port] - before[port] for port in project.ports] == [0, 10, 10]
        # one replica hangs, the other one serves; then the primary does
        live.act("freeze", "node2")
        for _ in range(4):
            _bounded(lambda: live.reader.get(KEYS[0]))
        live.act("stop", "node3")
        until(lambda: not live.view().replicas())
        assert live.reader.get(KEYS[0]) == KEYS[0].encode()
        assert live.place(KEYS[0]).node == "node1"
        live.act("resume", "node2")
        until(lambda: len(live.view().replicas()) == 1)
        assert "node2 is primary now, instead of node1" in live.act("failover", "node1")
        until(lambda: _served(live, "x"))
        assert roles([project.port + 1], project.password) == {project.port + 1: "master"}
        # without a primary, a replica tells how long its copy stays
        cache = live.cache(lambda id: {"id": id}, ttl=60, settings=Settings())
        cache.get("7")
        until(lambda: live.view().replicas() and cache.get("7").source is Source.CACHE)
        live.act("stop", "node2")
        assert 0 < (cache.ttl("7") or 0) <= 60


def test_one_server_of_ours_and_of_others(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        pytest.raises(UsageError, match=r"no redistopo\.toml"),
        open_backend(BackendRequest(root=project.root)),
    ):
        pass
    project.init("standalone", engine=BUNDLED.path)
    request = BackendRequest(root=project.root)
    with pytest.raises(RedistopoError, match="nothing was started"), open_backend(request):
        pass
    project.up()
    with open_backend(request) as live:
        _works(live)
        assert live.place("x") == live.place("y")
        assert live.place("x").node == "node1"
        live.act("freeze", "node1")
        _bounded(lambda: _served(live, "x"))
        with pytest.raises(RedistopoError, match="node1: is paused"):
            live.act("start", "node1")
        with pytest.raises(RedistopoError):
            live.act("failover", "node1")
        live.act("resume", "node1")
        until(lambda: _served(live, "x"))
    place = f"127.0.0.1:{project.port}"
    url = f"redis://:{project.password}@{place}"
    with open_backend(BackendRequest(root=project.root, connect=url)) as live:
        _works(live)
        assert (live.name, live.own, live.actions) == (place, False, ())
        with pytest.raises(UsageError, match="belongs to another owner"):
            live.act("stop", place)
        assert project.password not in repr(live.view().message(live.trouble))
    with (
        pytest.raises(RedistopoError) as raised,
        open_backend(BackendRequest(root=project.root, connect=f"redis://:hunter2@{place}")),
    ):
        pass
    assert "hunter2" not in raised.value.message + raised.value.detail + raised.value.hint
    monkeypatch.setenv("REDISTOPO_PASSWORD", project.password)
    with open_backend(BackendRequest(root=project.root, connect=place)) as live:
        _works(live)
    with open_backend(request) as live:
        project.run("down", check=0)
        until(lambda: [one.state for one in live.view().data] == ["gone"])
        _bounded(lambda: _served(live, "x"))
        with (
            pytest.raises(RedistopoError, match="no node of project replies"),
            open_backend(request),
        ):
            pass
        project.up()
        until(lambda: _served(live, "x") and live.place("x").node == "node1")
        project.run("down", "--wipe", "--yes", check=0)
        until(lambda: "nothing was started" in str(live.view().message(live.trouble)["trouble"]))
        assert live.view().message(live.trouble)["shards"] == []
        assert not _served(live, "x")


def test_one_action_at_a_time(project: Project) -> None:
    request = _up(project, "replication")
    with open_backend(request) as live, ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(live.act, "stop", f"node{n}") for n in (2, 3, 2, 3)]
        done = [one.exception() for one in asked]
    refused = [one for one in done if one is not None]
    assert len(refused) == 3
    assert all("has to wait: stop node" in str(one) for one in refused)
    assert len(project.servers()) == 2


@pytest.mark.skipif(TLS is None, reason="no engine with TLS on this machine")
@pytest.mark.parametrize("shape", ["cluster", "sentinel"])
def test_users_and_tls(project: Project, shape: str) -> None:
    assert TLS is not None
    project.init(shape, "--tls", "--acl", engine=TLS.path)
    project.up()
    told: list[Notice] = []
    with open_backend(BackendRequest(root=project.root)) as live:
        live.subscribe(told.append)
        _works(live)
        found = live.writer.get_primaries()[0] if shape == "cluster" else None
        client = live.writer.get_redis_connection(found) if found else live.writer
        assert client.execute_command("ACL WHOAMI") == "default"
        # a rotation closes no connection; who comes anew brings the new password, to Sentinels too
        project.run("secret", "rotate", check=0)
        project.run("call", "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes", check=0)
        until(lambda: _served(live, "x"))
        until(lambda: "the password was changed" in "".join(one.text for one in told))
