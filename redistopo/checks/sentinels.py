"""Checks of Sentinels: which primary they name, whether they agree and could fail over.

Source: redis.io, High availability with Redis Sentinel.
"""

from collections.abc import Iterator
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
from redistopo.model.protocol.sentinel_replies import MonitoredPrimary, Peer
from redistopo.model.remedies.of_servers import reset_sentinels
from redistopo.model.remedies.remedy import joined
from redistopo.model.state.hints import allow_command_hint, command_prefix, started_by_us
from redistopo.model.state.observed import NodeSeen, Role

_HELLO_RIGHTS = "check that the ACL users of the Sentinels may publish and subscribe"
_HELLO_MILLISECONDS = 10_000
"""Sentinels publish a hello every 2 s (sentinel.c, SENTINEL_PUBLISH_PERIOD): five are missing."""


def monitoring(subject: CheckSubject) -> tuple[tuple[NodeSeen, MonitoredPrimary], ...]:
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
    unread = [node for node, watch in monitoring(subject) if not watch.port]
    for node in unread:
        evidence = "it doesn't reply with the primary's address (GET-MASTER-ADDR-BY-NAME)"
        yield unknown(node.name, evidence, allow_command_hint(node, "SENTINEL", ""))
    named: dict[str, list[str]] = {}
    for node, watch in monitoring(subject):
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
    down = [one.name for one, watch in monitoring(subject) if watch.down]
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
    asked = monitoring(subject)
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
        yield warn("topology", evidence, TILT)
    needed = next((watch.settings.get("quorum", "?") for _, watch in asked), "?")
    reached = f"reach the quorum of {needed} and a majority of {majority}"
    yield from per_node((node for node, _ in asked), judge, reached)


TILT = "it was paused, or its clock jumped, for more than 2 s; TILT mode ends after 30 s"


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

    about = tuple(node for node, _ in monitoring(subject))
    known = f"{len(expected)} replicas, none of them down"
    yield from per_node(about, judge, f"know {known}", f"knows {known}")


_BY_INFO = "wait: a Sentinel queries the primary for its replicas every 10 s"


def _sentinel(subject: CheckSubject, node: NodeSeen) -> bool:
    """Whether a node that doesn't reply is a Sentinel: known as one, or named as one."""
    known = {peer.address for _, watch in monitoring(subject) for peer in watch.sentinels}
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

    about = tuple(node for node, _ in monitoring(subject))
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
        names = [subject.name_at(at) for at in late]
        seconds = max(ages.values()) / 1000
        evidence = f"received no hello from {', '.join(names)} for {seconds:.0f} s"
        found = fail(node.name, evidence, _HELLO_RIGHTS)
        if idle.issuperset(names):
            found = replace(found, because_of=tuple(f"sentinel.primary {name}" for name in names))
        return found

    # a Sentinel says hello through the primary that it monitors
    idle = {node.name for node in subject.seen.sentinels if not node.watches}
    about = tuple(node for node, watch in monitoring(subject) if watch.sentinels)
    if about:
        yield from per_node(about, judge, "receive each other's hello")
