"""Judging a cluster of many nodes, in whatever state: the effort grows with what they report."""

import sys
from collections.abc import Callable
from types import FrameType

import pytest

from redistopo.checks.catalogue import judge
from redistopo.checks.check_types import Expected
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.replies import parse_nodes
from redistopo.model.state.observed import NodeSeen, Observed, ProcessState
from redistopo.model.topology.spec import Shape

INFO = {"role": "master", "redis_version": "7.0.15", "cluster_enabled": "1"}
CLUSTER = {"cluster_state": "fail", "cluster_slots_assigned": "0", "cluster_size": "0"}


def _members(states: list[str], about: int) -> str:
    """CLUSTER NODES of a node: each other one is unknown to it, or "linked", "failing" or "led"."""
    shards, lines = len(states) // 2, []
    for number, state in enumerate(states):
        if number != about and not state:
            continue
        led = state == "led" and number >= shards
        role = f"slave {number - shards:040x}" if led else "master -"
        flags, primary = role.split()
        flags = "myself," + flags if number == about else flags
        flags += ",fail?" * (state == "failing" and number != about)
        link = "disconnected" if state == "failing" else "connected"
        seen = f"0 {0 if number == about else 1_700_000_000_000} {number} {link}"
        address = f"127.0.0.1:{7000 + number}@{17000 + number}"
        lines.append(f"{number:040x} {address} {flags} {primary} {seen}")
    return "".join(f"{line}\n" for line in lines)


def _seen(count: int, state_of: Callable[[int, int], str]) -> Observed:
    nodes = tuple(
        NodeSeen(
            endpoint=Endpoint("127.0.0.1", 7000 + one), name=f"node{one + 1}",
            process=ProcessState.RUNNING, pid=1, info=INFO, cluster=CLUSTER, config={},
            members=parse_nodes(_members([state_of(one, other) for other in range(count)], one)),
        )
        for one in range(count)
    )  # fmt: skip
    return Observed(shape=Shape.CLUSTER, nodes=nodes)


def _calls(work: Callable[[], object]) -> int:
    """How many calls of Python functions it makes: its effort, however busy the machine is."""
    found = 0

    def count(_frame: FrameType, event: str, _about: object) -> None:
        nonlocal found
        found += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return found


def _judged(seen: Observed) -> None:
    shards = len(seen.nodes) // 2
    assert judge(seen, Expected(shards=shards, replicas=1, host="127.0.0.1", config={}))


@pytest.mark.parametrize(
    "state_of",
    [
        lambda one, other: "linked" if 0 <= other - one < 4 else "",
        lambda one, other: "failing" if other % 3 else "linked",
        lambda one, other: "led" if one % 2 else "linked",
    ],
    ids=["strangers", "failing", "different roles"],
)
def test_twice_as_many_nodes_take_four_times_as_long(
    state_of: Callable[[int, int], str],
) -> None:
    """Each reports on all others. An `up` of 300 nodes that reached its time limit spent another
    minute on judging them where it looked up every node for every pair, or every shard."""
    few, many = (_seen(count, state_of) for count in (24, 48))
    _judged(few)  # what is imported and compiled once
    assert _calls(lambda: _judged(many)) < 5 * _calls(lambda: _judged(few))
