"""Checks of Sentinels: which primary they name, whether they agree and could fail over.

Source: redis.io, High availability with Redis Sentinel.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from redistopo.checks.check_types import (
    CheckResult,
    CheckSubject,
    fail,
    ok,
    per_node,
    skip,
    unknown,
    warn,
)
from redistopo.checks.unqueried_replicas import unqueried_replicas
from redistopo.model.protocol.replies import NO_REPLY
from redistopo.model.protocol.sentinel_replies import MonitoredPrimary, Peer
from redistopo.model.remedies.of_servers import reset_sentinels
from redistopo.model.remedies.remedy import joined
from redistopo.model.state.hints import allow_command_hint, command_prefix, started_by_us
from redistopo.model.state.observed import NodeSeen, Role

_HELLO_RIGHTS = "check that the ACL users of the Sentinels may publish and subscribe"
_HELLO_MILLISECONDS = 10_000
"""Sentinels publish a hello every 2 s (sentinel.c, SENTINEL_PUBLISH_PERIOD): five are missing."""


def _monitoring(subject: CheckSubject) -> tuple[tuple[NodeSeen, MonitoredPrimary], ...]:
    """Every Sentinel with the primary that it monitors; the first one if there are several."""
    return tuple((node, node.watches[0]) for node in subject.seen.sentinels if node.watches)


def primary(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that all Sentinels name the same address of the primary, in the same epoch."""
    asked = subject.seen.sentinels
    if not asked:
        yield fail("topology", "no Sentinel replies", subject.start)
        return
    yield from (
        fail(
            node.name,
            "monitors no primary: its file was lost, or SENTINEL REMOVE was called",
            subject.start,
        )
        for node in asked
        if not node.watches
    )
    unread = [node for node, watch in _monitoring(subject) if not watch.port]
    for node in unread:
        evidence = "it doesn't reply with the primary's address (GET-MASTER-ADDR-BY-NAME)"
        yield unknown(node.name, evidence, allow_command_hint(node, "SENTINEL", ""))
    named: dict[str, list[str]] = {}
    for node, watch in _monitoring(subject):
        if node in unread:
            continue
        text = f"{subject.name_at(watch.address)} ({watch.address}) in epoch {watch.epoch}"
        named.setdefault(text, []).append(node.name)
    if len(named) > 1:
        listed = "; ".join(f"{', '.join(names)}: {text}" for text, names in named.items())
        hint = "after a failover they agree within 2 s; if they don't, see their logs"
        yield fail("topology", f"the Sentinels don't agree: {listed}", hint)
    elif named:
        told = len(asked) - len(unread)
        yield ok(f"{told} of {len(asked)} Sentinels name {next(iter(named))}")


def named_primary(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that the node that the Sentinels name is a primary, and up according to them."""
    named = subject.seen.named
    if not named:
        yield skip("the Sentinels name no primary")
        return
    node = subject.seen.at(named)
    name = subject.name_at(named)
    down = [one.name for one, watch in _monitoring(subject) if watch.down]
    hint = "the Sentinels fail over if a majority of them runs; otherwise "
    if node is None:
        evidence = f"the Sentinels name {named}, which is not part of this topology"
        yield fail("topology", evidence, subject.start)
    elif not node.answers:
        evidence = f"is named as primary, but doesn't reply: {node.error}"
        yield fail(name, evidence, hint + subject.start)
    elif node.role is not Role.PRIMARY:
        evidence = f"is named as primary, but reports that it is a {node.role}"
        yield fail(name, evidence, "wait: the Sentinels resolve this by themselves")
    elif down:
        evidence = f"is down according to {', '.join(down)}"
        yield fail(name, evidence, "see their logs: they may not reach it, or lack its password")
    else:
        yield ok(f"{name} reports that it is a primary, and all Sentinels have it as up", name)


def quorum(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that enough Sentinels run and reach each other to agree and to fail over."""
    asked = _monitoring(subject)
    planned = subject.expected.sentinels or max(
        (1 + len(watch.sentinels) for _, watch in asked), default=1
    )
    majority = planned // 2 + 1
    if len(subject.seen.sentinels) < majority:
        evidence = f"{len(subject.seen.sentinels)} of {planned} reply, a failover needs {majority}"
        yield fail("topology", evidence, f"start the missing Sentinels: {subject.start}")
        return

    def judge(node: NodeSeen) -> CheckResult | None:
        watch = node.watches[0] if node.watches else None
        if watch is None or watch.enough:
            return None
        return fail(node.name, watch.quorum, "see its log: it may not reach the other Sentinels")

    if tilted := [node.name for node in subject.seen.sentinels if node.tilted]:
        evidence = f"{', '.join(tilted)} is in TILT mode and takes no part in failovers"
        yield warn("topology", evidence, _TILT)
    needed = next((watch.settings.get("quorum", "?") for _, watch in asked), "?")
    reached = f"reach the quorum of {needed} and a majority of {majority}"
    yield from per_node((node for node, _ in asked), judge, reached)


_TILT = "it was paused, or its clock jumped, for more than 2 s; TILT mode ends after 30 s"


def replicas(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that every Sentinel knows every replica and has none of them as down."""
    named = subject.seen.named
    expected = {
        node.address: node.name
        for node in subject.seen.nodes
        if node.address != named and node.role is not Role.SENTINEL and not _sentinel(subject, node)
    }

    def judge(node: NodeSeen) -> CheckResult | None:
        watch = node.watches[0]
        unknown = [n for at, n in expected.items() if at not in {r.address for r in watch.replicas}]
        if unknown and watch.address == named:
            found = fail(node.name, f"doesn't know {', '.join(unknown)}", _BY_INFO)
            return replace(found, because_of=_astray(subject, unknown))
        return _down(subject, node, watch, watch.replicas)

    about = tuple(node for node, _ in _monitoring(subject))
    known = f"{len(expected)} replicas, none of them down"
    yield from per_node(about, judge, f"know {known}", f"knows {known}")


_BY_INFO = "wait: a Sentinel queries the primary for its replicas every 10 s"


def _sentinel(subject: CheckSubject, node: NodeSeen) -> bool:
    """Whether a node that doesn't reply is a Sentinel: known as one, or named as one."""
    known = {peer.address for _, watch in _monitoring(subject) for peer in watch.sentinels}
    return node.address in known or node.name.startswith("sentinel")


def _down(
    subject: CheckSubject, node: NodeSeen, watch: MonitoredPrimary, known: tuple[Peer, ...]
) -> CheckResult | None:
    """Report the replicas or Sentinels that a Sentinel has as down."""
    down = [subject.name_at(peer.address) for peer in known if peer.down]
    if not down:
        return None
    evidence = f"has {', '.join(down)} as down"
    if causes := _astray(subject, down):
        found = fail(node.name, evidence, "see announce.reachable")
        return replace(found, because_of=causes)
    if gone := [peer for peer in known if peer.down and subject.seen.at(peer.address) is None]:
        evidence += f"; {gone[0].address} is the address of no node"
        reset = _reset(node, watch)
        if lister := _lister(subject, gone[0].address):
            again = f"{command_prefix(lister)} CLIENT KILL TYPE replica"
            reset = joined(f"have replicas announce themselves again: {again}; then: ", reset)
        return fail(node.name, evidence, reset, settles=False)
    hint = f"{subject.start}; if it runs, the Sentinel has it as up within a second"
    return fail(node.name, evidence, hint)


def _lister(subject: CheckSubject, address: str) -> NodeSeen | None:
    """The primary that lists a replica at that address: Sentinels would learn it again."""
    nodes = subject.seen.answering
    return next((one for one in nodes if any(r.address == address for r in one.replicas)), None)


def _reset(node: NodeSeen, watch: MonitoredPrimary) -> str:
    """How all Sentinels forget who is gone for good."""
    if started_by_us(node):
        return reset_sentinels("redistopo call --node sentinel", watch.name)
    return joined("on each Sentinel: ", reset_sentinels(command_prefix(node), watch.name))


def _astray(subject: CheckSubject, names: list[str]) -> tuple[str, ...]:
    """The announcements that are why a Sentinel has these, by name or address, as down or doesn't
    know them: it connects to what a replica announces."""
    by_id = {node.id: node.name for node in subject.seen.answering}
    wrong = [one for one in subject.seen.announced or () if one.error and one.id in by_id]
    to = {name: by_id[one.id] for one in wrong for name in (one.address, by_id[one.id])}
    causes = dict.fromkeys(f"announce.reachable {to[name]}" for name in names if name in to)
    return tuple(causes) if all(name in to for name in names) else ()


def peers(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that every Sentinel knows exactly the other Sentinels and has none as down."""
    planned = subject.expected.sentinels

    def judge(node: NodeSeen) -> CheckResult | None:
        others = len(known := node.watches[0].sentinels)
        if planned is not None and others != planned - 1:
            hint = "wait: Sentinels discover each other within 2 s, by way of the data nodes"
            if others > planned - 1:
                hint = _reset(node, node.watches[0])
            return fail(node.name, f"knows {others} others, the plan has {planned - 1}", hint)
        if others < len(about) - 1:
            return fail(node.name, f"knows {others} of {len(about) - 1} that reply", _HELLO_RIGHTS)
        return _down(subject, node, node.watches[0], known)

    about = tuple(node for node, _ in _monitoring(subject))
    if planned == 1 and about:
        yield ok("there is only one Sentinel")
        return
    yield from per_node(about, judge, "know all others, none of them down")


def hello(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that each Sentinel receives the others' hello, which also announces failovers."""

    def judge(node: NodeSeen) -> CheckResult | None:
        ages = {peer.address: peer.hello_age for peer in node.watches[0].sentinels if not peer.down}
        late = [at for at, age in ages.items() if age > _HELLO_MILLISECONDS]
        if not late:
            return None
        names = ", ".join(subject.name_at(at) for at in late)
        evidence = f"received no hello from {names} for {max(ages.values()) / 1000:.0f} s"
        return fail(node.name, evidence, _HELLO_RIGHTS)

    about = tuple(node for node, watch in _monitoring(subject) if watch.sentinels)
    if about:
        yield from per_node(about, judge, "receive each other's hello")


def promotable(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that the Sentinels would promote a replica if the primary stopped now."""
    planned = subject.expected.sentinels or 1 + max(
        (len(watch.sentinels) for _, watch in _monitoring(subject)), default=0
    )
    present = len(subject.seen.sentinels)
    awake = sum(not node.tilted for node in subject.seen.sentinels)
    for shard in subject.shards:
        about = f"shard {shard.number}"
        mute = unqueried_replicas(subject, shard)
        reasons = {node.name: _unfit(subject, node) for node in shard.replicas}
        fit = [name for name, reason in reasons.items() if not reason]
        if reasons and set(reasons.values()) == {_ZERO}:
            evidence = f"no failover candidate: {_ZERO[4:]} on {', '.join(reasons)}"
            yield warn(about, evidence, "set a replica-priority above 0")
        elif not reasons and mute:
            names = ", ".join(node.name for node in mute)
            evidence = f"whether a replica would take over is unknown: {names} can't be queried"
            yield unknown(about, evidence, f"see node.alive {mute[0].name}")
        elif not fit:
            listed = _by_reason(reasons)
            evidence = f"no replica could take over: {listed or 'there is none'}"
            hints = [_allow(subject, node) for node in shard.replicas if _refused(subject, node)]
            # what is refused stays refused, so waiting is of no use
            settles = False if len(hints) == len(reasons) > 0 else None
            hint = hints[0] if hints else "repair a replica"
            yield fail(about, evidence, hint, settles=settles)
        elif present <= planned // 2:
            evidence = f"{present} of {planned} Sentinels reply: no majority for a failover"
            yield fail(about, evidence, subject.start)
        elif awake <= planned // 2:
            evidence = f"{present - awake} of {planned} Sentinels are in TILT mode: no failover"
            yield warn(about, evidence, _TILT)
        elif left := [name for name in reasons if name not in fit]:
            listed = ", ".join(f"{name}: {reasons[name]}" for name in left)
            yield warn(about, f"{', '.join(fit)} would take over, but not {listed}")
        elif shard.primary and (refused := _refused(subject, shard.primary)):
            evidence = f"{shard.primary.name} could not become a replica again: {refused}"
            yield warn(about, evidence, _allow(subject, shard.primary))
        elif untold := [node for node in shard.nodes if _untold(subject, node)]:
            yield _untold_result(subject, about, untold)
        else:
            yield ok(f"{' or '.join(fit)} would take over: {present} Sentinels reply", about)


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


def _unfit(subject: CheckSubject, node: NodeSeen) -> str:
    """Why Sentinels would not promote a replica (sentinel.c, sentinelSelectSlave), or ""."""
    if node.info.get("slave_priority") == "0":
        return _ZERO
    if not node.link_up:
        return "its link to the primary is down"
    if refused := _refused(subject, node):
        return refused
    watches = subject.seen.named_watches
    told = {one.address for one in subject.seen.announced or () if one.id == node.id}
    at = {node.address, *told}
    known = [[peer for peer in watch.replicas if peer.address in at] for watch in watches]
    if any(some and all(peer.down for peer in some) for some in known):
        return "a Sentinel has it as down"
    return "" if any(known) or not watches else "no Sentinel knows it"
