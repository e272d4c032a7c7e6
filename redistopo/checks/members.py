"""Checks on who is in a cluster: every node knows all others, and talks to them."""

from collections.abc import Iterable, Iterator

from redistopo.checks.subject import CheckResult, CheckSubject, fail, ok, per_node, skip
from redistopo.model.protocol.endpoint import BUS_OFFSET
from redistopo.model.protocol.replies import ClusterNodesLine
from redistopo.model.state.hints import forget_command, redis_cli_command
from redistopo.model.state.observed import NodeSeen


def links(subject: CheckSubject) -> Iterator[CheckResult]:
    """Each node's outgoing bus link to each other one is up: together, both directions."""
    pairs = 0
    answers: list[CheckResult] = []
    by_id = {me.id: node for node in subject.seen.answering if (me := node.myself)}
    for node in subject.seen.answering:
        others = [member for member in node.members if not member.myself]
        pairs += len(others)
        down = [member for member in others if not member.linked]
        if wrong := _misled(subject, node):
            answers.append(wrong)
        if not down:
            continue
        back = [member for member in down if _links_back(by_id.get(member.id), node)]
        named = (f"{subject.name_at(member.address)} (bus {member.bus_port})" for member in down)
        one_way = f"; {_names(subject, back)} has one to it" if back else ""
        hint = "is that node up, and its bus port (data port + 10000) reachable?"
        if back:
            hint = "does a firewall close that bus port, or is another one announced "
            hint += "(cluster-announce-bus-port)?"
        answers.append(fail(node.name, f"no bus link to {', '.join(named)}{one_way}", hint))
    if not subject.seen.answering:
        yield skip("no node answers")
        return
    yield from answers or [ok(f"{pairs} of {pairs} bus links connected")]


def _misled(subject: CheckSubject, node: NodeSeen) -> CheckResult | None:
    """A node that tells the others another address than its configuration says.

    The links that stand hide it: who is new, or comes back, doesn't find the node.
    """
    rendered, own = (subject.expected.config or {}).get(node.name), node.myself
    if rendered is None or own is None:
        return None
    planned = {
        "cluster-announce-ip": node.host,
        "cluster-announce-port": str(node.port),
        "cluster-announce-bus-port": str(node.port + BUS_OFFSET),
    }
    told = (own.host, str(own.port), str(own.bus_port))
    asked = {name: rendered.get(name, ("",))[-1] for name in planned}
    # "" and 0 stand for what the node itself has (cluster_legacy.c, deriveAnnouncedPorts)
    wanted = tuple(
        asked[name] if asked[name] not in ("", "0") else usual for name, usual in planned.items()
    )
    if told == wanted:
        return None
    return fail(
        node.name,
        f"tells the others to reach it at {told[0]}:{told[1]}@{told[2]}, "
        f"planned is {wanted[0]}:{wanted[1]}@{wanted[2]}",
        "was cluster-announce-ip, -port or -bus-port changed? redistopo down, then up",
    )


def _links_back(other: NodeSeen | None, node: NodeSeen) -> bool:
    """Whether the other node, if it answers, has a link to this one."""
    me = node.myself
    known = other.members if other else ()
    return any(me is not None and one.id == me.id and one.linked for one in known)


def _names(subject: CheckSubject, members: Iterable[ClusterNodesLine]) -> str:
    return ", ".join(subject.name_at(member.address) for member in members)


def members(subject: CheckSubject) -> Iterator[CheckResult]:
    """Every node knows exactly the nodes of this topology, where they say they are; none fails."""
    by_id = {me.id: node for node in subject.seen.answering if (me := node.myself)}

    def judge(node: NodeSeen) -> CheckResult | None:
        strange = [member for member in node.members if member.unknown or member.failing]
        for member in strange[:1]:
            flags = ",".join(sorted(member.flags))
            return fail(
                node.name,
                f"sees {subject.name_at(member.address)} as {flags}"
                + (f" and {len(strange) - 1} more so" if len(strange) > 1 else ""),
                f"what is down: {subject.start}; what is gone for good: CLUSTER FORGET",
            )
        return _counted(subject, node, by_id) or _moved(subject, node, by_id)

    total = len(subject.seen.nodes)
    yield from per_node(subject.seen.answering, judge, f"know {total} nodes, none failing")


def _counted(
    subject: CheckSubject, node: NodeSeen, by_id: dict[str, NodeSeen]
) -> CheckResult | None:
    """By id; by address where a node doesn't tell its own."""
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
    told = [f"{_names(subject, others)} is none of it"] if others else []
    told += [f"{', '.join(one.name for one in lost)} is missing"] if lost else []
    evidence = f"knows {len(node.members)} nodes, the topology has {total}"
    hint = "nodes of another cluster, or ones that haven't met yet"
    if others:
        hint = f"if it is no part of it: {forget_command(node, others[0].id)}"
    elif lost:
        where = f"{lost[0].host} {lost[0].port}"
        hint = f"let them meet: {redis_cli_command(node)} CLUSTER MEET {where}"
    return fail(node.name, f"{evidence}: {', '.join(told)}" if told else evidence, hint)


def _moved(subject: CheckSubject, node: NodeSeen, by_id: dict[str, NodeSeen]) -> CheckResult | None:
    """Whether it knows a node at another address than that one has by its own word.

    A machine has several addresses, so of a topology that isn't ours only ports count.
    """
    for member in node.members:
        me = by_id[member.id].myself if member.id in by_id else None
        if me is None:
            continue
        moved = (me.port, me.bus_port) != (member.port, member.bus_port)
        if moved or (subject.ours and me.host != member.host):
            return fail(
                node.name,
                f"knows {by_id[member.id].name} at {_where(member)}, it says {_where(me)}",
                "a node that moved tells the others once it can reach them: cluster.links",
            )
    return None


def _where(member: ClusterNodesLine) -> str:
    return f"{member.address}@{member.bus_port}"
