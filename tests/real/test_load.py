"""A drill's load on real servers: what it measures is what was done to them."""

import os
import signal
import threading
import time
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from support.engines import BUNDLED, TLS
from support.loads import Server, frozen, keys, request, served, way
from support.project import Project
from support.waiting import until

from redistopo.client.app_entry_point import PREFIX, LoadRequest
from redistopo.drill.drill_report import summarize_traffic
from redistopo.drill.key_cleanup import delete_keys
from redistopo.drill.load_generator import LoadGenerator
from redistopo.drill.load_result import LoadResult, OperationKind
from redistopo.drill.load_worker import OVERDUE, PATIENCE_SECONDS, Entry
from redistopo.drill.outage import outage
from redistopo.errors import RedistopoError, Unreachable
from redistopo.model.protocol.credentials import Login, TlsFiles

CLUSTER = ("cluster", "--formation", "instant", "--node-timeout", "1000")
MARGIN = 0.8
"""Seconds that a busy machine, and a client that waits out its 0.5 s, may add."""


def _up(project: Project, *words: str) -> None:
    project.init(*words, engine=BUNDLED.path)
    project.up()


def _some(load: LoadGenerator, writes: int = 40) -> None:
    """The hurt shard acknowledges so many more writes in a row."""
    since = time.monotonic()
    until(lambda: load.served(since, writes=writes), what="writes acknowledged")


def _away(
    seen: LoadResult, kind: OperationKind = OperationKind.WRITE, *, hurt: bool = True
) -> float:
    """Unavailable seconds."""
    return outage(seen, kind, hurt=hurt).milliseconds / 1000


def test_a_pause_of_one_primary_is_measured_and_the_others_serve_on(project: Project) -> None:
    _up(project, *CLUSTER)
    with LoadGenerator(request(project, rate=500)) as load:
        assert load.warm(10) == ""
        _some(load)
        fault = time.monotonic()
        with project.client(project.port) as client:
            client.execute_command("CLIENT PAUSE", 800, "ALL")
        _some(load)
        seen = load.check(10)
        assert load.clean(10) == seen.acknowledged
    for kind in OperationKind:
        assert 0.7 < _away(seen, kind) < 0.8 + MARGIN
        assert _away(seen, kind, hurt=False) == 0
    assert (seen.lost, seen.unchecked) == (0, 0)
    assert {op.shard for op in seen.ops} == {1, 2, 3}
    during = summarize_traffic(seen, fault)[0].latencies.during
    assert during.failed + sum(op.took > 0.2 for op in seen.ops) > 0


def test_a_killed_primary_is_away_until_its_replica_leads(project: Project) -> None:
    _up(project, *CLUSTER)
    with LoadGenerator(request(project)) as load:
        assert load.warm(10) == ""
        fault = time.monotonic()
        os.kill(project.pid(1), signal.SIGKILL)
        until(lambda: load.served(fault), 20)
        seen = load.check(10)
        load.clean(10)
    # the cluster can't notice it earlier than after its node timeout
    assert 1.0 < _away(seen) < 1.0 + 3 + MARGIN
    assert outage(seen, OperationKind.WRITE, hurt=True).gaps[-1].first_good is not None
    errors = {op.error for op in seen.ops if op.error}
    assert "ConnectionError" in errors
    # the client of the other shards was refused, and tried each kind of operation at each of them
    tried = {(op.kind, op.shard) for op in seen.ops if op.error and op.waited is not None}
    assert tried == {(kind, shard) for kind in OperationKind for shard in (1, 2, 3)}
    for kind in OperationKind:
        assert _away(seen, kind, hurt=False) > 0
    # what is lost is what the new primary hasn't got, by its own word
    assert seen.acknowledged > 20
    assert seen.unchecked == 0


def test_a_frozen_server_is_away_though_no_connection_breaks(server: Server) -> None:
    pid = server.pid(1)
    with LoadGenerator(request(server)) as load:
        assert load.warm(10) == ""
        _some(load)
        with frozen(pid):
            began = time.monotonic()
            until(lambda: time.monotonic() - began > 1.2)
        _some(load)
        seen = load.check(10)
    assert 1.1 < _away(seen) < 1.2 + MARGIN
    assert {op.error for op in seen.ops} == {"", "Timeout"}
    assert seen.lost == 0


def test_a_short_stall_without_an_error_counts_too(server: Server) -> None:
    """0.6 s: some clients were told nothing until then, and none was served."""
    with LoadGenerator(request(server)) as load:
        assert load.warm(10) == ""
        _some(load)
        with server.client() as client:
            client.execute_command("CLIENT PAUSE", 600, "ALL")
        _some(load)
        seen = load.check(10)
    assert 0.5 < _away(seen) < 0.6 + MARGIN


def test_writes_that_are_gone_are_found_with_examples(server: Server) -> None:
    with LoadGenerator(request(server)) as load:
        assert load.warm(10) == ""
        _some(load)
        with server.client() as client:
            before = set(client.keys("*"))
            client.flushall()
        _some(load)
        seen = load.check(10)
    assert seen.unchecked == 0
    # a few were written between KEYS and FLUSHALL
    assert len(before) <= seen.lost <= len(before) + 20
    assert seen.lost < seen.acknowledged
    assert 1 <= len(seen.examples) <= 5
    for one in seen.examples:
        assert one.key in before
        assert one.found == ""
        assert one.acknowledged < time.monotonic()


def test_a_write_that_was_overwritten_by_an_older_one_is_lost(server: Server) -> None:
    with LoadGenerator(request(server)) as load:
        assert load.warm(10) == ""
        _some(load)
        load.stop()
        victim = sorted(keys(server))[0]
        with server.client() as client:
            client.set(victim, "0")
        seen = load.check(10)
    assert (seen.lost, [one.key for one in seen.examples]) == (1, [victim])
    assert seen.examples[0].found == "0"


def test_what_cant_be_asked_is_unchecked_and_not_lost(tmp_path: Path) -> None:
    with served(tmp_path) as server, LoadGenerator(request(server)) as load:
        assert load.warm(10) == ""
        os.kill(server.pid(), signal.SIGKILL)
        seen = load.check(0.5)
        assert (seen.lost, seen.unchecked) == (0, seen.acknowledged)
        assert seen.acknowledged > 0
        with pytest.raises(Unreachable):
            load.clean(0.5)


def test_wait_acknowledges_what_a_replica_has(project: Project) -> None:
    _up(project, "replication", "--replicas", "1")
    asked = request(project, way=way(project, entries=(("127.0.0.1", project.port),)))
    replica = project.pid(2)
    with frozen(replica):
        with LoadGenerator(replace(asked, wait_replicas=1)) as load:
            until(lambda: "WAIT" in load.warm(0.1), 10)
            assert load.check(5).acknowledged == 0
        with LoadGenerator(replace(asked, id="other")) as load:
            assert load.warm(10) == ""
            assert load.check(5).acknowledged > 0
    with LoadGenerator(replace(asked, wait_replicas=1)) as load:
        until(lambda: load.warm(1) == "", 10)
        seen = load.check(5)
    assert seen.wait_replicas == 1
    assert seen.acknowledged > 20
    assert seen.lost == 0


def test_plain_clients_follow_where_they_are_sent(project: Project) -> None:
    _up(project, "replication", "--replicas", "1")
    first, second = (("127.0.0.1", port) for port in project.ports)
    now = [first]
    asked = request(project, way=way(project, entries=(first,), where=lambda: now[0]))
    with LoadGenerator(asked) as load:
        assert load.warm(10) == ""
        with project.client(second[1]) as client:
            client.execute_command("REPLICAOF NO ONE")
        with project.client(first[1]) as client:
            client.execute_command("REPLICAOF", *second)
        fault = time.monotonic()
        until(lambda: "READONLY" in load.warm(0.05, answers=10**6), 10)
        assert not load.served(fault, writes=1)
        now[0] = second
        _some(load)
        seen = load.check(10)
        load.clean(10)
    assert "READONLY" in {op.error for op in seen.ops}
    assert keys(project, second[1]) == set()


needs_tls = pytest.mark.skipif(TLS is None, reason="no server with TLS: apt install redis-server")


@needs_tls
@pytest.mark.parametrize("words", [("standalone",), CLUSTER[:3]], ids=["standalone", "cluster"])
def test_an_applications_user_comes_in_by_tls(project: Project, words: tuple[str, ...]) -> None:
    assert TLS is not None
    project.init(*words, "--tls", "--acl", engine=TLS.path)
    project.up()
    folder = project.root / ".redistopo" / "tls"
    access = Login(
        password=project.password, tls=TlsFiles(str(folder / "ca.crt"), str(folder / "client.pem"))
    )
    asked = request(project, way=way(project, access=access))
    with LoadGenerator(asked) as load:
        assert load.warm(10) == ""
        _some(load)
        seen = load.check(10)
        assert load.clean(10) == seen.acknowledged > 0
        assert delete_keys(asked.way, 5) == 0
    assert seen.lost == 0
    wrong = replace(asked.way, access=replace(access, password="wrong"))
    with LoadGenerator(replace(asked, way=wrong)) as load:
        until(lambda: "WRONGPASS" in load.warm(0.1) or "invalid username" in load.warm(0.1))
        assert project.password not in load.warm(0)


def _threads() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("load-")]


def _clients(server: Server) -> int:
    with server.client() as client:
        # the asking one, and replicas if any, aside
        return len([one for one in client.client_list() if "client|list" not in one["cmd"]])


@pytest.mark.parametrize("stuck", [False, True], ids=["at work", "on a frozen server"])
def test_it_ends_at_once_and_leaves_no_thread_and_no_connection(
    server: Server, stuck: bool
) -> None:
    pid = server.pid(1)
    before = _clients(server)
    began = 0.0
    stand_still = frozen(pid) if stuck else nullcontext()
    load = LoadGenerator(request(server, clients=8))
    with suppress(KeyboardInterrupt), stand_still, load:
        if not stuck:
            assert load.warm(10) == ""
            assert _clients(server) > before
        began = time.monotonic()
        raise KeyboardInterrupt
    assert time.monotonic() - began < 1.5
    assert _threads() == []
    until(lambda: _clients(server) <= before)


def test_its_keys_expire_and_are_removed_by_their_prefix_alone(project: Project) -> None:
    _up(project, *CLUSTER)
    with project.client() as client:
        client.execute_command("CONFIG SET", "appendonly", "no")
    mine = "mine:{0}"
    asked: LoadRequest = request(project, hurt=frozenset({1, 2, 3}))
    with LoadGenerator(asked) as load:
        assert load.warm(10) == ""
        _some(load)
    written = {port: keys(project, port) for port in project.ports[:3]}
    for port, found in written.items():
        assert found
        assert all(key.startswith(f"{PREFIX}test:") for key in found)
        with project.client(port) as client:
            assert all(0 < client.ttl(key) <= 3600 for key in list(found)[:20])
    with project.client(_owner(project, mine)) as client:
        client.set(mine, "x")
    assert delete_keys(asked.way, 10, load_id="another") == 0
    assert delete_keys(asked.way, 10, load_id="test") == sum(map(len, written.values()))
    left = set().union(*(keys(project, port) for port in project.ports[:3]))
    assert left == {mine}
    with pytest.raises(Unreachable):
        delete_keys(replace(asked.way, entries=(("127.0.0.1", project.port + 19),)), 1)


def _owner(project: Project, key: str) -> int:
    with project.client() as client:
        slot = client.execute_command("CLUSTER KEYSLOT", key)
    return project.ports[min(2, slot // 5462)]


def test_a_client_that_breaks_down_is_not_passed_over(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = request(server)
    with LoadGenerator(asked) as load:
        assert load.warm(10) == ""
        monkeypatch.setattr(threading, "excepthook", lambda _told: None)
        # as a fault of the client library would: an exception that nobody knows
        monkeypatch.setattr("redis.Redis.get", lambda *_: {}["no such thing"])
        until(lambda: len(_threads()) < asked.clients)
        with pytest.raises(RedistopoError, match="crashed"):
            load.check(1)


def test_what_nobody_waits_for_any_more_is_given_up_and_told(server: Server) -> None:
    """More than one client can do: each operation waits for the ones before it."""
    with LoadGenerator(request(server, rate=40_000, clients=2)) as load:
        until(lambda: OVERDUE in {op.error for op, _sequence in _tail(load)}, what=OVERDUE)
        seen = load.check(20)
        load.clean(20)
    given_up = [op for op in seen.ops if op.error == OVERDUE]
    assert {op.took for op in given_up} == {PATIENCE_SECONDS}
    late = max(op.took for op in seen.ops if op.good)
    # the wait for its turn is part of an operation's latency
    assert 0.5 < late < PATIENCE_SECONDS + 1
    assert (seen.lost, seen.unchecked) == (0, 0)


def _tail(load: LoadGenerator) -> list[Entry]:
    return [entry for worker in load._workers for entry in worker.log[-50:]]
