"""The steps that write a node's configuration and start it with its existing data; pure."""

from collections.abc import Iterable

from redistopo.model.planning.load_old_persistence import persistence_switches
from redistopo.model.planning.manifest_repair import damaged_replicas
from redistopo.model.planning.plan import NodePlan, Plan
from redistopo.model.planning.sentinel_primary import known_id
from redistopo.model.planning.situation import Situation
from redistopo.model.planning.step import NodeSettings, Step, StepKind
from redistopo.model.protocol.conf import CONFIG_REWRITE_MARK, read_conf
from redistopo.model.state.observed import Observed, Role


def write_steps(plan: Plan, seen: Observed, names: tuple[str, ...], cause: str) -> Iterable[Step]:
    """Yield the steps that write the configuration of these nodes.

    A file changed by CONFIG REWRITE is kept, except with Sentinels, which do that at each
    failover, without the user's changes. A Sentinel whose file was lost gets the id that the
    others know: with a new id, they would keep the old one forever.
    """
    kept = tuple(
        node.name
        for node in seen.nodes
        if node.name in names
        and not plan.sentinels
        and CONFIG_REWRITE_MARK in (node.on_disk.config or "")
    )
    if kept:
        yield Step(do=StepKind.KEEP, nodes=kept, cause="a CONFIG REWRITE was found in it")
    watching = [node for node in plan.sentinels if node.name in names]
    ids = {node.name: {"myid": own} for node in watching if (own := known_id(seen, node))}
    yield Step(do=StepKind.WRITE, nodes=names, cause=cause, settings=ids)


def start_steps(plan: Plan, now: Situation, names: tuple[str, ...], cause: str) -> Iterable[Step]:
    """Yield the steps that start these nodes with their existing data."""
    if moved := _misplaced(plan, now.seen, names):
        why = "the folder was moved or copied"
        yield Step(do=StepKind.PLACE, nodes=tuple(moved), cause=why, settings=moved)
    yield from damaged_replicas(plan, now, names)
    first, last = persistence_switches(plan, now, names)
    yield from first
    # a Sentinel's file is its own state, and is never compared
    data = tuple(name for name in names if plan.node(name).role is not Role.SENTINEL)
    yield Step(do=StepKind.START, nodes=names, cause=cause, recorded=data)
    yield from last
    if plan.topology.acl and data:
        yield Step(do=StepKind.LIST, nodes=data, cause="to detect later changes")


def _misplaced(plan: Plan, seen: Observed, names: Iterable[str]) -> dict[str, NodeSettings]:
    """Sentinel -> wrong paths in its own file, corrected."""
    found: dict[str, NodeSettings] = {}
    for node in (one for one in plan.sentinels if one.name in names):
        observed = next(one for one in seen.nodes if one.name == node.name)
        conf = read_conf(observed.on_disk.config or "")
        paths = _paths(node).items()
        wrong = {name: path for name, path in paths if name in conf and conf[name] != (path,)}
        if wrong:
            found[node.name] = wrong
    return found


def _paths(node: NodePlan) -> dict[str, str]:
    """The paths in a Sentinel's file for the current folder."""
    folder, tls = node.files, node.certificates
    pem = str(tls.node(node.name))
    return {
        "dir": str(folder.root),
        "logfile": str(folder.log),
        "pidfile": str(folder.pidfile),
        "aclfile": str(folder.users),
        "tls-cert-file": pem,
        "tls-key-file": pem,
        "tls-ca-cert-file": str(tls.ca),
    }
