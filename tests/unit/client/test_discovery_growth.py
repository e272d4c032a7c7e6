"""A stranger's topology that grows while one looks at it, from samples of real servers."""

from collections.abc import Callable
from dataclasses import replace

from redistopo.client.discovery import Discovered, with_new_nodes
from redistopo.client.target import Target
from redistopo.model.state.observed import Observed
from redistopo.model.topology.spec import Shape


def _at(seen: Observed, *, shape: Shape) -> Discovered:
    targets = (Target(name=one.address, endpoint=one.endpoint) for one in seen.nodes)
    return Discovered(shape=shape, targets=tuple(targets))


def test_a_cluster_grows_as_its_nodes_name_each_other(
    engine_name: str, observed: Callable[[str, str], Observed]
) -> None:
    seen = observed(engine_name, "cluster")
    one = replace(seen, nodes=seen.nodes[:1])
    found = with_new_nodes(_at(one, shape=Shape.CLUSTER), one, one.nodes[0].port)
    assert {target.port for target in found.targets} == {node.port for node in seen.nodes}


def test_a_silent_cluster_is_as_it_was(observed: Callable[[str, str], Observed]) -> None:
    seen = observed("redis-6.2", "cluster")
    mute = tuple(replace(one, info={}, members=(), error="timed out") for one in seen.nodes)
    known = _at(seen, shape=Shape.CLUSTER)
    assert with_new_nodes(known, replace(seen, nodes=mute), 1) == known


def test_a_replication_grows_from_either_end_and_forgets_nobody(
    engine_name: str, observed: Callable[[str, str], Observed]
) -> None:
    seen = observed(engine_name, "replication")
    for first in seen.nodes:
        alone = replace(seen, nodes=(first,))
        found = with_new_nodes(_at(alone, shape=Shape.STANDALONE), alone, first.port)
        assert found.shape is Shape.REPLICATION
        assert found.targets[0].port == first.port
        assert len(found.targets) == (3 if first.name == "node1" else 2)
    known = _at(seen, shape=Shape.REPLICATION)
    lone = replace(seen.nodes[0], info={**seen.nodes[0].info, "connected_slaves": "0"})
    assert with_new_nodes(known, replace(seen, nodes=(lone,)), lone.port) == known
