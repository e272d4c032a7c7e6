"""The steps of `up` that start some nodes alone, and what it would do before."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from redistopo.model.planning.plan import Plan
from redistopo.model.planning.reconcile import starting_steps
from redistopo.model.planning.situation import Situation, with_current_roles
from redistopo.model.state.disk import DiskSeen
from redistopo.model.state.observed import NodeSeen, Observed, ProcessState
from redistopo.model.state.record import TopologyState

RECORD = TopologyState(
    id="1", name="t", shape="", created="", formed=True, nodes=(), primary="node1"
)


def _seen(plan: Plan, states: str) -> Observed:
    """A letter a node: Primary, Replica, paused (z), or not running (-)."""
    nodes = []
    for letter, node in zip(states, plan.nodes, strict=True):
        seen = NodeSeen(name=node.name, endpoint=node.endpoint, disk=DiskSeen())
        role = {"P": "master", "R": "slave"}.get(letter)
        nodes.append(
            replace(
                seen,
                process=ProcessState.ABSENT if letter == "-" else ProcessState.RUNNING,
                paused=letter == "z",
                error="" if role else "no answer",
                info={
                    "role": role,
                    "master_host": "127.0.0.1",
                    "master_port": str(plan.nodes[0].port),
                }
                if role
                else {},
            )
        )
    return Observed(shape=plan.topology.shape, nodes=tuple(nodes))


# shape, how the nodes are, whom to start; the steps that start them, and the others
CASES = [
    ("replication", "P--", "node2", ["write the configuration of node2", "start node2"], []),
    (
        "replication",
        "---",
        "node3 node1",
        ["write the configuration of node1, node3", "start node1", "start node3"],
        [],
    ),
    ("replication", "-RR", "node1", ["write the configuration of node1", "start node1"], []),
    ("replication", "Pz-", "node3", ["write the configuration of node3", "start node3"], []),
    # node1 is on record, but runs as a replica: somebody must lead before
    (
        "replication",
        "R--",
        "node2",
        ["write the configuration of node2", "start node2"],
        ["promote node1"],
    ),
    ("cluster", "PP-RRR", "node3", ["write the configuration of node3", "start node3"], []),
    ("cluster", "Pz--RR", "node4", ["write the configuration of node4", "start node4"], []),
    ("cluster", "PPPRRR", "node1", [], []),
]


@pytest.mark.parametrize(("shape", "states", "words", "mine", "others"), CASES)
def test_just_these_are_started(
    plan: Callable[..., Plan],
    shape: str,
    states: str,
    words: str,
    mine: list[str],
    others: list[str],
) -> None:
    made = plan(shape)
    now = Situation(seen=_seen(made, states), record=RECORD)
    steps, rest = starting_steps(with_current_roles(made, now), now, words.split())
    assert list(map(str, steps)) == mine
    assert [str(one) for one in rest] == others
