"""Words that mean nodes, read against what the nodes are now."""

from collections.abc import Callable

import pytest
from support.guarded import guarded, silent, without

from redistopo.errors import UsageError
from redistopo.model.state.observed import Observed
from redistopo.model.state.selector import SELECTOR_SYNTAX, select_nodes, select_one_node

Seen = Callable[[str, str], Observed]


def _names(seen: Observed, words: str) -> str:
    return " ".join(node.name for node in select_nodes(seen, words.split()))


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("", "node1 node2 node3 node4 node5 node6"),
        ("node2", "node2"),
        ("node5 node2", "node2 node5"),
        ("shard:2", "node2 node5"),
        ("shard:2 replica", "node5"),
        ("replica shard:2", "node5"),
        ("shard:1 shard:3 primary", "node1 node3"),
        ("shard2", "node2 node5"),
        ("shard=2 replica", "node5"),
        ("primary", "node1 node2 node3"),
        ("master", "node1 node2 node3"),
        ("primary replica shard:3", "node3 node6"),
        ("node1 node4 replica", "node4"),
    ],
)
def test_words_of_a_cluster(observed: Seen, engine_name: str, words: str, meant: str) -> None:
    assert _names(observed(engine_name, "cluster"), words) == meant


def test_ports_and_addresses(observed: Seen) -> None:
    seen = observed("redis-8.2", "replication")
    for node in seen.nodes:
        assert _names(seen, str(node.port)) == node.name
        assert _names(seen, node.address) == node.name


def test_words_in_one_argument(observed: Seen) -> None:
    assert [
        node.name for node in select_nodes(observed("redis-8.2", "cluster"), ["shard:2 replica"])
    ] == ["node5"]


@pytest.mark.parametrize("words", ["node9", "shard:x", "shard:", "Primary", "shard:2,replica"])
def test_a_word_that_means_nothing(observed: Seen, words: str) -> None:
    with pytest.raises(UsageError, match="is not a node") as error:
        select_nodes(observed("redis-8.2", "cluster"), words.split())
    assert "node6" in error.value.detail
    assert "shard:2" in error.value.hint


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("2", "shard 2 is shard:2, node 2 is node2"),
        ("shard 2", "a shard is written as one word: shard:2"),
        ("7009", f"a node is {SELECTOR_SYNTAX}"),  # a port of none of them
    ],
)
def test_a_bare_number_gets_the_exact_form(observed: Seen, words: str, hint: str) -> None:
    with pytest.raises(UsageError, match="is not a node") as error:
        select_nodes(observed("redis-8.2", "cluster"), words.split())
    assert error.value.hint == hint


@pytest.mark.parametrize("words", ["shard:9", "node1 replica", "shard:1 node2"])
def test_nobody_matches(observed: Seen, words: str) -> None:
    with pytest.raises(UsageError, match=f"no node matches {words} now"):
        select_nodes(observed("redis-8.2", "cluster"), words.split())


def test_a_silent_node_has_its_shard_by_the_others_word_but_no_role(observed: Seen) -> None:
    seen = silent(observed("redis-8.2", "cluster"), "node2")
    assert _names(seen, "shard:2") == "node2 node5"
    assert _names(seen, "primary") == "node1 node3"
    with pytest.raises(UsageError) as error:
        select_nodes(seen, ["shard:2", "primary"])
    assert error.value.hint.startswith("node2: no reply, so its role is unknown")


def test_one_is_needed(observed: Seen) -> None:
    seen = observed("redis-8.2", "cluster")
    assert select_one_node(seen, ["shard:2", "primary"]).name == "node2"
    with pytest.raises(UsageError, match="shard:2 matches 2 nodes") as error:
        select_one_node(seen, ["shard:2"])
    assert "node2, node5" in error.value.hint


@pytest.mark.parametrize(
    ("gone", "words", "meant"),
    [
        ("", "sentinel", "sentinel1 sentinel2 sentinel3"),
        ("", "sentinel2", "sentinel2"),
        ("", "sentinel2 primary sentinel", "sentinel2"),
        ("", "primary sentinel", "node1 sentinel1 sentinel2 sentinel3"),
        ("", "26380", "sentinel2"),
        ("", "replica", "node2 node3"),
        ("sentinel2", "sentinel", "sentinel1 sentinel2 sentinel3"),
        ("sentinel1 sentinel2 sentinel3", "sentinel", "sentinel1 sentinel2 sentinel3"),
        ("node1", "sentinel primary", "sentinel1 sentinel2 sentinel3"),
    ],
)
def test_words_where_sentinels_watch(
    observed: Seen, engine_name: str, gone: str, words: str, meant: str
) -> None:
    seen = guarded(observed(engine_name, "replication"))
    assert _names(without(seen, *gone.split()), words) == meant


def test_a_silent_sentinel_is_told_as_one_and_is_no_primary(observed: Seen) -> None:
    seen = without(guarded(observed("redis-8.2", "replication")), "node1", "sentinel3")
    with pytest.raises(UsageError) as error:
        select_nodes(seen, ["primary"])
    assert error.value.hint == (
        "node1: no reply, so its role is unknown: redistopo up starts or resumes what is down; or "
        "use a name"
    )
    assert "sentinel3  :26381  sentinel, silent" in error.value.detail
    with pytest.raises(UsageError) as error:
        select_nodes(without(seen, "node2", "node3"), ["primary"])
    assert error.value.hint.startswith("node1, node2, node3: no reply, so their roles are unknown")
    stopped = without(observed("redis-8.2", "replication"), "node1", "node2", "node3")
    with pytest.raises(UsageError) as error:
        select_nodes(stopped, ["primary"])
    assert error.value.hint.startswith("roles are those of running nodes: redistopo up")
    with pytest.raises(UsageError, match="no node matches sentinel now") as error:
        select_nodes(silent(observed("redis-8.2", "replication"), "node2"), ["sentinel"])
    assert error.value.hint.startswith("a node is a port (7001), a name (node2), shard:2")
