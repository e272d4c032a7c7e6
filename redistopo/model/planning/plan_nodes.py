"""Builds the plan of a topology on an engine; pure and deterministic."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from redistopo.model.planning.node_numbers import NumberedNode, NumberedNodes, number_nodes
from redistopo.model.planning.plan import (
    FormationChoice,
    FormationMethod,
    NodePlan,
    Plan,
    ShardPlan,
)
from redistopo.model.protocol.conf import Directives
from redistopo.model.protocol.endpoint import BUS_OFFSET
from redistopo.model.protocol.engine import Engine
from redistopo.model.protocol.slots import split_slots
from redistopo.model.state.observed import Role
from redistopo.model.topology.project_paths import Layout
from redistopo.model.topology.spec import Formation, Shape, Topology


def make_plan(
    topology: Topology,
    layout: Layout,
    engine: Engine,
    why: str,
    numbered: NumberedNodes | None = None,
) -> Plan:
    """Build the plan of a valid topology; `why` is the reason for choosing the engine.

    Nodes are numbered as redis-cli does: the primaries first, then replica by replica
    through the shards, so that no two nodes of a shard are neighbours. `numbered` are those of a
    formed topology, whose roles and shards are as its servers report.
    """
    numbered = numbered or number_nodes(topology)
    names = [node.name for node in numbered.data]
    shards = tuple(_shards(topology, names))
    place = {
        name: (shard, role, follows)
        for shard in shards
        for name, role, follows in [
            (shard.primary, Role.PRIMARY, ""),
            *((replica, Role.REPLICA, shard.primary) for replica in shard.replicas),
        ]
    }
    nodes = []
    for one in numbered.data:
        shard, role, follows = place[one.name]
        nodes.append(
            NodePlan(
                name=one.name,
                number=one.number,
                shard=shard.number,
                role=role,
                endpoint=one.endpoint,
                bus_port=one.endpoint.port + BUS_OFFSET if topology.clustered else 0,
                folder=layout.node(one.name),
                follows=follows,
                directives=_directives(topology, one.name),
                home=_home(topology, layout, one),
                machine=one.machine,
            )
        )
    return Plan(
        topology=topology,
        layout=layout,
        engine=engine,
        engine_why=why,
        formation=choose_formation(topology, engine),
        nodes=(*nodes, *_sentinels(topology, numbered, layout)),
        shards=shards,
    )


def _home(topology: Topology, layout: Layout, node: NumberedNode) -> Path:
    if topology.hosts is None:
        return layout.node(node.name).root
    return Path(topology.hosts.folder(topology.name)) / "nodes" / node.name


def _sentinels(topology: Topology, numbered: NumberedNodes, layout: Layout) -> Iterable[NodePlan]:
    for one in numbered.sentinels:
        yield NodePlan(
            name=one.name,
            number=len(numbered.data) + one.number,
            shard=0,
            role=Role.SENTINEL,
            endpoint=one.endpoint,
            bus_port=0,
            folder=layout.node(one.name),
            follows="",
            directives={},
            home=_home(topology, layout, one),
            machine=one.machine,
        )


def _shards(topology: Topology, names: list[str]) -> Iterable[ShardPlan]:
    slots = split_slots(topology.shards) if topology.clustered else (None,) * topology.shards
    for index in range(topology.shards):
        yield ShardPlan(
            number=index + 1,
            slots=slots[index],
            primary=names[index],
            replicas=tuple(names[index + topology.shards :: topology.shards]),
        )


def _directives(topology: Topology, name: str) -> Directives:
    return {**topology.redis, **topology.nodes.get(name, {})}


_UNCLUSTERED = {
    Shape.STANDALONE: FormationChoice(method=FormationMethod.NONE, why="a single server"),
    Shape.REPLICATION: FormationChoice(
        method=FormationMethod.REPLICAOF, why="each replica's configuration names its primary"
    ),
    Shape.SENTINEL: FormationChoice(
        method=FormationMethod.SENTINEL,
        why="each replica's configuration names its primary, and Sentinels monitor it",
    ),
}


def choose_formation(topology: Topology, engine: Engine) -> FormationChoice:
    """Choose the formation method for a topology on an engine."""
    if not topology.clustered:
        return _UNCLUSTERED[topology.shape]
    if topology.hosts is not None:
        why = "nodes are placed on hosts as planned"
        return FormationChoice(method=FormationMethod.INSTANT, why=why)
    if topology.formation is Formation.REDIS_CLI:
        return FormationChoice(method=FormationMethod.REDIS_CLI, why="set in the topology file")
    if topology.formation is Formation.INSTANT:
        return FormationChoice(method=FormationMethod.INSTANT, why="set in the topology file")
    if topology.shards < 3:
        why = f"redis-cli refuses fewer than 3 shards, and this topology has {topology.shards}"
        return FormationChoice(method=FormationMethod.INSTANT, why=why)
    if not engine.path:
        why = "auto: redis-cli if it is found, otherwise instant"
        return FormationChoice(method=FormationMethod.REDIS_CLI, why=why)
    if not engine.cli:
        why = "no redis-cli or valkey-cli was found on this machine"
        return FormationChoice(method=FormationMethod.INSTANT, why=why)
    return FormationChoice(method=FormationMethod.REDIS_CLI, why="auto: 3 or more shards and a CLI")


def with_primary(plan: Plan, primary: str) -> Plan:
    """Make `primary` the primary of a replication plan, and all other data nodes its replicas.

    After a failover the servers' current roles count, not the planned ones.
    """
    if plan.topology.clustered or plan.shards[0].primary == primary:
        return plan
    nodes = tuple(
        replace(node, role=Role.PRIMARY, follows="")
        if node.name == primary
        else replace(node, role=Role.REPLICA, follows=primary)
        for node in plan.data
    )
    others = tuple(node.name for node in nodes if node.name != primary)
    shard = replace(plan.shards[0], primary=primary, replicas=others)
    return replace(plan, nodes=(*nodes, *plan.sentinels), shards=(shard,))
