"""Checks whether Sentinels would promote a replica, and what excludes one.

Source: redis.io, High availability with Redis Sentinel; sentinel.c, sentinelSelectSlave.
"""

from collections.abc import Iterator, Mapping

from redistopo.checks.check_types import CheckResult, CheckSubject, fail, ok, unknown, warn
from redistopo.checks.replica_links import unlinked
from redistopo.checks.sentinels import TILT, monitoring
from redistopo.checks.unqueried_replicas import unqueried_replicas
from redistopo.model.protocol.replies import NO_REPLY
from redistopo.model.state.hints import allow_command_hint
from redistopo.model.state.observed import NodeSeen
from redistopo.model.state.shards import ShardSeen

_FAILOVER = "failover_in_progress"
"""The flag of a primary at the Sentinel that carries out the failover."""

_AFTER = "wait: it takes seconds; if it doesn't end, see the Sentinels' logs"


def promotable(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that the Sentinels would promote a replica if the primary stopped now."""
    planned = subject.expected.sentinels or 1 + max(
        (len(watch.sentinels) for _, watch in monitoring(subject)), default=0
    )
    present = len(subject.seen.sentinels)
    awake = sum(not node.tilted for node in subject.seen.sentinels)
    for shard in subject.shards:
        about = f"shard {shard.number}"
        mute = unqueried_replicas(subject, shard)
        reasons = {node.name: _unfit(subject, node, shard) for node in shard.replicas}
        fit = [name for name, reason in reasons.items() if not reason]
        if not reasons and mute:
            names = ", ".join(node.name for node in mute)
            evidence = f"whether a replica would take over is unknown: {names} can't be queried"
            yield unknown(about, evidence, f"see node.alive {mute[0].name}")
        elif not fit:
            yield _without_candidate(subject, shard, reasons)
        elif present <= planned // 2:
            evidence = f"{present} of {planned} Sentinels reply: no majority for a failover"
            yield fail(about, evidence, subject.start)
        elif awake <= planned // 2:
            evidence = f"{present - awake} of {planned} Sentinels are in TILT mode: no failover"
            yield warn(about, evidence, TILT)
        elif shard.primary is None:
            evidence = f"{' or '.join(fit)} takes over from its primary, which is down"
            yield ok(f"{evidence}: {present} Sentinels reply", about)
        elif left := [name for name in reasons if name not in fit]:
            listed = ", ".join(f"{name}: {reasons[name]}" for name in left)
            yield warn(about, f"{', '.join(fit)} would take over, but not {listed}")
        elif refused := _refused(subject, shard.primary):
            evidence = f"{shard.primary.name} could not become a replica again: {refused}"
            yield warn(about, evidence, _allow(subject, shard.primary))
        elif untold := [node for node in shard.nodes if _untold(subject, node)]:
            yield _untold_result(subject, about, untold)
        else:
            yield ok(f"{' or '.join(fit)} would take over: {present} Sentinels reply", about)


def _without_candidate(
    subject: CheckSubject, shard: ShardSeen, reasons: Mapping[str, str]
) -> CheckResult:
    about, listed = f"shard {shard.number}", _by_reason(reasons)
    if set(reasons.values()) == {_ZERO}:
        evidence = f"no failover candidate: {_ZERO[4:]} on {', '.join(reasons)}"
        return warn(about, evidence, "set a replica-priority above 0")
    if any(_FAILOVER in watch.flags for watch in subject.seen.named_watches):
        return fail(about, f"a failover is in progress: {listed or 'no replica replies'}", _AFTER)
    evidence = f"no replica could take over: {listed or 'there is none'}"
    hints = [_allow(subject, node) for node in shard.replicas if _refused(subject, node)]
    # what is refused stays refused, so waiting is of no use
    settles = False if len(hints) == len(reasons) > 0 else None
    return fail(about, evidence, hints[0] if hints else "repair a replica", settles=settles)


def _untold_result(subject: CheckSubject, about: str, untold: list[NodeSeen]) -> CheckResult:
    """Report that the commands of a failover got no reply, or none of the Sentinels' user."""
    names = ", ".join(node.name for node in untold)
    told = next(iter((untold[0].failover_refusals or {}).values()), "")
    evidence = f"whether the Sentinels' user may fail over is unknown on {names}"
    if told.startswith(NO_REPLY):
        return unknown(about, f"{evidence}: {told}", f"see node.alive {untold[0].name}")
    hint = "log in as that user: verify --user NAME --ask-password"
    return unknown(about, evidence, "redistopo verify, again" if subject.ours else hint)


def _by_reason(reasons: Mapping[str, str]) -> str:
    """The nodes with the same reason together."""
    names: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        names.setdefault(reason, []).append(name)
    return "; ".join(f"{', '.join(some)}: {reason}" for reason, some in names.items())


_ZERO = "its replica-priority is 0"


def _refused(subject: CheckSubject, node: NodeSeen) -> str:
    """Which commands of a failover the node refuses, or "".

    For a foreign topology the user of the Sentinels is unknown, so only unknown commands count.
    """
    found = [
        f"{name}: {reply}"
        for name, reply in (node.failover_refusals or {}).items()
        if not reply.startswith(NO_REPLY) and (subject.ours or "unknown command" in reply.lower())
    ]
    if not found:
        return ""
    more = f" and {len(found) - 2} more" if len(found) > 2 else ""
    return f"it refuses what a Sentinel sends: {'; '.join(found[:2])}{more}"


def _untold(subject: CheckSubject, node: NodeSeen) -> bool:
    return bool(node.failover_refusals) and not _refused(subject, node)


def _allow(subject: CheckSubject, node: NodeSeen) -> str:
    """How to let a Sentinel run what the node refuses."""
    first, reply = next(iter((node.failover_refusals or {}).items()), ("", ""))
    if subject.ours and "unknown command" not in reply.lower():
        return "redistopo up restores the users of users.acl; see access.users"
    return allow_command_hint(node, first.split(" ")[0], reply)


def _unfit(subject: CheckSubject, node: NodeSeen, shard: ShardSeen) -> str:
    """Why Sentinels would not promote a replica (sentinel.c, sentinelSelectSlave), or ""."""
    if node.info.get("slave_priority") == "0":
        return _ZERO
    if why := unlinked(node, shard):
        return why
    if refused := _refused(subject, node):
        return refused
    watches = subject.seen.named_watches
    told = {one.address for one in subject.seen.announced or () if one.id == node.id}
    at = {node.address, *told}
    known = [[peer for peer in watch.replicas if peer.address in at] for watch in watches]
    if any(some and all(peer.down for peer in some) for some in known):
        return "a Sentinel has it as down"
    return "" if any(known) or not watches else "no Sentinel knows it"
