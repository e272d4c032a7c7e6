"""What `scale` refuses before anything is changed."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from support.scene import Scene

from redistopo.errors import MissingPrerequisite, RedistopoError, Unhealthy, UsageError
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.refuse_resize import (
    Room,
    refuse_directions,
    refuse_without_room,
)
from redistopo.model.planning.refuse_unhealthy import refuse_unhealthy
from redistopo.model.topology.spec import Topology

MEGABYTE = 1 << 20


@pytest.mark.parametrize(
    ("shards", "replicas", "refused"),
    [(4, 1, False), (4, 2, False), (2, 0, False), (3, 0, False), (4, 0, True), (2, 2, True)],
)
def test_one_direction_at_a_time(
    topology: Callable[..., Topology], shards: int, replicas: int, refused: bool
) -> None:
    was = topology(shards=3, replicas=1)
    asked = topology(shards=shards, replicas=replicas)
    if not refused:
        refuse_directions(was, asked)
        return
    with pytest.raises(UsageError) as raised:
        refuse_directions(was, asked)
    assert f"--shards {shards}" in raised.value.hint
    assert f"--replicas {replicas}" in raised.value.hint


def test_one_version_in_all_nodes(scene: Callable[[str, str], Scene]) -> None:
    made = scene("redis-8.2", "cluster")
    refuse_unhealthy(made.seen, (), "nodes are added and removed")
    with pytest.raises(Unhealthy, match="one version"):
        refuse_unhealthy(
            made.info("node2", redis_version="8.4.0").seen, (), "nodes are added and removed"
        )


@pytest.mark.parametrize(
    ("room", "told"),
    [
        (Room(memory=25 * MEGABYTE, disk=None), ""),
        (Room(memory=19 * MEGABYTE, disk=None), "too little memory for 2 more nodes"),
        (Room(memory=None, disk=19 * MEGABYTE), "too little disk for 2 more nodes"),
        (Room(), ""),
    ],
)
def test_room_for_new_nodes(
    scene: Callable[[str, str], Scene], plan: Callable[..., Plan], room: Room, told: str
) -> None:
    made = scene("redis-8.2", "cluster")
    for number in range(1, 7):
        made = made.info(f"node{number}", used_memory_dataset=10 * MEGABYTE)
    asked = plan(formation="instant", auth=False, shards=4)
    if not told:
        refuse_without_room(asked, made.seen, room)
        return
    with pytest.raises(MissingPrerequisite, match=told):
        refuse_without_room(asked, made.seen, room)


@pytest.mark.parametrize(
    ("limit", "overhead", "fits"),
    [(0, 0, True), (16, 0, True), (14, 0, False), (16, MEGABYTE, True), (16, 2 * MEGABYTE, False)],
)
def test_fewer_shards_than_the_data_fits(
    scene: Callable[[str, str], Scene],
    plan: Callable[..., Plan],
    limit: int,
    overhead: int,
    fits: bool,
) -> None:
    """A third of 30 MB goes to two shards, whose buffers count against maxmemory too; without a
    maxmemory there is no limit."""
    made = scene("redis-8.2", "cluster")
    for number in range(1, 7):
        size = {"used_memory_dataset": 10 * MEGABYTE, "used_memory": 10 * MEGABYTE + overhead}
        size["maxmemory"] = limit * MEGABYTE
        made = made.info(f"node{number}", **size)
    running = plan(formation="instant", auth=False)
    asked = replace(running, topology=replace(running.topology, shards=2))
    if fits:
        refuse_without_room(asked, made.seen, Room())
        return
    with pytest.raises(RedistopoError, match="doesn't fit into 2"):
        refuse_without_room(asked, made.seen, Room())
