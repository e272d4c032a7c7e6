"""What `up` and `plan` start from: the record, one look, and how they differ from the plan."""

from collections.abc import Mapping
from pathlib import Path

from redistopo.checks.catalogue import judge
from redistopo.checks.subject import Expected
from redistopo.errors import WrongRequest
from redistopo.form.hands import Hands
from redistopo.model.changes import Drifts, Settings, Situation
from redistopo.model.conf_text import drift, read_conf
from redistopo.model.findings import failed
from redistopo.model.observed import Observed, Role
from redistopo.model.plan import Plan
from redistopo.model.record import Record
from redistopo.model.topology import Directives, Topology
from redistopo.render.conf import node_conf
from redistopo.world.files import read_text
from redistopo.world.observe import Depth


def look_for_steps(hands: Hands) -> Observed:
    """A snapshot deep enough to decide on steps: servers are asked only where one runs."""
    seen = hands.look(Depth.PROCESS)
    return hands.look(Depth.FULL) if any(node.running for node in seen.nodes) else seen


def situation(plan: Plan, record: Record | None, seen: Observed, password: str) -> Situation:
    """All that the steps depend on; pure but for rendering."""
    plain = judge(seen, expected(plan.topology))
    return Situation(
        seen=seen,
        record=record,
        healthy=not failed(plain),
        drifts=drifts(plan, seen, password),
    )


def drifts(plan: Plan, seen: Observed, password: str) -> Drifts:
    """Node -> directives whose live value isn't the topology file's, for nodes that told.

    Also those that the node was started with and the file no longer names.
    """
    found: dict[str, Settings] = {}
    for node in seen.nodes:
        if node.config is not None:
            planned = plan.node(node.name)
            rendered = read_conf(node_conf(plan, planned, password))
            started = read_conf(read_text(planned.folder.config) or "")
            differing = drift(rendered, node.config)
            gone = dict.fromkeys(started.keys() - rendered.keys() - {"replicaof"})
            found[node.name] = {name: pair[0] for name, pair in differing.items()} | gone
    return found


def expected(
    topology: Topology,
    config: Mapping[str, Directives] | None = None,
    paths: Mapping[str, str] | None = None,
) -> Expected:
    """What one of our own topologies should be; `config` and `paths` name its rendered files."""
    return Expected(
        shards=topology.shards,
        replicas=topology.replicas,
        auth=topology.auth,
        host=topology.host,
        config=config,
        configs=paths,
    )


def refuse_other_layout(plan: Plan, record: Record | None, source: Path) -> None:
    """Raises WrongRequest where the file no longer describes the topology that was formed.

    Its nodes hold data for the old layout; changing shape, size or ports is not `up`'s.
    """
    if record is None or not record.formed:
        return
    was = [(node.name, node.host, node.port) for node in record.nodes]
    asked = [(node.name, node.host, node.port) for node in plan.nodes]
    if was == asked and record.shape == plan.topology.shape.value:
        return
    raise WrongRequest(
        f"{source.name} no longer describes the topology that this folder holds",
        detail=f"formed: {record.shape}, {_span(was)}\nasked:  {plan.topology.shape}, "
        f"{_span(asked)}",
        hint="set the file back, or start over without the data: redistopo down --wipe",
    )


def _span(nodes: list[tuple[str, str, int]]) -> str:
    first, last = nodes[0], nodes[-1]
    return f"{len(nodes)} nodes, {first[1]}:{first[2]} to {last[1]}:{last[2]}"


def primary_in(seen: Observed) -> str:
    """The name of a replication's one answering primary; "" for none or several."""
    found = [node.name for node in seen.answering if node.role is Role.PRIMARY]
    return found[0] if len(found) == 1 else ""
