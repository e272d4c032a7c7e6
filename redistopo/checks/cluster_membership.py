"""Checks of cluster membership: every node knows all others and is connected to them."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from redistopo.checks.check_types import CheckResult, CheckSubject, fail, ok, per_node, skip
from redistopo.checks.replication import integer
from redistopo.model.protocol.endpoint import BUS_OFFSET
from redistopo.model.protocol.replies import ClusterNodesLine
from redistopo.model.remedies.remedy import joined
from redistopo.model.state.clock import FIELD
from redistopo.model.state.hints import command_prefix, forget_command
from redistopo.model.state.observed import NodeSeen


def members_without_link(node: NodeSeen) -> tuple[ClusterNodesLine, ...]:
    """Return the members to which a node has no outgoing bus link; one without an address has
    none, see cluster.members."""
    return tuple(one for one in node.members if not (one.myself or one.lost or one.linked))


def links(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that each node's outgoing bus link to every other node is up."""
    pairs = 0
    results: list[CheckResult] = []
    by_id = {me.id: node for node in subject.seen.answering if (me := node.myself)}
    for node in subject.seen.answering:
        others = [one for one in node.members if not one.myself and not one.lost]
        pairs += len(others)
        down = members_without_link(node)
        if wrong := _announced(subject, node):
            results.append(wrong)
        if mute := _unanswered(subject, node, others):
            results.append(mute)
        if not down:
            continue
        back = [member for member in down if _links_back(by_id.get(member.id), node)]
        named = (f"{subject.name_at(member.address)} (bus {member.bus_port})" for member in down)
        one_way = f"; {_names(subject, back)} is connected to it" if back else ""
        hint = "check that the node is up and its bus port (data port + 10000) is reachable"
        if back:
            hint = "check whether a firewall blocks that bus port, or another one is announced "
            hint += "(cluster-announce-bus-port)"
        found = fail(node.name, f"no bus link to {', '.join(named)}{one_way}", hint)
        ends = (subject.name_at(member.address) for member in down)
        results.append(replace(found, because_of=tuple(f"node.alive {name}" for name in ends)))
    if not subject.seen.answering:
        yield skip("no node replies")
        return
    yield from results or [ok(f"{pairs} of {pairs} bus links connected")]


def _unanswered(
    subject: CheckSubject, node: NodeSeen, others: Iterable[ClusterNodesLine]
) -> CheckResult | None:
    """Find members that don't answer this node's PINGs, though their own PINGs arrive.

    Any packet of a member counts as a sign of life (cluster_legacy.c, clusterCron), so that no node
    suspects it, and a link whose connection is never made is listed as connected.
    """
    now = integer(node.info.get(FIELD), 0) // 1000
    limit = 2 * integer((node.config or {}).get("cluster-node-timeout"), 15000)
    mute = [
        one
        for one in others
        if one.linked and not one.failing and one.pinged and now - one.pinged > limit
    ]
    if not mute:
        return None
    seconds = (now - min(one.pinged for one in mute)) / 1000
    named = ", ".join(f"{subject.name_at(one.address)} (bus {one.bus_port})" for one in mute)
    found = fail(
        node.name,
        f"its PINGs to {named} get no reply for {seconds:.0f} s, but PINGs from there arrive",
        "check whether a firewall blocks that bus port from this node's host",
    )
    ends = tuple(f"node.alive {subject.name_at(one.address)}" for one in mute)
    return replace(found, because_of=ends)


def _announced(subject: CheckSubject, node: NodeSeen) -> CheckResult | None:
    """Find a node that announces an address other than the one in its configuration.

    Established links hide the fault: only a node that is new or restarts can't connect.
    """
    rendered, own = (subject.expected.config or {}).get(node.name), node.myself
    if rendered is None or own is None:
        return None
    planned = {
        "cluster-announce-ip": node.host,
        "cluster-announce-port": str(node.port),
        "cluster-announce-bus-port": str(node.port + BUS_OFFSET),
    }
    announced = (own.host, str(own.port), str(own.bus_port))
    configured = {name: rendered.get(name, ("",))[-1] for name in planned}
    # "" and 0 mean the node's own address and ports (cluster_legacy.c, deriveAnnouncedPorts)
    wanted = tuple(
        configured[name] if configured[name] not in ("", "0") else default
        for name, default in planned.items()
    )
    if announced == wanted:
        return None
    return fail(
        node.name,
        f"announces {announced[0]}:{announced[1]}@{announced[2]}, "
        f"but the plan has {wanted[0]}:{wanted[1]}@{wanted[2]}",
        "check cluster-announce-ip, -port and -bus-port, then: redistopo down; redistopo up",
    )


def _links_back(other: NodeSeen | None, node: NodeSeen) -> bool:
    """Whether the other node, if it replies, has a link to this one."""
    me = node.myself
    known = other.members if other else ()
    return any(me is not None and one.id == me.id and one.linked for one in known)


def _names(subject: CheckSubject, members: Iterable[ClusterNodesLine]) -> str:
    return ", ".join(map(subject.name_of, members))


def members(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that every node knows exactly the nodes of this topology, none failing."""
    by_id = {me.id: node for node in subject.seen.answering if (me := node.myself)}

    def judge(node: NodeSeen) -> CheckResult | None:
        suspect = [member for member in node.members if member.unknown or member.failing]
        for member in suspect[:1]:
            flags = ",".join(sorted(member.flags))
            more = f", and {len(suspect) - 1} more" if len(suspect) > 1 else ""
            evidence = f"sees {subject.name_of(member)} as {flags}{more}"
            return fail(node.name, evidence, _suspect_hint(subject, node, member))
        return _counted(subject, node, by_id) or _moved(subject, node, by_id)

    total = len(subject.seen.nodes)
    yield from per_node(subject.seen.answering, judge, f"{total} nodes known, none failing")


def _suspect_hint(subject: CheckSubject, node: NodeSeen, member: ClusterNodesLine) -> str:
    """How to bring a member back; to remove it only where nothing depends on it."""
    needed = member.slots or any(one.primary_id == member.id for one in node.members)
    back = "start the node whose nodes.conf has this id" if member.lost else subject.start
    if needed:
        return f"it has slots or replicas: {back}"
    forget = forget_command(subject.seen, node, member)
    if member.lost:
        return joined("no node has this id any more: ", forget)
    return joined(f"if it is down: {back}; if it was removed for good: ", forget)


def _counted(
    subject: CheckSubject, node: NodeSeen, by_id: dict[str, NodeSeen]
) -> CheckResult | None:
    """Compare the known members with the topology: by id, or by address if the id is unknown."""
    total = len(subject.seen.nodes)
    silent = {one.address for one in subject.seen.nodes if one.myself is None}
    ids = {one.id for one in node.members}
    addresses = {one.address for one in node.members}
    others = [one for one in node.members if one.id not in by_id and one.address not in silent]
    lost = [
        one
        for one in subject.seen.nodes
        if (one.myself.id not in ids if one.myself else one.address not in addresses)
    ]
    if not others and not lost and len(node.members) == total:
        return None
    faults = [f"{_names(subject, others)} is not part of it"] if others else []
    faults += [f"{', '.join(one.name for one in lost)} is missing"] if lost else []
    evidence = f"knows {len(node.members)} nodes, the topology has {total}"
    hint = "nodes of another cluster, or nodes that haven't met yet"
    if owner := next((one for one in others if one.slots), None):
        hint = f"{subject.name_of(owner)} owns {sum(map(len, owner.slots))} slots: move "
        hint += "them back first, see cluster.slots"
    elif others:
        hint = forget_command(subject.seen, node, others[0])
    elif lost:
        where = f"{lost[0].host} {lost[0].port}"
        hint = f"to add the missing node: {command_prefix(node)} CLUSTER MEET {where}"
        if subject.ours:
            hint += "; if it was forgotten less than 60 s ago: redistopo up, which repeats that"
    return fail(node.name, f"{evidence}: {', '.join(faults)}" if faults else evidence, hint)


def _moved(subject: CheckSubject, node: NodeSeen, by_id: dict[str, NodeSeen]) -> CheckResult | None:
    """Find a member whose address, as known here, differs from the one it reports itself.

    A machine may have several addresses, so for servers we didn't start only ports count.
    """
    for member in node.members:
        me = by_id[member.id].myself if member.id in by_id else None
        if me is None:
            continue
        moved = (me.port, me.bus_port) != (member.port, member.bus_port)
        if moved or (subject.ours and me.host != member.host):
            return fail(
                node.name,
                f"knows {by_id[member.id].name} at {_where(member)}, it reports {_where(me)}",
                "a node that moved updates the others once it can reach them: see cluster.links",
            )
    return None


def _where(member: ClusterNodesLine) -> str:
    return f"{member.address}@{member.bus_port}"
