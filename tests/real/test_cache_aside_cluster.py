"""The cache-aside library on a real cluster, with redis-py's RedisCluster, while nodes are hurt."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from redis.cluster import LoadBalancingStrategy
from support import judge
from support.caches import BOUND, MARGIN, Rows, at_once, short_cluster
from support.loads import frozen
from support.project import Project
from support.waiting import until

from redistopo.cache_aside import CacheAside, Settings, Source, State

SETTINGS = Settings(retry_seconds=0.2)
IDS = [str(n) for n in range(40)]


@pytest.fixture
def cluster(project: Project) -> Project:
    """Three primaries and their replicas; a frozen one is missed by the others after 3 s only.

    From then until the promotion the whole cluster is down (cluster-require-full-coverage).
    """
    project.init("cluster", "--formation", "instant", "--node-timeout", "3000")
    project.up()
    return project


@pytest.fixture
def made(cluster: Project) -> Iterator[Callable[..., Any]]:
    with ExitStack() as stack:
        yield lambda **more: stack.enter_context(
            closing(short_cluster(cluster.ports, cluster.password, **more))
        )


def _places(client: Any, cache: CacheAside) -> dict[str, str]:
    """Id -> the address of its primary, as it is now."""
    return {id: client.get_node_from_key(cache.key(id)).name for id in IDS}


def test_ids_clear_and_the_death_of_one_primary(cluster: Project, made: Any) -> None:
    client = made()
    rows = Rows(**{id: id for id in IDS})
    first = {f"data:{id}": client.get_node_from_key(f"data:{id}").name for id in IDS}
    settings = Settings(failures=1, retry_seconds=0.2)
    cache = CacheAside(client, rows.load, settings=settings, shard_of=lambda key: first[key])

    got = at_once(100, lambda _: cache.get("7"))
    assert {one.data["value"] for one in got} == {"7"}
    assert rows.loads == 1
    odd = CacheAside(client, lambda id: {"it": id}, settings=Settings(prefix="odd"))
    for id in ("{", "}", "{}", "{}{a}", "a}b{c", "{a}b", "é{ü}", "\n", "", "x" * 5000):
        assert (odd.get(id).data, odd.get(id).source) == ({"it": id}, Source.CACHE)
        assert odd.ttl(id) is not None
        assert odd.invalidate(id)
        assert odd.get(id).source is Source.DATABASE

    for id in IDS:
        client.set(f"theirs:{id}", "theirs")
        cache.get(id)
    assert odd.clear() == 10
    assert cache.clear() == len(IDS)
    assert all(client.get(f"theirs:{id}") for id in IDS)

    for id in IDS:
        cache.get(id)
    dying = client.get_node_from_key("data:0")
    hurt = [id for id in IDS if first[f"data:{id}"] == dying.name]
    well = [id for id in IDS if id not in hurt]
    assert hurt
    assert well
    node = dying.port - cluster.port + 1
    with frozen(cluster.pid(node)):
        one = cache.get(hurt[0])
        assert one.degraded
        assert one.data == {"id": hurt[0], "value": hurt[0]}
        assert one.seconds < BOUND + MARGIN
        assert cache.circuits()[dying.name].reads is State.OPEN
        for id in well:
            assert cache.get(id).source is Source.CACHE, "its shard is well"
        # its replica is promoted, and the client finds it without being made anew
        until(lambda: not cache.get(hurt[0]).degraded, seconds=30)
        assert cache.get(hurt[0]).source is Source.CACHE
        assert client.get_node_from_key(cache.key(hurt[0])).name != dying.name
    assert {one.reads for one in cache.circuits().values()} == {State.CLOSED}


def test_a_planned_failover_then_all_frozen_then_a_shard_lost_then_all_dead(
    cluster: Project, made: Any
) -> None:
    client = made()
    rows = Rows(**{id: id for id in IDS})
    cache = CacheAside(
        client, rows.load, reader=made(load_balancing_strategy=LoadBalancingStrategy.ROUND_ROBIN)
    )
    for id in IDS:
        cache.get(id)
    before = _places(client, cache)
    heir = next(
        port
        for port, role in judge.roles(cluster.ports, cluster.password).items()
        if role == "slave"
    )
    with cluster.client(heir) as node:
        node.execute_command("CLUSTER", "FAILOVER")
        until(lambda: node.info("replication")["role"] == "master")
    served = [cache.get(id) for id in IDS]  # MOVED, for those of that shard
    assert all(one.data == {"id": id, "value": id} for one, id in zip(served, IDS, strict=True))
    assert not any(one.degraded for one in served)
    for id in IDS:
        assert cache.invalidate(id)
    assert _places(client, cache) != before

    cache = CacheAside(client, rows.load, settings=SETTINGS)
    for id in IDS:
        cache.get(id)
    pids = [cluster.pid(node) for node in range(1, 7)]
    with ExitStack() as stack:
        for pid in pids:
            stack.enter_context(frozen(pid))
        got = at_once(30, lambda n: cache.get(IDS[n]))
        assert [one.data["value"] for one in got] == IDS[:30]
        assert max(one.seconds for one in got) < BOUND + MARGIN
    until(lambda: not cache.get("0").degraded)

    down = CacheAside(made(), rows.load, settings=SETTINGS)
    with cluster.client(heir) as node:
        first, last = node.execute_command("CLUSTER NODES")[f"127.0.0.1:{heir}"]["slots"][0]
        mine = range(int(first), int(last) + 1)
        node.execute_command("CLUSTER", "DELSLOTS", *mine)
        until(lambda: node.execute_command("CLUSTER INFO")["cluster_state"] == "fail")
        seen = [down.get(id) for id in IDS]
        assert all(one.data for one in seen)
        assert max(one.seconds for one in seen) < BOUND + MARGIN
        assert any("CLUSTERDOWN" in one.degraded or "ClusterDown" in one.degraded for one in seen)
        node.execute_command("CLUSTER", "ADDSLOTS", *mine)
    for id in IDS:
        until(lambda id=id: not down.get(id).degraded)
    client.nodes_manager.slots_cache.pop(client.keyslot("data:0"))  # as read while nobody had it
    assert "SlotNotCovered" in CacheAside(client, rows.load).get("0").degraded
    until(lambda: not CacheAside(client, rows.load).get("0").degraded)

    cluster.crash()
    dead = CacheAside(client, rows.load)
    got = at_once(30, lambda n: dead.get(IDS[n]))
    assert [one.data["value"] for one in got] == IDS[:30]
    assert max(one.seconds for one in got) < BOUND + MARGIN
