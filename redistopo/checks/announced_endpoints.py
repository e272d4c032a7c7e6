"""Check of the endpoints that clients are given."""

from collections.abc import Iterator

from redistopo.checks.check_types import (
    TOPOLOGY,
    CheckResult,
    CheckSubject,
    fail,
    ok,
    skip,
    unknown,
    warn,
)
from redistopo.model.state.announced import NO_ADDRESS, UNKNOWN_HOST, Announced
from redistopo.model.state.hints import allow_command_hint, command_prefix, started_by_us
from redistopo.model.state.observed import NodeSeen


def reachable(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that each endpoint that clients are given leads to the node that it names.

    Clients of a cluster connect to what CLUSTER SLOTS prints: an address, or a hostname, by the
    setting cluster-preferred-endpoint-type of the node that they ask. Of a replication they get
    what each replica announces: the primary lists it, and Sentinels give it to clients, after a
    failover as the primary's.
    """
    by_id = {node.id: node for node in subject.seen.answering}
    told = [one for one in subject.seen.announced or () if one.id in by_id]
    if not told:
        yield skip("not inspected")
        return
    elsewhere = [one for one in told if _for_others(subject, one, by_id[one.id])]
    wrong = [one for one in told if (one.error or one.refused) and one not in elsewhere]
    for one in wrong:
        node = by_id[one.id]
        if one.refused:
            command, what = ("CLUSTER", "SLOTS") if node.myself else ("CONFIG", "GET")
            hint = allow_command_hint(node, command, one.refused)
            yield unknown(node.name, f"it refuses {command} {what}: {one.refused}", hint)
        elif one.host != UNKNOWN_HOST:
            yield _astray(subject, one, node)
    if nameless := [one for one in wrong if one.host == UNKNOWN_HOST]:
        yield _nameless(subject, nameless, [by_id[one.id] for one in nameless])
    unproven = [one for one in told if one.unproven]
    for one in unproven:
        evidence = f"announces {one.address}, where a server doesn't say which node it is: "
        node = by_id[one.id]
        command = one.unproven.partition(" ")[0]
        hint = allow_command_hint(node, command, one.unproven)
        yield unknown(node.name, evidence + one.unproven, hint)
    if elsewhere:
        yield _unreached(elsewhere)
    elif not wrong and not unproven:
        many = f"{len(told)} endpoints that clients are given lead to their nodes"
        yield ok(many if told[1:] else "the endpoint that clients are given leads to its node")


def _for_others(subject: CheckSubject, one: Announced, node: NodeSeen) -> bool:
    """Whether clients elsewhere may know the name, or reach the port, that the file has."""
    name = subject.expected.announced_name
    if subject.expected.announce_port and one.is_mapped(node.config or {}):
        return True
    return bool(name) and one.host == name and one.error == NO_ADDRESS


def _unreached(told: list[Announced]) -> CheckResult:
    where = ", ".join(sorted(one.address for one in told))
    key = "announce_port" if told[0].closed else "announce_host"
    evidence = f"clients are given {where} ({key}), which could not be reached from here: "
    hint = f"where clients run: redistopo verify --connect {min(one.address for one in told)}"
    return warn(TOPOLOGY, evidence + told[0].error, hint)


def _nameless(subject: CheckSubject, told: list[Announced], nodes: list[NodeSeen]) -> CheckResult:
    """Nodes for which clients get a question mark instead of a host."""
    teller = next(node for node in subject.seen.nodes if node.name == told[0].told_by)
    names = ", ".join(node.name for node in nodes)
    evidence = f"{teller.name} gives clients {UNKNOWN_HOST!r} as the host of {names}: "
    evidence += "it prefers hostnames, and they announce none"
    # the other nodes may prefer hostnames too: each of them tells its own clients
    everywhere = "redistopo call" if started_by_us(teller) else command_prefix(teller)
    hint = f"{everywhere} CONFIG SET cluster-preferred-endpoint-type ip, or for each: "
    hint += f"{command_prefix(nodes[0])} CONFIG SET cluster-announce-hostname NAME"
    return fail(TOPOLOGY, evidence, hint)


def _astray(subject: CheckSubject, one: Announced, node: NodeSeen) -> CheckResult:
    me = node.myself
    if me is None and one.told_by != node.name:
        evidence = f"{one.told_by} still lists it at {one.address}, which it announced when it "
        evidence += f"connected: {one.error}; it replied at {node.address}"
        return fail(
            node.name, evidence, f"{command_prefix(node)} CLIENT KILL TYPE master", settles=False
        )
    directive = "cluster-announce-hostname"
    if me and one.host == me.host:
        directive = "cluster-announce-ip" if one.host != node.host else "cluster-announce-port"
    if me is None:
        directive = "replica-announce-ip" if one.host != node.host else "replica-announce-port"
    evidence = f"announces {one.address} ({directive}): {one.error}; it replied at {node.address}"
    rendered = (subject.expected.config or {}).get(node.name, {})
    if directive in rendered and rendered[directive] != ((node.config or {}).get(directive),):
        return fail(node.name, evidence, "redistopo up restores what is rendered", settles=False)
    default = 0 if directive.endswith("port") else '""'
    hint = f"{command_prefix(node)} CONFIG SET {directive} {default}, or an address that clients "
    hint += "reach; also where it is configured"
    # gossip corrects an address within seconds, but doesn't make a name resolvable
    return fail(node.name, evidence, hint, settles=None if me and one.host == me.host else False)
