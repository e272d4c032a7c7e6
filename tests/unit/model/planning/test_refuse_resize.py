"""What `scale` refuses before anything is changed."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace

import pytest
from support.scene import Scene

from redistopo.errors import MissingPrerequisite, RedistopoError, Unhealthy, UsageError
from redistopo.model.planning.former_numbers import former_numbers
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.refuse_resize import refuse_directions, refuse_fewer_shards
from redistopo.model.planning.refuse_unhealthy import refuse_unhealthy
from redistopo.model.planning.room import (
    Room,
    added_nodes,
    refuse_little_room,
    refuse_little_room_to_move,
)
from redistopo.model.state.record import RecordedNode, TopologyState
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


THREE = {"hosts": {f"h{n}": {"address": f"10.0.0.{n}"} for n in (1, 2, 3)}}
FULL, EMPTY = Room(memory=9 * MEGABYTE, disk=None), Room(memory=25 * MEGABYTE, disk=None)


@pytest.mark.parametrize(
    ("hosts", "rooms", "told"),
    [
        ({}, {"": EMPTY}, ""),
        (
            {},
            {"": Room(memory=19 * MEGABYTE)},
            "this machine has too little memory for 2 more nodes",
        ),
        ({}, {"": Room(disk=19 * MEGABYTE)}, "this machine has too little disk for 2 more nodes"),
        ({}, {}, ""),
        # one of the new nodes is on h1, the other on h2
        (THREE, {"h1": EMPTY, "h2": EMPTY, "h3": FULL}, ""),
        (
            THREE,
            {"h1": EMPTY, "h2": FULL},
            r"host h2 \(10.0.0.2\) has too little memory for 1 ",
        ),
        (
            THREE,
            {"h1": Room(disk=9 * MEGABYTE)},
            r"host h1 \(10.0.0.1\) has too little disk for ",
        ),
    ],
)
def test_room_for_new_nodes(
    scene: Callable[[str, str], Scene],
    plan: Callable[..., Plan],
    hosts: dict[str, object],
    rooms: dict[str, Room],
    told: str,
) -> None:
    """As much as the largest primary has, for each new node on the machine that gets it."""
    made = scene("redis-8.2", "cluster")
    for number in range(1, 7):
        made = made.info(f"node{number}", used_memory_dataset=10 * MEGABYTE)
    asked = plan(formation="instant", auth=bool(hosts), shards=4, **hosts)
    known = tuple(RecordedNode(name=f"node{n}", host="", port=n) for n in range(1, 7))
    record = TopologyState(id="1", name="t", shape="cluster", created="", formed=True, nodes=known)
    assert added_nodes(asked, None) == added_nodes(asked, replace(record, formed=False)) == ()
    added = [node.name for node in added_nodes(asked, record)]
    assert added == ["node7", "node8"]
    if not told:
        refuse_little_room(asked, added, made.seen, rooms)
        return
    with pytest.raises(MissingPrerequisite, match=told):
        refuse_little_room(asked, added, made.seen, rooms)


@pytest.mark.parametrize(
    ("hosts", "rooms", "told"),
    [
        ({}, {"": Room(memory=0, disk=21 * MEGABYTE)}, ""),  # what one shard gets another frees
        ({}, {"": Room(disk=20 * MEGABYTE)}, "this machine has too little disk: nothing was moved"),
        ({}, {"": Room(disk=MEGABYTE // 2)}, "too little disk"),
        (THREE, {"h1": Room(disk=MEGABYTE), "h2": Room(disk=11 * MEGABYTE)}, ""),
        (THREE, {"h1": Room(disk=0), "h2": EMPTY}, r"host h1 .* too little disk"),
        (THREE, {"h1": EMPTY, "h2": Room(disk=10 * MEGABYTE)}, r"host h2 .* too little disk"),
        (THREE, {"h3": Room(memory=9 * MEGABYTE, disk=11 * MEGABYTE)}, "h3 .* too little memory"),
    ],
)
def test_room_for_slots_that_move(
    scene: Callable[[str, str], Scene],
    plan: Callable[..., Plan],
    hosts: dict[str, object],
    rooms: dict[str, Room],
    told: str,
) -> None:
    """10 MB move from node1 to node2, and to its replica; every node writes its nodes.conf."""
    seen, asked = scene("redis-8.2", "cluster").seen, plan(auth=bool(hosts), **hosts)
    refused = pytest.raises(MissingPrerequisite, match=told) if told else nullcontext()
    moved = {("node1", "node2"): 10 * MEGABYTE}
    with refused:
        refuse_little_room_to_move(asked, moved, seen, rooms)
    adopted = {node.name: node.endpoint for node in asked.nodes}
    foreign = replace(asked, topology=replace(asked.topology, adopted=adopted))
    refuse_little_room_to_move(foreign, moved, seen, rooms)


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
        refuse_fewer_shards(asked, made.seen)
        return
    with pytest.raises(RedistopoError, match="doesn't fit into 2"):
        refuse_fewer_shards(asked, made.seen)


@pytest.mark.parametrize(
    ("shape", "names", "asked", "was"),
    [
        ("cluster", 6, {"shards": 4}, {"shards": 3}),
        ("cluster", 6, {"shards": 4, "replicas": 2}, {"shards": 3, "replicas": 1}),
        ("cluster", 6, {"shards": 3, "replicas": 1}, {}),
        ("cluster", 7, {"shards": 4}, {}),  # one of them doesn't reply
        ("replication", 3, {"replicas": 4}, {"replicas": 2}),
        ("sentinel", 3, {"sentinels": 5}, {"sentinels": 3}),
    ],
)
def test_the_numbers_of_before_an_edit(
    scene: Callable[[str, str], Scene],
    topology: Callable[..., Topology],
    shape: str,
    names: int,
    asked: dict[str, int],
    was: dict[str, int],
) -> None:
    known = [f"node{n + 1}" for n in range(names)]
    known += [f"sentinel{n}" for n in (1, 2, 3) if shape == "sentinel"]
    edited = topology(shape=shape, **asked)
    assert former_numbers(edited, known, scene("redis-8.2", shape).seen) == was
