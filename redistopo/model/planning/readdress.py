"""Stopped nodes whose addresses were changed in the topology file: their files name the former
ones, of each other and their own. Pure.

A cluster's nodes.conf has every node's address, and at a start no node is looked for anywhere
else; so has a sentinel.conf. The redis.conf of data nodes is written anew at each start.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from redistopo.model.planning.node_numbers import recorded_now
from redistopo.model.planning.plan import NodePlan, Plan
from redistopo.model.planning.step import Step, StepKind
from redistopo.model.protocol.conf import read_conf, with_values
from redistopo.model.protocol.conf_endpoint import endpoint_of
from redistopo.model.protocol.endpoint import BUS_OFFSET, Endpoint
from redistopo.model.state.disk import DiskSeen
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.state.record import TopologyState

_PLACE = re.compile(r"^(\S+ )(\S*):(\d+)@\d+(?=[\s,])")
_MYSELF = re.compile(r"^\S+ \S+ \S*\bmyself\b")
_PEER = re.compile(
    r"^(sentinel (?:monitor|known-replica|known-slave|known-sentinel) \S+) (\S+) (\d+)(?=\s|$)"
)

Moves = Mapping[Endpoint, Endpoint]
"""Former address -> the one in the topology file."""


def is_readdressed(plan: Plan, record: TopologyState) -> bool:
    """Whether the file describes the recorded topology, at other addresses."""
    same = {*record.names} <= {node.name for node in plan.nodes}
    return same and record.shape == plan.topology.shape and bool(_moves(plan, record))


def _moves(plan: Plan, record: TopologyState) -> Moves:
    pairs = ((Endpoint(one.host, one.port), plan.node(one.name).endpoint) for one in record.nodes)
    return {was: to for was, to in pairs if was != to}


def with_addresses(plan: Plan, record: TopologyState | None) -> TopologyState | None:
    """Return the record with the addresses in the topology file, once nodes have them."""
    if record is None or not is_readdressed(plan, record):
        return record
    return recorded_now(plan, record)


def readdress_steps(plan: Plan, record: TopologyState | None, seen: Observed) -> tuple[Step, ...]:
    """Return the step for the nodes whose files have former addresses, of an interrupted `up`
    the remaining ones."""
    if record is None or not record.formed or not is_readdressed(plan, record):
        return ()
    moves = {str(was): str(to) for was, to in _moves(plan, record).items()}
    stopped = (node for node in seen.nodes if not (plan.topology.hosts and node.running))
    names = tuple(node.name for node in stopped if _differs(plan, node, moves))
    cause = "the topology file has other addresses"
    settings = dict.fromkeys(names, moves)
    step = Step(do=StepKind.READDRESS, nodes=names, cause=cause, settings=settings)
    return (step,) if names else ()


def _differs(plan: Plan, node: NodeSeen, moves: Mapping[str, str]) -> bool:
    text, planned = _file(node.on_disk), plan.node(node.name)
    return readdressed(text, planned, moves, plan.bound(planned)) != text


def _file(disk: DiskSeen) -> str:
    return disk.nodes_conf or (disk.config if disk.sentinel else "") or ""


def after_readdressing(
    plan: Plan, record: TopologyState | None, seen: Observed, steps: Iterable[Step]
) -> Observed:
    """Return the snapshot as it will be after these steps, and once running nodes know the new
    addresses of those that aren't running: of a host that was replaced."""
    seen = _with_replaced_hosts(plan, record, seen)
    moves = {name: moved for one in steps for name, moved in one.settings.items()}

    def changed(node: NodeSeen) -> NodeSeen:
        disk, text = node.on_disk, _file(node.on_disk)
        planned = plan.node(node.name)
        text = readdressed(text, planned, moves[node.name], plan.bound(planned))
        fresh = replace(disk, config=text)
        return replace(node, disk=replace(disk, nodes_conf=text) if disk.nodes_conf else fresh)

    return replace(
        seen, nodes=tuple(changed(one) if one.name in moves else one for one in seen.nodes)
    )


def _with_replaced_hosts(plan: Plan, record: TopologyState | None, seen: Observed) -> Observed:
    if plan.topology.hosts is None or record is None or not is_readdressed(plan, record):
        return seen
    moves = _moves(plan, record)

    def place(found: re.Match[str]) -> str:
        to = moves.get(Endpoint(found[2], int(found[3])))
        return f"{found[1]}{to.host}:{to.port}@{to.port + BUS_OFFSET}" if to else found[0]

    def told(node: NodeSeen) -> NodeSeen:
        text = node.on_disk.nodes_conf
        if not node.running or not text:
            return node
        lines = (_PLACE.sub(place, one) for one in text.split("\n"))
        return replace(node, disk=replace(node.on_disk, nodes_conf="\n".join(lines)))

    return replace(seen, nodes=tuple(map(told, seen.nodes)))


def readdressed(text: str, node: NodePlan, moves: Mapping[str, str | None], bind: str = "") -> str:
    """Return a node's nodes.conf or sentinel.conf with other addresses (former -> new); a Sentinel
    binds `bind`, by default its own address.

    A file is written as a whole: if it has its node's new address, it has all of them, unless nodes
    moved one by one. Where former and new addresses overlap, no file may be changed twice.
    """
    found = {Endpoint.parse(was): Endpoint.parse(to) for was, to in moves.items() if to}
    if node.bus_port:
        return _in_nodes_conf(text, node, found)
    return _in_sentinel_conf(text, node, found, bind or node.host)


def _once(moves: Moves) -> bool:
    """Whether a second change would take the new address of one node for the former of another."""
    return not moves.keys().isdisjoint(moves.values())


def _in_nodes_conf(text: str, node: NodePlan, moves: Moves) -> str:
    lines = text.split("\n")
    own = next(
        (found for one in lines if _MYSELF.match(one) and (found := _PLACE.match(one))), None
    )
    # a node that has never met another one doesn't know its own host
    done = own is not None and Endpoint(own[2] or node.host, int(own[3])) == node.endpoint
    if own is None or (done and _once(moves)):
        return text

    def place(found: re.Match[str]) -> str:
        to = moves.get(Endpoint(found[2], int(found[3])))
        if to is None and found[0] == own[0] and not done:
            to = node.endpoint
        return f"{found[1]}{to.host}:{to.port}@{to.port + BUS_OFFSET}" if to else found[0]

    return "\n".join(_PLACE.sub(place, one) for one in lines)


def _in_sentinel_conf(text: str, node: NodePlan, moves: Moves, bind: str) -> str:
    conf = read_conf(text)
    port = next((name for name in ("tls-port", "port") if conf.get(name, ("0",)) != ("0",)), "port")
    if endpoint_of(conf) == node.endpoint and _once(moves):
        return text

    def peer(found: re.Match[str]) -> str:
        to = moves.get(Endpoint(found[2], int(found[3])))
        return f"{found[1]} {to.host} {to.port}" if to else found[0]

    lines = [_PEER.sub(peer, one) for one in text.split("\n")]
    # a Sentinel refuses a file that has a node twice: at its former and at its new address
    text = "\n".join(
        one for at, one in enumerate(lines) if not (_PEER.match(one) and one in lines[:at])
    )
    text = with_values(text, {"bind": bind, port: str(node.port)})
    return re.sub(
        r"^sentinel announce-ip\s.*$", f'sentinel announce-ip "{node.host}"', text, flags=re.M
    )
