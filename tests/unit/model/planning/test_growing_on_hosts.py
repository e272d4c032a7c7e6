"""Which shard a new replica joins over several hosts, what an emptied host gives up, and when the
nodes of a lost host may start empty."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from support.scenes_on_hosts import HOSTS, on_hosts

from redistopo.model.planning.nodes_conf_repair import lost_disks
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.plan_rejoin import stale_ids
from redistopo.model.planning.replicas_on_hosts import choose_primaries
from redistopo.model.planning.resizing import leaving_nodes
from redistopo.model.planning.spread_roles import spread_steps
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.replies import ClusterNodesLine
from redistopo.model.state.disk import DiskSeen
from redistopo.model.state.observed import NodeSeen, Observed, ProcessState
from redistopo.model.state.record import TopologyState
from redistopo.model.topology.hosts import Hosts, Machine

Scenes = Callable[[str, str], Any]
ZONED = replace(
    HOSTS,
    machines=tuple(
        replace(one, zone=zone) for one, zone in zip(HOSTS.machines, "aab", strict=True)
    ),
)
RECORD = TopologyState(id="1", name="t", shape="cluster", created="", formed=True, nodes=())


def _new(*hosts: int) -> list[NodeSeen]:
    return [
        NodeSeen(
            name=f"node{n}",
            endpoint=Endpoint(f"10.0.0.{host}", 7009),
            process=ProcessState.RUNNING,
        )
        for n, host in enumerate(hosts, start=7)
    ]


@pytest.mark.parametrize(
    ("hosts", "new", "expected"),
    [
        # shard 1 is on h1 and h2, 2 on h2 and h3, 3 on h3 and h1
        (HOSTS, (1, 2, 3), ["node2", "node3", "node1"]),
        (HOSTS, (3, 1, 2), ["node1", "node2", "node3"]),
        (ZONED, (3, 1, 2), ["node1", "node2", "node3"]),
        # two of them have to share a host: each shard gets one all the same
        (HOSTS, (3, 3, 3), None),
        (None, (1, 2, 3), ["node1", "node2", "node3"]),
    ],
)
def test_a_replica_joins_a_shard_without_a_node_on_its_host(
    scene: Scenes, hosts: Hosts | None, new: tuple[int, ...], expected: list[str] | None
) -> None:
    seen = on_hosts(scene("redis-7.0", "cluster")).seen
    replicas = dict.fromkeys(("node1", "node2", "node3"), 1)
    found = choose_primaries(_new(*new), replicas, seen, hosts)
    assert sorted(found) == ["node1", "node2", "node3"]
    assert expected is None or found == expected


def _draining(name: str) -> Hosts:
    machines = (replace(one, drain=one.name == name) for one in HOSTS.machines)
    return replace(HOSTS, machines=tuple(machines))


def test_an_emptied_host_gives_up_its_primary(scene: Scenes) -> None:
    seen = on_hosts(scene("redis-7.0", "cluster")).seen
    (step,) = spread_steps(_draining("h3"), seen)
    assert (step.nodes, step.cause) == (("node6",), "h3 is emptied")


def test_its_replicas_leave_first(scene: Scenes, plan: Callable[..., Plan]) -> None:
    seen = on_hosts(scene("redis-7.0", "cluster")).seen
    made = plan(formation="instant", auth=False)

    def first(hosts: Hosts | None) -> str:
        topology = replace(made.topology, replicas=0, hosts=hosts)
        return leaving_nodes(replace(made, topology=topology), seen).removed[0]

    assert first(HOSTS) == "node6"
    assert first(_draining("h2")) == "node4"
    assert first(_draining("h3")) == "node5"


IDS = {f"node{n}": letter * 40 for n, letter in enumerate("abcdef", start=1)}


def _after_a_loss(plan: Plan, *, failing: bool = True, kept: str = "") -> Observed:
    """node2 and its files are gone; node5 has its slots, unless `kept` says that node2 has them."""
    lines, members = [], []
    for node in plan.nodes:
        slots = {"node1": "0-5460", "node3": "10923-16383"}.get(node.name, "")
        slots = "5461-10922" if node.name == (kept or "node5") else slots
        follows = {"node4": IDS["node1"], "node6": IDS["node3"]}.get(node.name, "-")
        flags = ["master" if follows == "-" else "slave"]
        flags += ["fail"] if failing and node.name == "node2" else []
        place = f"{node.address}@{node.bus_port}"
        lines.append(
            (node.name, f"{place} %s{','.join(flags)} {follows} 0 0 1 connected {slots}".rstrip())
        )
        members.append(
            ClusterNodesLine(
                endpoint=node.endpoint, id=IDS[node.name], bus_port=node.bus_port,
                flags=frozenset(flags), primary_id=follows, replied=True, epoch=1, linked=True,
                slots=(), open_slots=(),
            )
        )  # fmt: skip

    def table(name: str) -> str:
        text = (f"{IDS[n]} {line % ('myself,' if n == name else '')}" for n, line in lines)
        return "\n".join([*text, "vars currentEpoch 6 lastVoteEpoch 0", ""])

    nodes = (
        NodeSeen(
            name=node.name,
            endpoint=node.endpoint,
            process=ProcessState.ABSENT if node.name == "node2" else ProcessState.RUNNING,
            error="not running" if node.name == "node2" else "",
            info={} if node.name == "node2" else {"role": "master"},
            members=() if node.name == "node2" else tuple(members),
            disk=DiskSeen() if node.name == "node2" else DiskSeen(nodes_conf=table(node.name)),
        )
        for node in plan.nodes
    )
    return Observed(shape=plan.topology.shape, nodes=tuple(nodes))


def test_a_lost_node_starts_empty_only_if_its_shard_goes_on(plan: Callable[..., Plan]) -> None:
    here = plan(formation="instant")
    made = replace(here, topology=replace(here.topology, hosts=HOSTS))
    assert lost_disks(made, RECORD, _after_a_loss(made)) == ("node2",)
    assert lost_disks(made, RECORD, _after_a_loss(made, failing=False)) == ()
    assert lost_disks(made, RECORD, _after_a_loss(made, kept="node2")) == ()
    assert lost_disks(here, RECORD, _after_a_loss(here)) == ()


def test_a_failing_node_on_no_host_of_the_file_is_forgotten(scene: Scenes) -> None:
    whole = on_hosts(scene("redis-7.0", "cluster"))
    gone = ClusterNodesLine(
        endpoint=Endpoint("10.0.0.9", 7000), id="9" * 40, bus_port=17000,
        flags=frozenset({"master", "fail"}), primary_id="-", replied=False, epoch=1, linked=False,
        slots=(), open_slots=(),
    )  # fmt: skip
    members = (*whole.named("node1").members, gone)
    seen = whole.node("node1", members=members).seen
    assert stale_ids(seen, HOSTS) == {"node1": ("9" * 40,)}
    assert stale_ids(seen) == {}
    more = replace(HOSTS, machines=(*HOSTS.machines, Machine(name="h9", address="10.0.0.9")))
    assert stale_ids(seen, more) == {}
