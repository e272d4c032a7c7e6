"""Replies as no server should send them: a BadReply at worst, and never another exception."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redistopo.checks.catalogue import judge
from redistopo.checks.check_types import Expected
from redistopo.errors import BadReply
from redistopo.model.protocol.replies import parse_info, parse_nodes, parse_pairs
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.state.shards import shards_of

Sample = Callable[[str, str], Mapping[str, Mapping[str, str]]]

LETTERS = st.characters(codec="utf-8") | st.sampled_from("0129-:@,[]<> \n\r=#")


@st.composite
def mutated(draw: st.DrawFn, text: str) -> str:
    """A text with a few of its lines or letters removed, doubled or replaced."""
    for _ in range(draw(st.integers(1, 4))):
        parts = list(draw(st.sampled_from([text.splitlines(keepends=True), list(text)])))
        if not parts:
            return draw(st.text())
        at = draw(st.integers(0, len(parts) - 1))
        parts[at] = draw(st.sampled_from(["", parts[at] * 2]) | st.text(LETTERS, max_size=3))
        text = "".join(parts)
    return text


def _tolerates(read: Callable[[str], object], text: str) -> None:
    with suppress(BadReply):
        read(text)


@given(data=st.data())
def test_a_mutated_info_is_read_or_a_bad_reply(
    engine_name: str, sample: Sample, data: st.DataObject
) -> None:
    _tolerates(parse_info, data.draw(mutated(sample(engine_name, "replication")["node1"]["INFO"])))


@given(data=st.data())
def test_mutated_cluster_nodes_are_read_or_a_bad_reply(
    engine_name: str, sample: Sample, data: st.DataObject
) -> None:
    replies = sample(engine_name, "cluster")["node1"]
    _tolerates(parse_nodes, data.draw(mutated(replies["CLUSTER NODES"])))


@given(st.text())
def test_any_text_is_info_or_a_bad_reply(text: str) -> None:
    _tolerates(parse_info, text)


@given(st.text())
def test_any_text_is_cluster_nodes_or_a_bad_reply(text: str) -> None:
    _tolerates(parse_nodes, text)


@given(st.text())
def test_any_text_has_pairs_or_none(text: str) -> None:
    assert all("=" not in name for name in parse_pairs(text))


# What is read from INFO as a number, whoever the node is.
NUMBERS = [
    "process_id",
    "connected_slaves",
    "master_repl_offset",
    "slave_repl_offset",
    "repl_backlog_size",
    "master_last_io_seconds_ago",
]


JUDGED = ("role", "loading", "master_", "slave", "connected_slaves", "repl_", "process_id", "db")
"""How the lines of INFO begin that checks look at."""


def _judged(seen: Observed, node: NodeSeen) -> Callable[[str], object]:
    """Judging that snapshot, with what `node` says replaced by another INFO."""

    def read(text: str) -> object:
        odd = replace(node, info=parse_info(text))
        nodes = tuple(odd if one is node else one for one in seen.nodes)
        changed = replace(seen, nodes=nodes)
        return judge(changed, Expected(shards=3, replicas=1, auth=True)), shards_of(changed)

    return read


@pytest.mark.parametrize("shape", ["cluster", "replication"])
@pytest.mark.parametrize("name", ["node1", "node3"])
@pytest.mark.parametrize("field", NUMBERS)
def test_a_number_that_is_none_is_judged_or_a_bad_reply(
    shape: str,
    name: str,
    field: str,
    sample: Sample,
    observed: Callable[[str, str], Observed],
) -> None:
    seen = observed("redis-7.0", shape)
    node = next(node for node in seen.nodes if node.name == name)
    text = sample("redis-7.0", shape)[name]["INFO"]
    _tolerates(_judged(seen, node), f"{text}{field}:nonsense\r\n")


@pytest.mark.parametrize("line", ["slave0:ip=::1,port=x", "slave0:offset=", "db0:keys=many"])
def test_a_number_that_is_none_in_a_pair_is_read_or_a_bad_reply(
    line: str, observed: Callable[[str, str], Observed]
) -> None:
    node = observed("redis-7.0", "replication").nodes[0]

    def read(text: str) -> object:
        odd = replace(node, info={**node.info, **parse_info(text)})
        return odd.replicas, odd.keys

    _tolerates(read, line)


@given(data=st.data())
def test_a_snapshot_with_a_mutated_info_is_judged_or_a_bad_reply(
    sample: Sample, observed: Callable[[str, str], Observed], data: st.DataObject
) -> None:
    seen = observed("valkey-9.1", "cluster")
    node = data.draw(st.sampled_from(seen.nodes))
    lines = sample("valkey-9.1", "cluster")[node.name]["INFO"].splitlines(keepends=True)
    judged = [line for line in lines if line.startswith(JUDGED)]
    _tolerates(_judged(seen, node), data.draw(mutated("".join(judged))))
