"""Finding a topology by replies that no server should send: an error of ours at worst."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redistopo.errors import RedistopoError, WrongRequest
from redistopo.model.observed import Observed
from redistopo.model.topology import Shape
from redistopo.ops.discover import Discovered, discover, grown
from redistopo.world.client import Asker
from redistopo.world.observe import Target

Sample = Callable[[str, str], Mapping[str, Mapping[str, str]]]


class Told(Asker):
    """Answers with what it was given, whoever is asked."""

    def __init__(self, replies: Mapping[str, str]) -> None:
        super().__init__("")
        self.replies = replies

    def ask(self, host: str, port: int, commands: Any) -> list[Any]:
        assert 0 < port < 65536
        return [self.replies[" ".join(command)] for command in commands]


LINES = ("role", "master_host", "master_port", "connected_slaves", "slave", "redis_mode")
WORDS = ["slave", "master", "sentinel", "", "0", "-1", "70000", "9" * 12, "9" * 30, "x", "::1"]


@st.composite
def _changed(draw: st.DrawFn, text: str) -> str:
    lines = text.split("\n")
    for at in [n for n, line in enumerate(lines) if line.startswith(LINES)]:
        if draw(st.integers(0, 2)) == 0:
            parts = re.split(r"([:,=\r])", lines[at])
            parts[draw(st.integers(0, len(parts) - 1))] = draw(st.sampled_from(WORDS))
            lines[at] = "".join(parts)
    return "\n".join(lines)


@settings(max_examples=200)
@given(data=st.data())
def test_any_info_leads_to_nodes_or_an_error(
    engine_name: str, sample: Sample, data: st.DataObject
) -> None:
    replies = sample(engine_name, "replication")[data.draw(st.sampled_from(["node1", "node3"]))]
    info = data.draw(_changed(replies["INFO"]))
    try:
        found = discover("127.0.0.1", 7000, Told({"INFO": info}))
    except RedistopoError:
        return
    assert 1 <= len(found.targets) <= 4
    assert all(0 < target.port < 65536 for target in found.targets)


def test_a_sentinel_that_watches_nobody_is_refused(engine_name: str, sample: Sample) -> None:
    info = sample(engine_name, "replication")["node1"]["INFO"]
    told, count = re.subn(r"(redis|server)_mode:\w+", r"\1_mode:sentinel", info)
    assert count == 1
    with pytest.raises(WrongRequest, match="is a Sentinel"):
        discover("127.0.0.1", 7000, Told({"INFO": told, "SENTINEL MASTERS": []}))


def _at(seen: Observed, *, shape: Shape) -> Discovered:
    targets = (Target(name=one.address, host=one.host, port=one.port) for one in seen.nodes)
    return Discovered(shape=shape, targets=tuple(targets))


def test_a_cluster_grows_as_its_nodes_name_each_other(
    engine_name: str, observed: Callable[[str, str], Observed]
) -> None:
    seen = observed(engine_name, "cluster")
    one = replace(seen, nodes=seen.nodes[:1])
    found = grown(_at(one, shape=Shape.CLUSTER), one, one.nodes[0].port)
    assert {target.port for target in found.targets} == {node.port for node in seen.nodes}


def test_a_silent_cluster_is_as_it_was(observed: Callable[[str, str], Observed]) -> None:
    seen = observed("redis-6.2", "cluster")
    mute = tuple(replace(one, info={}, members=(), error="timed out") for one in seen.nodes)
    known = _at(seen, shape=Shape.CLUSTER)
    assert grown(known, replace(seen, nodes=mute), 1) == known


def test_a_replication_grows_from_either_end_and_forgets_nobody(
    engine_name: str, observed: Callable[[str, str], Observed]
) -> None:
    seen = observed(engine_name, "replication")
    for first in seen.nodes:
        alone = replace(seen, nodes=(first,))
        found = grown(_at(alone, shape=Shape.STANDALONE), alone, first.port)
        assert found.shape is Shape.REPLICATION
        assert found.targets[0].port == first.port
        assert len(found.targets) == (3 if first.name == "node1" else 2)
    known = _at(seen, shape=Shape.REPLICATION)
    lone = replace(seen.nodes[0], info={**seen.nodes[0].info, "connected_slaves": "0"})
    assert grown(known, replace(seen, nodes=(lone,)), lone.port) == known
