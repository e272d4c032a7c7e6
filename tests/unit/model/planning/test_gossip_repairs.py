"""A stale config epoch is raised, but never to take slots back from another owner; a replica copies
its own primary."""

from collections.abc import Callable

import pytest
from support.scene import Scene

from redistopo.model.planning.gossip_repairs import gossip_repairs
from redistopo.model.planning.step import StepKind
from redistopo.model.protocol.slots import SlotRange

Change = Callable[[Scene], Scene]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda made: made, ()),
        (lambda made: made.member("node1", "node1", epoch=1), ("node1",)),
        (lambda made: made.member("node6", "node2", epoch=99), ("node2",)),
        # a replica has its primary's
        (lambda made: made.member("node4", "node4", epoch=1), ()),
        # another node may have taken the slots since
        (
            lambda made: made.member("node1", "node1", epoch=1).member(
                "node3", "node1", slots=(SlotRange(0, 9),)
            ),
            (),
        ),
        (lambda made: made.member("node1", "node1", epoch=1).forgets("node3", "node1"), ()),
        (lambda made: made.member("node1", "node1", epoch=1).down("node6"), ()),
    ],
)
def test_which_epochs_are_raised(
    scene: Callable[[str, str], Scene], change: Change, expected: tuple[str, ...]
) -> None:
    found = tuple(gossip_repairs(change(scene("redis-7.0", "cluster")).seen))
    assert tuple(name for one in found for name in one.nodes) == expected
    if expected:
        assert "knows it with epoch" in found[0].cause


def test_a_replica_that_copies_another_node_follows_its_primary_again(
    scene: Callable[[str, str], Scene],
) -> None:
    made = scene("redis-7.0", "cluster")
    other = made.named("node2")
    misled = made.info("node4", master_port=other.port)
    (step,) = gossip_repairs(misled.seen)
    assert (step.do, step.nodes) == (StepKind.FOLLOW, ("node4",))
    assert f"it copies {other.address}" in step.cause
    # while it doesn't reach its primary, it would lose what it has
    assert not tuple(gossip_repairs(misled.member("node4", "node1", linked=False).seen))
