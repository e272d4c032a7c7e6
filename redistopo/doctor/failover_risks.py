"""Risks that `verify` does not check because all works now: whether replication would break under
load or after a failover, and which node must be reset before it can join this cluster."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from redistopo.checks.check_types import CheckResult, CheckSubject, fail, ok, per_node, skip, warn
from redistopo.doctor.facts import DoctorFacts
from redistopo.model.planning.plan_rejoin import reset_nodes
from redistopo.model.protocol.slots import format_ranges_briefly
from redistopo.model.remedies.of_machine import move_aside
from redistopo.model.remedies.of_topology import rebuild_node, start_over
from redistopo.model.remedies.remedy import joined
from redistopo.model.state.hints import command_prefix, leave_command, started_by_us
from redistopo.model.state.observed import NodeSeen, Role

_TOO_FEW = "the configuration of fewer than two nodes can be read"
_USUAL_PING = 10
_USUAL_TIMEOUT = 60
_SECURE = 3
"""A link is closed after repl-timeout; so many pings should fit into it."""


def passwords(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that every node accepts each node's masterauth, so that roles can change.

    The values are compared, never shown. A masterauth is refused as well if no password is set
    (acl.c, authCommand). With ACL the users' rules decide: `access.users` tries them.
    """
    readable = [node for node in subject.seen.answering if node.config and _data(node)]
    if len(readable) < 2:
        yield skip(_TOO_FEW)
        return
    if any((node.config or {}).get("masteruser") for node in readable):
        yield skip("replicas log in as a user of their own: see access.users")
        return
    if any(_by_acl(node) for node in readable):
        yield skip("passwords are set by ACL, which does not show them")
        return
    passwords_of = {node.name: (node.config or {}).get("requirepass", "") for node in readable}

    def judge(node: NodeSeen) -> CheckResult | None:
        mine = (node.config or {}).get("masterauth", "")
        shut = [name for name, pw in passwords_of.items() if name != node.name and pw != mine]
        if not shut:
            return None
        has = "a masterauth that differs from their password" if mine else "no masterauth"
        evidence = f"has {has}: it could not replicate {', '.join(shut)}"
        hint = "redistopo up restores it"
        if not started_by_us(node):
            hint = f"{command_prefix(node)} CONFIG SET masterauth PASSWORD, that of the other nodes"
        return fail(node.name, evidence, hint)

    yield from per_node(readable, judge, "masterauth accepted by every other node")


def timeouts(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that repl-timeout is well above the ping period, and the node timeouts are equal.

    Source: redis.conf, repl-timeout: it must be larger than repl-ping-replica-period, otherwise a
    timeout is detected whenever there is little traffic.
    """
    readable = [node for node in subject.seen.answering if node.config and _data(node)]
    if len(readable) < 2:
        yield skip(_TOO_FEW)
        return

    def judge(node: NodeSeen) -> CheckResult | None:
        ping = _number(node, _USUAL_PING, "repl-ping-replica-period", "repl-ping-slave-period")
        limit = _number(node, _USUAL_TIMEOUT, "repl-timeout")
        if limit <= ping:
            evidence = f"repl-timeout {limit} s isn't above repl-ping-replica-period {ping} s: "
            evidence += "the link breaks whenever there is no traffic"
            return fail(node.name, evidence, _set(node, f"repl-timeout {max(60, _SECURE * ping)}"))
        if limit < _SECURE * ping:
            evidence = f"repl-timeout {limit} s allows for {limit // ping} pings of {ping} s only"
            return warn(node.name, evidence, _set(node, f"repl-timeout {_SECURE * ping}"))
        return None

    yield from per_node(readable, judge, "repl-timeout allows for several pings")
    paces = Counter(_number(node, 0, "cluster-node-timeout") for node in readable)
    if len(paces) > 1:
        values = ", ".join(f"{one} ms" for one in sorted(paces))
        usual, _nodes = paces.most_common(1)[0]
        odd = [node for node in readable if _number(node, 0, "cluster-node-timeout") != usual]
        orders = dict.fromkeys(_set(node, f"cluster-node-timeout {usual}") for node in odd)
        # own nodes have it from the topology file's node_timeout, which `set` does not change
        fix = (
            "redistopo up   (all get node_timeout)"
            if all(map(started_by_us, odd))
            else "; ".join(orders)
        )
        hint = f"set the same on all: {fix}"
        yield warn("topology", f"cluster-node-timeout differs: {values}", hint)


def buffers(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that replicas' output buffers are as large as the backlog, and closed no link.

    Source: redis.conf, client-output-buffer-limit: below repl-backlog-size a replica is
    disconnected right after its partial sync; since 7.0 the backlog's size is the minimum.
    Replicas that sync repeatedly are reported by `replication.link`.
    """
    readable = [node for node in subject.seen.answering if node.config and _data(node)]
    if len(readable) < 2:
        yield skip(_TOO_FEW)
        return

    def judge(node: NodeSeen) -> CheckResult | None:
        limits = buffer_limits((node.config or {}).get("client-output-buffer-limit", ""))
        backlog = _number(node, 0, "repl-backlog-size")
        hard, soft = limits
        low = min((one for one in limits if one), default=0)
        enough = f"{max(2 * backlog, 1 << 28)} {max(backlog, 1 << 26)} 60"
        change = f"client-output-buffer-limit 'replica {enough}'"
        if low and low < backlog:
            evidence = f"disconnects replicas at {low} bytes (hard {hard}, soft {soft}), below its "
            evidence += f"backlog of {backlog}; before 7.0 this happens right after a partial sync"
            return warn(node.name, evidence, _set(node, change))
        cut = int(node.info.get("client_output_buffer_limit_disconnections", 0))
        if cut and node.role is Role.PRIMARY:
            evidence = (
                f"has disconnected {cut} clients since its start: their output buffer was full"
            )
            return warn(node.name, evidence, _set(node, change))
        return None

    yield from per_node(readable, judge, "replicas' output buffers as large as the backlog")


def stray_nodes(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that no node was reset, or needs a reset: in another cluster, or alone with data.

    CLUSTER RESET refuses a primary with keys, so they have to be deleted first; it removes the
    slots and all other nodes, and with HARD the node's id and epoch (redis.io, CLUSTER RESET).
    """
    ids = {me.id for node in subject.seen.answering if (me := node.myself)}
    if len(subject.seen.nodes) < 2:
        yield skip("a single node can't be apart from others")
        return
    silent = {node.address for node in subject.seen.nodes if node.myself is None}
    empty = reset_nodes(subject.seen)
    hosts = [node for node in subject.seen.answering if node not in empty]

    def judge(node: NodeSeen) -> CheckResult | None:
        me = node.myself
        if me is None:
            return None
        others = [one for one in node.members if not one.myself and not one.unknown]
        if any(one.id in ids or one.address in silent for one in others):
            return _reset_and_known(node) if node in empty and started_by_us(node) else None
        if node in empty and not others:
            return _reset_and_alone(node, hosts)
        where = f"belongs to another cluster, with {others[0].address}" if others else "is alone"
        lost = ["1 key" if node.keys == 1 else f"{node.keys} keys"] if node.keys else []
        if me.slots:
            lost.append(f"{sum(map(len, me.slots))} slots ({format_ranges_briefly(me.slots)})")
        loss = ", ".join(lost) or "nothing but its id"
        evidence = f"{where} (id {me.id[:8]}); a reset would remove: {loss}"
        return fail(node.name, evidence, leave_command(node, loss))

    target = "to this cluster"
    yield from per_node(subject.seen.answering, judge, f"belong {target}", f"belongs {target}")


def _by_acl(node: NodeSeen) -> bool:
    """Return whether the default user is off, or has a password that requirepass doesn't show."""
    own = next((line.split() for line in node.users if line.startswith("user default ")), [])
    return bool(own) and "nopass" not in own and not (node.config or {}).get("requirepass")


_UP = "redistopo up rejoins it"


def _reset_and_known(node: NodeSeen) -> CheckResult:
    """Report a node that others met again, as since Valkey 8.1, or whose slots were moved away."""
    return warn(node.name, "is a primary without slots and keys, as after a reset", _UP)


def _reset_and_alone(node: NodeSeen, others: list[NodeSeen]) -> CheckResult | None:
    """Report nothing if no node has slots: then there is no cluster yet that it has left."""
    if not others:
        return None
    hint = _UP
    if not started_by_us(node):
        hint = f"{command_prefix(node)} CLUSTER MEET {others[0].host} {others[0].port}"
    return fail(node.name, "was reset: it is empty and alone", hint)


_FROM_OTHERS = "   (rebuilds it from another node's)"


def tables(facts: DoctorFacts) -> Iterator[CheckResult]:
    """Check that each stopped node's nodes.conf is intact, and belongs to this cluster: it has
    another node, or another node's has it."""
    # `up` starts no node while one of them is left
    names = [lost.name for lost in facts.lost]
    for lost in facts.lost:
        hint = start_over("restore it from a copy")
        if facts.tables:
            hint = joined(rebuild_node(names), _FROM_OTHERS)
        yield fail(lost.name, f"its nodes.conf is {lost.why}: {lost.path}", hint)
    ids = {one.id for one in facts.tables}
    strange = [
        one
        for one in facts.tables
        if one.stopped
        and one.known
        and not one.known & ids
        and not any(one.id in other.known for other in facts.tables)
    ]
    for one in strange:
        other = next(entry.address for entry in one.table.entries if entry.id in one.known)
        text = f"its nodes.conf is of another cluster: it has {other}, and no node of this one"
        aside = move_aside(Path(one.path), ".other")
        hint = joined(aside, "; ", rebuild_node([one.name]), _FROM_OTHERS)
        yield fail(one.name, text, hint)
    if ids and not (strange or facts.lost):
        yield ok(f"{len(ids)} nodes.conf on disk are of one cluster", facts.topology.name)


def buffer_limits(text: str) -> tuple[int, int]:
    """Return the hard and soft limit of replicas in bytes, from CONFIG GET's text; 0: none."""
    found = re.search(r"\b(?:slave|replica) ([0-9]+) ([0-9]+) [0-9]+", text, re.ASCII)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _data(node: NodeSeen) -> bool:
    return node.role in (Role.PRIMARY, Role.REPLICA)


def _set(node: NodeSeen, what: str) -> str:
    """Return the command that sets a directive: on all own nodes, or on one foreign node."""
    return (
        f"redistopo set {what}"
        if started_by_us(node)
        else f"{command_prefix(node)} CONFIG SET {what}"
    )


def _number(node: NodeSeen, usual: int, *names: str) -> int:
    config = node.config or {}
    text = next((config[name] for name in names if name in config), "")
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text, re.ASCII) else usual
