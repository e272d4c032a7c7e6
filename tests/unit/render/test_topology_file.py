"""A topology written as a file and read again is the same topology."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redistopo.model.topology.parse import parse_topology, read_toml
from redistopo.model.topology.spec import Formation, Persistence, Shape, Topology
from redistopo.model.topology.validate import OWNED, validate
from redistopo.render.topology_file import topology_file

LINES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20)
NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,20}", fullmatch=True).filter(lambda n: n not in OWNED)
DIRECTIVES = st.dictionaries(NAMES, st.lists(LINES, min_size=1, max_size=3).map(tuple), max_size=4)


@st.composite
def topologies(draw: st.DrawFn) -> Topology:
    """Any topology that a file without tables for single nodes can ask for."""
    shape = draw(st.sampled_from(Shape))
    clustered, watched = shape is Shape.CLUSTER, shape is Shape.SENTINEL
    sentinels = draw(st.integers(1, 9)) if watched else 0
    return Topology(
        name=draw(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", fullmatch=True)),
        shape=shape,
        host=draw(st.sampled_from(["127.0.0.1", "::1", "127.9.0.1"])),
        port=draw(st.integers(1024, 40000)),
        shards=draw(st.integers(3, 100)) if clustered else 1,
        replicas=0 if shape is Shape.STANDALONE else draw(st.integers(int(watched), 10)),
        sentinels=sentinels,
        quorum=draw(st.integers(1, sentinels)) if watched else 0,
        sentinel_port=draw(st.sampled_from([51000, 0 if watched else 51000])) if watched else 0,
        down_after=draw(st.integers(500, 600_000)) if watched else 5000,
        engine=draw(st.sampled_from(["auto", "7.2", "valkey 9"]) | LINES.map("/bin/{}".format)),
        formation=draw(st.sampled_from(Formation)) if clustered else Formation.AUTO,
        node_timeout=draw(st.integers(500, 600_000)) if clustered else 5000,
        persistence=draw(st.sampled_from(Persistence)),
        auth=draw(st.booleans()),
        password_file=draw(LINES),
        templates=draw(LINES),
        redis=draw(DIRECTIVES),
    )


@given(topologies())
def test_a_topology_file_gives_the_same_topology_again(topology: Topology) -> None:
    assert validate(topology) == ()
    assert parse_topology(read_toml(topology_file(topology), "")) == (topology, ())


@pytest.mark.parametrize(
    "keys",
    [
        {"shape": "standalone", "node_timeout": 900},
        {"shape": "replication", "formation": "instant"},
        {"nodes": {"node2": {"maxmemory": "1gb"}}},
        {"redis": {"some.thing": "1"}},
        {"engine": "/opt/\x7f/redis-server"},
    ],
    ids=["timeout", "formation", "nodes", "dotted directive", "delete character"],
)
def test_a_key_seldom_used_is_written_too(
    topology: Callable[..., Topology], keys: dict[str, object]
) -> None:
    asked = topology(**keys)
    assert parse_topology(read_toml(topology_file(asked), "")) == (asked, ())


@pytest.mark.parametrize("shape", list(Shape))
def test_a_topology_file_explains_every_key_that_it_holds(
    topology: Callable[..., Topology], shape: str
) -> None:
    lines = topology_file(topology(shape)).splitlines()
    keys = [n for n, line in enumerate(lines) if " = " in line and not line.startswith("# ")]
    assert keys
    assert all(lines[n - 1].startswith("# ") for n in keys)
