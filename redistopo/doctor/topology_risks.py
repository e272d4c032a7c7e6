"""What `verify` doesn't ask, since it works now: whether replication would break under load or
after a failover, and which node must be reset before it can be of this cluster."""

import re
from collections import Counter
from collections.abc import Iterator

from redistopo.checks.subject import CheckResult, CheckSubject, fail, ok, per_node, skip, warn
from redistopo.doctor.facts import DoctorFacts
from redistopo.model.planning.rejoin import reset_nodes
from redistopo.model.protocol.slots import format_ranges_briefly
from redistopo.model.state.hints import is_ours, redis_cli_command
from redistopo.model.state.observed import NodeSeen, Role

_USUAL_PING = 10
_USUAL_TIMEOUT = 60
_SECURE = 3
"""A link is given up after repl-timeout; so many pings should fit into it."""


def passwords(subject: CheckSubject) -> Iterator[CheckResult]:
    """Each node's masterauth opens every other one, so that roles may change at any time.

    The values are compared, never told. A masterauth where none is asked for is refused as well
    (acl.c, authCommand). With ACL it is the users' rules that decide: `access.users` tries them.
    """
    told = [node for node in subject.seen.answering if node.config and _data(node)]
    if len(told) < 2:
        yield skip("fewer than two nodes tell their configuration")
        return
    if any((node.config or {}).get("masteruser") for node in told):
        yield skip("replicas come in as a user of their own: see access.users")
        return
    if any(_by_acl(node) for node in told):
        yield skip("passwords are set by ACL, which doesn't tell them")
        return
    asked = {node.name: (node.config or {}).get("requirepass", "") for node in told}

    def judge(node: NodeSeen) -> CheckResult | None:
        mine = (node.config or {}).get("masterauth", "")
        shut = [name for name, secret in asked.items() if name != node.name and secret != mine]
        if not shut:
            return None
        has = "another masterauth than their password" if mine else "no masterauth"
        evidence = f"has {has}: it could not follow {', '.join(shut)}"
        hint = "redistopo up sets it back"
        if not is_ours(node):
            hint = (
                f"{redis_cli_command(node)} CONFIG SET masterauth PASSWORD, the one of the others"
            )
        return fail(node.name, evidence, hint)

    yield from per_node(told, judge, "masterauth opens every other node")


def timeouts(subject: CheckSubject) -> Iterator[CheckResult]:
    """repl-timeout is well above the pace of pings, and all nodes have the same node timeout.

    Source: redis.conf, repl-timeout: it must be larger than repl-ping-replica-period, else a
    timeout is detected whenever there is little traffic.
    """
    told = [node for node in subject.seen.answering if node.config and _data(node)]
    if len(told) < 2:
        yield skip("fewer than two nodes tell their configuration")
        return

    def judge(node: NodeSeen) -> CheckResult | None:
        ping = _number(node, _USUAL_PING, "repl-ping-replica-period", "repl-ping-slave-period")
        limit = _number(node, _USUAL_TIMEOUT, "repl-timeout")
        if limit <= ping:
            evidence = f"repl-timeout {limit} s isn't above repl-ping-replica-period {ping} s: "
            evidence += "each quiet moment breaks the link"
            return fail(node.name, evidence, _set(node, f"repl-timeout {max(60, _SECURE * ping)}"))
        if limit < _SECURE * ping:
            evidence = f"repl-timeout {limit} s has room for {limit // ping} pings of {ping} s"
            return warn(node.name, evidence, _set(node, f"repl-timeout {_SECURE * ping}"))
        return None

    yield from per_node(told, judge, "repl-timeout has room for several pings")
    paces = Counter(_number(node, 0, "cluster-node-timeout") for node in told)
    if len(paces) > 1:
        values = ", ".join(f"{one} ms" for one in sorted(paces))
        usual, _nodes = paces.most_common(1)[0]
        odd = [node for node in told if _number(node, 0, "cluster-node-timeout") != usual]
        orders = dict.fromkeys(_set(node, f"cluster-node-timeout {usual}") for node in odd)
        # ours have it by the topology file's node_timeout, which `set` leaves alone
        mended = (
            "redistopo up   (all get node_timeout)" if all(map(is_ours, odd)) else "; ".join(orders)
        )
        hint = f"give all the same: {mended}"
        yield warn("topology", f"cluster-node-timeout differs: {values}", hint)


def buffers(subject: CheckSubject) -> Iterator[CheckResult]:
    """The output buffer of replicas holds at least the backlog, and nobody was cut off for it.

    Source: redis.conf, client-output-buffer-limit: below repl-backlog-size a replica is cut off
    right after its partial sync; since 7.0 the backlog's size counts instead. That replicas
    sync over and over is `replication.link`'s to say.
    """
    told = [node for node in subject.seen.answering if node.config and _data(node)]
    if len(told) < 2:
        yield skip("fewer than two nodes tell their configuration")
        return

    def judge(node: NodeSeen) -> CheckResult | None:
        limits = buffer_limits((node.config or {}).get("client-output-buffer-limit", ""))
        backlog = _number(node, 0, "repl-backlog-size")
        hard, soft = limits
        low = min((one for one in limits if one), default=0)
        enough = f"{max(2 * backlog, 1 << 28)} {max(backlog, 1 << 26)} 60"
        change = f"client-output-buffer-limit 'replica {enough}'"
        if low and low < backlog:
            evidence = f"cuts replicas off at {low} bytes (hard {hard}, soft {soft}), below its "
            evidence += f"backlog of {backlog}; servers before 7.0 do so right after a partial sync"
            return warn(node.name, evidence, _set(node, change))
        cut = int(node.info.get("client_output_buffer_limit_disconnections", 0))
        if cut and node.role is Role.PRIMARY:
            evidence = f"cut {cut} clients off since its start, for their output buffer was full"
            return warn(node.name, evidence, _set(node, change))
        return None

    yield from per_node(told, judge, "replicas' output buffers hold the backlog")


def strays(subject: CheckSubject) -> Iterator[CheckResult]:
    """No node was reset, belongs to another cluster, or stands alone with data; of the latter
    two a reset would be the cure.

    CLUSTER RESET refuses a primary with keys, so they would have to go first; it takes the
    slots and the knowledge of all others, and with HARD the node's id and epoch (redis.io,
    CLUSTER RESET).
    """
    ids = {me.id for node in subject.seen.answering if (me := node.myself)}
    if len(subject.seen.nodes) < 2:
        yield skip("one node alone has no others to be apart from")
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
            return _reset_and_known(node) if node in empty and is_ours(node) else None
        if node in empty and not others:
            return _reset_and_alone(node, hosts)
        where = f"is of another cluster, with {others[0].address}" if others else "stands alone"
        slots = sum(one.last - one.first + 1 for one in me.slots)
        keys = "1 key" if node.keys == 1 else f"{node.keys} keys"
        lost = [keys if node.keys else "", _slots(slots, format_ranges_briefly(me.slots))]
        told = ", ".join(filter(None, lost)) or "nothing but its id"
        evidence = f"{where} (id {me.id[:8]}); a reset would take from it: {told}"
        return fail(node.name, evidence, _reset(node))

    well = "to this cluster"
    yield from per_node(subject.seen.answering, judge, f"belong {well}", f"belongs {well}")


def _by_acl(node: NodeSeen) -> bool:
    """Whether the default user has a password, or is off, that requirepass doesn't tell."""
    own = next((line.split() for line in node.users if line.startswith("user default ")), [])
    return bool(own) and "nopass" not in own and not (node.config or {}).get("requirepass")


_UP = "redistopo up takes it back"


def _reset_and_known(node: NodeSeen) -> CheckResult:
    """The others have met it again, as they do since Valkey 8.1; or its slots were moved away."""
    return warn(node.name, "is a primary without slots and keys, as after a reset", _UP)


def _reset_and_alone(node: NodeSeen, others: list[NodeSeen]) -> CheckResult | None:
    """Where nobody has slots, there is no cluster yet that it could have been taken from."""
    if not others:
        return None
    hint = _UP
    if not is_ours(node):
        hint = f"{redis_cli_command(node)} CLUSTER MEET {others[0].host} {others[0].port}"
    return fail(node.name, "was reset: it is empty and alone", hint)


def _slots(count: int, ranges: str) -> str:
    return f"{count} slots ({ranges})" if count else ""


def _reset(node: NodeSeen) -> str:
    if is_ours(node):
        return f"redistopo reset {node.name} --hard; redistopo up   (says what is lost, and asks)"
    keys = f"{redis_cli_command(node)} FLUSHALL; " if node.keys else ""
    return f"save what you need of it; then: {keys}{redis_cli_command(node)} CLUSTER RESET HARD"


def tables(facts: DoctorFacts) -> Iterator[CheckResult]:
    """Each stopped node has a nodes.conf to start with, and it is of this cluster: it knows one
    of the others, or they it."""
    # `up` starts nobody while one of them is left
    options = " ".join(f"--rebuild {lost.name}" for lost in facts.lost)
    for lost in facts.lost:
        hint = f"redistopo up {options}   (writes it anew from another node's)"
        if not facts.tables:
            hint = "put it back from a copy; or start over without the data: redistopo down --wipe"
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
        told = f"its nodes.conf is of another cluster: it knows {other}, and none of this one"
        hint = f"mv {one.path} {one.path}.other; redistopo up --rebuild {one.name}"
        yield fail(one.name, told, f"{hint}   (writes it anew from another node's)")
    if ids and not (strange or facts.lost):
        yield ok(f"{len(ids)} nodes.conf on disk are of one cluster", facts.topology.name)


def buffer_limits(text: str) -> tuple[int, int]:
    """Hard and soft limit of replicas in bytes, by CONFIG GET's flat text; 0 for none."""
    found = re.search(r"\b(?:slave|replica) ([0-9]+) ([0-9]+) [0-9]+", text, re.ASCII)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _data(node: NodeSeen) -> bool:
    return node.role in (Role.PRIMARY, Role.REPLICA)


def _set(node: NodeSeen, what: str) -> str:
    """How a directive is given to all nodes of ours for good, or to one of others."""
    return (
        f"redistopo set {what}" if is_ours(node) else f"{redis_cli_command(node)} CONFIG SET {what}"
    )


def _number(node: NodeSeen, usual: int, *names: str) -> int:
    config = node.config or {}
    text = next((config[name] for name in names if name in config), "")
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text, re.ASCII) else usual
