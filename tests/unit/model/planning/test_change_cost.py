"""What a change takes: keys and bytes of each move, room of new nodes, time at a stated rate."""

from collections.abc import Callable

import pytest
from support.scene import Scene

from redistopo.model.planning.change_cost import cost_of
from redistopo.model.planning.slot_survey import SlotSurvey
from redistopo.model.protocol.slots import SlotRange
from redistopo.model.state.job import SlotMove

MOVES = (
    SlotMove(source="node1", target="node7", slots=(SlotRange(0, 9),)),
    SlotMove(source="node2", target="node7", slots=(SlotRange(6000, 6000),)),
)
SURVEY = SlotSurvey(
    keys={0: 40_000, 9: 10_000, 10: 7, 6000: 50_000},
    bytes={0: 4_000, 9: 1_000, 10: 7, 6000: 5_000},
    measured="a guess",
)


@pytest.mark.parametrize(
    ("engine", "method", "seconds"),
    [("redis-7.0", "MIGRATE", 4.0), ("valkey-9.1", "CLUSTER MIGRATESLOTS", 1.0)],
)
def test_each_move_has_its_keys_and_bytes(
    scene: Callable[[str, str], Scene], engine: str, method: str, seconds: float
) -> None:
    cost = cost_of(scene(engine, "cluster").seen, ("node7", "node8"), MOVES, SURVEY)
    assert [(one.count, one.keys, one.bytes) for one in cost.moves] == [
        (10, 50_000, 5_000),
        (1, 50_000, 5_000),
    ]
    assert (cost.method, cost.measured, cost.seconds) == (method, "a guess", seconds)
    assert cost.keys_per_second * seconds == 100_000
    assert "redirected" in cost.clients


def test_each_new_node_has_room_for_the_largest_primary(
    scene: Callable[[str, str], Scene],
) -> None:
    made = scene("redis-7.0", "cluster").info("node2", used_memory_dataset=str(100 << 20))
    made = made.info("node1", used_memory_dataset=(1 << 64) - 700)  # an empty server's -700
    cost = cost_of(made.seen, ("node7", "node8", "node9"))
    assert cost.memory == cost.disk == 300 << 20
    assert cost.seconds == 2.0  # each copies 100 MB, at the same time
    assert (cost.moves, cost.method, cost.clients) == ((), "", "")


def test_removed_nodes_cost_their_clients_a_connection(scene: Callable[[str, str], Scene]) -> None:
    seen = scene("redis-7.0", "cluster").seen
    alone = cost_of(seen, (), ended=("node6", "node3"))
    assert (alone.clients, alone.seconds) == ("clients of node6, node3 are disconnected", 0.0)
    both = cost_of(seen, (), MOVES, SURVEY, ("node6",))
    assert both.clients.endswith("; clients of node6 are disconnected")
