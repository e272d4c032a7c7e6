"""Which node saves each shard."""

from dataclasses import replace

import pytest

from redistopo.errors import RedistopoError
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.replies import parse_nodes
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.topology.spec import Shape
from redistopo.snapshot.choose_sources import choose_sources


def _primary(name: str, port: int, **info: str) -> NodeSeen:
    return NodeSeen(
        name=name, endpoint=Endpoint("127.0.0.1", port), info={"role": "master", **info}
    )


def _replica(name: str, port: int, offset: int, **info: str) -> NodeSeen:
    told = {
        "role": "slave", "master_host": "127.0.0.1", "master_port": "1", "slave_repl_offset":
        str(offset), "master_link_status": "up",
    }  # fmt: skip
    return NodeSeen(name=name, endpoint=Endpoint("127.0.0.1", port), info={**told, **info})


def _chosen(*nodes: NodeSeen) -> str:
    (source,) = choose_sources(Observed(shape=Shape.REPLICATION, nodes=nodes))
    return source.node.name


ONE = _primary("a", 1)


def test_the_replica_with_the_highest_offset_saves() -> None:
    assert _chosen(ONE, _replica("b", 2, 5), _replica("c", 3, 9)) == "c"


@pytest.mark.parametrize(
    "unfit",
    [
        {"master_link_status": "down"},
        {"master_sync_in_progress": "1"},
        {"loading": "1"},
    ],
)
def test_without_an_online_replica_the_primary_saves(unfit: dict[str, str]) -> None:
    assert _chosen(ONE, _replica("b", 2, 5, **unfit)) == "a"
    assert _chosen(ONE, _replica("b", 2, 9, **unfit), _replica("c", 3, 5)) == "c"


@pytest.mark.parametrize(
    "nodes",
    [
        (),
        (_replica("b", 2, 5),),
        (ONE, _primary("b", 2)),
        (replace(ONE, error="timed out"), _replica("b", 2, 5)),
    ],
)
def test_without_all_data_there_is_no_snapshot(nodes: tuple[NodeSeen, ...]) -> None:
    with pytest.raises(RedistopoError, match="all of the data"):
        choose_sources(Observed(shape=Shape.REPLICATION, nodes=nodes))


def _cluster(slots: str) -> Observed:
    line = f"{'1' * 40} 127.0.0.1:1@10001 myself,master - 0 0 1 connected {slots}".strip()
    node = replace(ONE, members=parse_nodes(line))
    return Observed(shape=Shape.CLUSTER, nodes=(node,))


def test_slots_without_an_owner_or_on_the_move_are_refused() -> None:
    (source,) = choose_sources(_cluster("0-16383"))
    assert source.node.name == "a"
    with pytest.raises(RedistopoError) as missing:
        choose_sources(_cluster("0-16382"))
    assert "16383 of 16384" in missing.value.detail
    with pytest.raises(RedistopoError) as moving:
        choose_sources(_cluster(f"0-16383 [5->-{'2' * 40}]"))
    assert "being moved" in moving.value.detail
