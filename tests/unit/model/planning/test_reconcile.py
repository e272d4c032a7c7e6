"""Changes: each situation's steps, as text with their cause."""

from collections.abc import Callable, Collection
from dataclasses import replace

import pytest

from redistopo.model.planning.plan import Plan
from redistopo.model.planning.reconcile import reconcile
from redistopo.model.planning.situation import Situation, with_current_roles
from redistopo.model.planning.step import Drifts, StepKind, join_names
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.state.disk import DiskSeen, FileSeen
from redistopo.model.state.observed import NodeSeen, Observed, ProcessState
from redistopo.model.state.record import TopologyState

Planned = Callable[..., Plan]
Now = Callable[..., Situation]

TABLE = FileSeen(written=1, size=1)
ALL = "6 nodes (node1 ... node6)"
BOTH = "hz, save differ from the topology file"
HALF = "an earlier up was interrupted"
BY_CLI = f"form one cluster of {ALL}: formation: redis-cli (auto: 3 or more shards and a CLI)"
BY_SEED = f"form one cluster of {ALL}: formation: instant (set in the topology file)"


@pytest.fixture
def now() -> Now:
    """A situation of a plan, from what is true of its nodes by name."""

    def made(
        plan: Plan,
        *,
        up: Collection[str] = (),
        data: Collection[str] = (),
        keys: Collection[str] = (),
        primary: str = "node1",
        recorded: str = "",
        formed: bool | None = None,
        healthy: bool = False,
        drifts: Drifts | None = None,
    ) -> Situation:
        def seen(name: str, port: int) -> NodeSeen:
            running = name in up
            role = {"role": "master" if name == primary else "slave"}
            return NodeSeen(
                name=name,
                endpoint=Endpoint("127.0.0.1", port),
                process=ProcessState.RUNNING if running else ProcessState.ABSENT,
                disk=DiskSeen(
                    files={"nodes.conf": FileSeen(written=1, size=1)} if name in data else {}
                ),
                error="" if running else "its process isn't running",
                info={**role, **({"db0": "keys=2"} if name in keys else {})} if running else {},
            )

        record = TopologyState(
            id="1", name="t", shape="", created="", formed=bool(formed), nodes=(), primary=recorded
        )
        return Situation(
            seen=Observed(
                shape=plan.topology.shape,
                nodes=tuple(seen(node.name, node.port) for node in plan.nodes),
            ),
            record=None if formed is None else record,
            healthy=healthy,
            drifts=drifts or {},
        )

    return made


def _steps(plan: Plan, now: Situation) -> list[str]:
    return [f"{step}: {step.cause}" for step in reconcile(with_current_roles(plan, now), now)]


EVERY = [f"node{n}" for n in range(1, 7)]
THREE = EVERY[:3]

# What is true of a cluster, and the steps.
CLUSTER: list[tuple[str, dict[str, object], list[str]]] = [
    (
        "fresh",
        {},
        [
            f"write the configuration of {ALL}: not started yet",
            f"start {ALL}: not started yet",
            BY_CLI,
        ],
    ),
    ("all running", {"up": EVERY, "data": EVERY, "formed": True, "healthy": True}, []),
    ("all running, unhealthy", {"up": EVERY, "data": EVERY, "formed": True}, []),
    (
        "one stopped",
        {"up": [n for n in EVERY if n != "node2"], "data": EVERY, "formed": True},
        ["write the configuration of node2: not running", "start node2: not running"],
    ),
    (
        "all stopped",
        {"data": EVERY, "formed": True},
        [f"write the configuration of {ALL}: not running", f"start {ALL}: not running"],
    ),
    (
        "half made, some absent",
        {"up": THREE, "data": THREE, "formed": False},
        [
            f"write the configuration of node4, node5, node6: {HALF}: start the "
            "nodes to see what data they have",
            f"start node4, node5, node6: {HALF}: start the nodes to see what data they have",
        ],
    ),
    (
        "half made, all absent but not untouched",
        {"data": ["node1"], "formed": False},
        [
            f"write the configuration of {ALL}: {HALF}: start the nodes to see what data they have",
            f"start {ALL}: {HALF}: start the nodes to see what data they have",
        ],
    ),
    (
        "half made, without keys",
        {"up": EVERY, "data": EVERY, "formed": False},
        [
            f"stop and clear {ALL}: {HALF}, and no node holds a key",
            f"write the configuration of {ALL}: created again",
            f"start {ALL}: created again",
            BY_CLI,
        ],
    ),
    ("half made, with keys", {"up": EVERY, "formed": False, "keys": ["node5"]}, []),
    ("half made, but healthy", {"up": EVERY, "formed": False, "healthy": True}, []),
    (
        "half made, healthy and drifting",
        {"up": EVERY, "formed": False, "healthy": True, "drifts": {"node1": {"hz": "10"}}},
        [
            "write the configuration of node1: hz differs from the topology file",
            "correct the live configuration of node1: hz differs from the topology file",
        ],
    ),
    ("started without a record, with keys", {"up": EVERY, "keys": ["node1"]}, []),
    (
        "drift",
        {
            "up": EVERY,
            "formed": True,
            "healthy": True,
            "drifts": {"node1": {"hz": "10", "save": ""}, "node2": {}, "node4": {"hz": "10"}},
        },
        [
            f"write the configuration of node1, node4: {BOTH}",
            f"correct the live configuration of node1, node4: {BOTH}",
        ],
    ),
    (
        "one stopped, another drifting",
        {"up": EVERY[1:], "formed": True, "drifts": {"node3": {"hz": "10"}}},
        [
            "write the configuration of node1: not running",
            "start node1: not running",
            "write the configuration of node3: hz differs from the topology file",
            "correct the live configuration of node3: hz differs from the topology file",
        ],
    ),
]

# The same of a primary and two replicas.
REPLICATION: list[tuple[str, dict[str, object], list[str]]] = [
    (
        "fresh",
        {},
        [
            "write the configuration of node1, node2, node3: not started yet",
            "start node1: not started yet",
            "start node2, node3: not started yet; replicas once the primary listens",
        ],
    ),
    ("all running", {"up": THREE, "formed": True}, []),
    (
        "a replica stopped",
        {"up": ["node1", "node2"], "formed": True, "recorded": "node1"},
        [
            "write the configuration of node3: not running",
            "start node3: not running; replicas once the primary listens",
        ],
    ),
    (
        "all stopped, the primary had changed",
        {"formed": True, "recorded": "node2"},
        [
            "write the configuration of node1, node2, node3: not running",
            "start node2: not running",
            "start node1, node3: not running; replicas once the primary listens",
        ],
    ),
    (
        "the old primary stopped, another leads",
        {"up": ["node2", "node3"], "formed": True, "recorded": "node1", "primary": "node2"},
        [
            "write the configuration of node1: not running",
            "start node1: not running; replicas once the primary listens",
        ],
    ),
    (
        "the primary stopped, there is no primary",
        {"up": ["node2", "node3"], "formed": True, "recorded": "node1"},
        ["write the configuration of node1: not running", "start node1: not running"],
    ),
    (
        "half made",
        {"up": ["node1"], "data": ["node1"], "formed": False},
        [
            "write the configuration of node2, node3: not started yet",
            "start node2, node3: not started yet; replicas once the primary listens",
        ],
    ),
    (
        "a recorded primary that is not planned",
        {"formed": True, "recorded": "node9"},
        [
            "write the configuration of node1, node2, node3: not running",
            "start node1: not running",
            "start node2, node3: not running; replicas once the primary listens",
        ],
    ),
]


@pytest.mark.parametrize(
    ("true_of_it", "steps"), [row[1:] for row in CLUSTER], ids=[row[0] for row in CLUSTER]
)
def test_a_clusters_situation_has_its_steps(
    plan: Planned, now: Now, true_of_it: dict[str, object], steps: list[str]
) -> None:
    made = plan()
    assert _steps(made, now(made, **true_of_it)) == steps


@pytest.mark.parametrize(
    ("true_of_it", "steps"), [row[1:] for row in REPLICATION], ids=[row[0] for row in REPLICATION]
)
def test_a_replications_situation_has_its_steps(
    plan: Planned, now: Now, true_of_it: dict[str, object], steps: list[str]
) -> None:
    made = plan("replication")
    assert _steps(made, now(made, **true_of_it)) == steps


def test_an_instant_cluster_is_seeded_before_it_starts(plan: Planned, now: Now) -> None:
    made = plan(formation="instant")
    assert _steps(made, now(made)) == [
        f"write the configuration of {ALL}: not started yet",
        f"write the initial nodes.conf of {ALL}: formation: instant",
        f"start {ALL}: not started yet",
        BY_SEED,
    ]


def test_a_standalone_is_written_and_started(plan: Planned, now: Now) -> None:
    made = plan("standalone")
    assert _steps(made, now(made)) == [
        "write the configuration of node1: not started yet",
        "start node1: not started yet",
    ]


def test_of_two_running_primaries_the_recorded_one_counts(plan: Planned, now: Now) -> None:
    made = plan("replication", replicas=1)
    both = now(made, up=["node1", "node2"], formed=True, recorded="node2", primary="node2")
    one, two = both.seen.nodes
    split = Observed(shape=both.seen.shape, nodes=(_primary(one), two))
    led = with_current_roles(made, Situation(seen=split, record=both.record))
    assert [node.name for node in led.primaries] == ["node2"]


@pytest.mark.parametrize(
    ("followed", "steps"),
    [
        (":6379", []),
        (":6380", ["make node3 follow node1: a replica follows a replica"]),
        (":9999", []),
    ],
)
def test_a_replicas_replica_is_sent_to_the_primary(
    plan: Planned, now: Now, followed: str, steps: list[str]
) -> None:
    made = plan("replication")
    seen = now(made, up=THREE, formed=True, recorded="node1").seen
    host, _, port = f"127.0.0.1{followed}".rpartition(":")
    info = {"role": "slave", "master_host": host, "master_port": port}
    nodes = (*seen.nodes[:2], replace(seen.nodes[2], info=info))
    assert _steps(made, Situation(seen=replace(seen, nodes=nodes), record=_RECORD)) == steps


_RECORD = TopologyState(
    id="1", name="t", shape="", created="", formed=True, nodes=(), primary="node1"
)


def _primary(node: NodeSeen) -> NodeSeen:
    return NodeSeen(
        name=node.name,
        endpoint=node.endpoint,
        process=node.process,
        info={"role": "master"},
    )


def test_a_correction_holds_what_each_node_gets(plan: Planned, now: Now) -> None:
    made = plan()
    drifts = {"node1": {"hz": "10"}, "node2": {}, "node3": {"save": None}}
    *_, step, left = reconcile(made, now(made, up=EVERY, formed=True, drifts=drifts))
    assert (step.do, step.settings) == (StepKind.CORRECT, {"node1": {"hz": "10"}})
    # no server can go back to its default while it runs
    assert (left.do, left.settings) == (StepKind.DEFER, {"node3": {"save": None}})
    assert left.cause == "save is no longer in the topology file"


@pytest.mark.parametrize(
    ("nodes", "text"),
    [
        (EVERY[:1], "node1"),
        (THREE, "node1, node2, node3"),
        (EVERY[:4], "4 nodes (node1 ... node4)"),
    ],
)
def test_many_nodes_are_named_shortly(nodes: list[str], text: str) -> None:
    assert join_names(nodes) == text
