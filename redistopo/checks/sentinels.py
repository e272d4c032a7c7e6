"""Checks on Sentinels: whom they name, whether they agree, and whether they could fail over.

Source: redis.io, High availability with Redis Sentinel.
"""

from collections.abc import Iterator

from redistopo.checks.subject import CheckResult, CheckSubject, fail, ok, per_node, skip, warn
from redistopo.model.protocol.sentinel_replies import MonitoredPrimary, Peer
from redistopo.model.state.observed import NodeSeen, Role

_HELLO_MILLISECONDS = 10_000
"""Sentinels say hello every 2 s (sentinel.c, SENTINEL_PUBLISH_PERIOD): so five are missing."""


def _watching(subject: CheckSubject) -> tuple[tuple[NodeSeen, MonitoredPrimary], ...]:
    """Every Sentinel with the primary that it watches; with several, the first one's."""
    return tuple((node, node.watches[0]) for node in subject.seen.sentinels if node.watches)


def primary(subject: CheckSubject) -> Iterator[CheckResult]:
    """All Sentinels watch one primary, name the same address for it, in the same epoch."""
    asked = subject.seen.sentinels
    if not asked:
        yield fail("topology", "no Sentinel answers", subject.start)
        return
    yield from (
        fail(node.name, "watches no primary", "its file was lost, or SENTINEL REMOVE was called")
        for node in asked
        if not node.watches
    )
    told: dict[str, list[str]] = {}
    for node, watch in _watching(subject):
        words = f"{subject.name_at(watch.address)} ({watch.address}) in epoch {watch.epoch}"
        told.setdefault(words, []).append(node.name)
    if len(told) > 1:
        said = "; ".join(f"{', '.join(names)}: {words}" for words, names in told.items())
        hint = "after a failover the word spreads within 2 s; if it doesn't, see their logs"
        yield fail("topology", f"they don't agree: {said}", hint)
    elif told:
        yield ok(f"{len(asked)} of {len(asked)} name {next(iter(told))}")


def leads(subject: CheckSubject) -> Iterator[CheckResult]:
    """The primary that the Sentinels name is up in their eyes, and one by its own word."""
    named = subject.seen.named
    if not named:
        yield skip("the Sentinels name no primary")
        return
    node = subject.seen.at(named)
    name = subject.name_at(named)
    down = [one.name for one, watch in _watching(subject) if watch.down]
    hint = "they fail over by themselves, if a majority of them runs; else "
    if node is None:
        yield fail("topology", f"they name {named}, which is none of this topology", subject.start)
    elif not node.answers:
        yield fail(
            name, f"is named as primary, and doesn't answer: {node.error}", hint + subject.start
        )
    elif node.role is not Role.PRIMARY:
        evidence = f"is named as primary, and says that it is a {node.role}"
        yield fail(name, evidence, "give the Sentinels time: they mend this by themselves")
    elif down:
        evidence = f"is down in the eyes of {', '.join(down)}"
        yield fail(name, evidence, "can they reach it, with the right password? see their logs")
    else:
        yield ok(f"{name} is a primary by its own word, and up in the eyes of all", name)


def quorum(subject: CheckSubject) -> Iterator[CheckResult]:
    """Enough Sentinels run and reach each other to agree and to fail over."""
    asked = _watching(subject)
    planned = subject.expected.sentinels or max(
        (1 + len(watch.sentinels) for _, watch in asked), default=1
    )
    majority = planned // 2 + 1
    if len(subject.seen.sentinels) < majority:
        evidence = f"{len(subject.seen.sentinels)} of {planned} answer, a failover needs {majority}"
        yield fail("topology", evidence, f"too few Sentinels run: {subject.start}")
        return

    def judge(node: NodeSeen) -> CheckResult | None:
        watch = node.watches[0] if node.watches else None
        if watch is None or watch.enough:
            return None
        return fail(node.name, watch.quorum, "does it reach the other Sentinels? see its log")

    if tilted := [node.name for node in subject.seen.sentinels if node.tilted]:
        evidence = f"{', '.join(tilted)} is in TILT, and takes part in no failover meanwhile"
        yield warn("topology", evidence, _TILT)
    needed = next((watch.settings.get("quorum", "?") for _, watch in asked), "?")
    well = f"reach the quorum of {needed}, and a majority of {majority}"
    yield from per_node((node for node, _ in asked), judge, well)


_TILT = "it stood still, or its clock jumped, for more than 2 s; it is over after 30 s"


def replicas(subject: CheckSubject) -> Iterator[CheckResult]:
    """Every Sentinel knows every replica, and none of them is down in its eyes."""
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
            return fail(node.name, f"doesn't know {', '.join(unknown)}", _BY_INFO)
        return _down(subject, node, watch.replicas)

    about = tuple(node for node, _ in _watching(subject))
    well = f"{len(expected)} replicas, none of them down"
    yield from per_node(about, judge, f"know {well}", f"knows {well}")


_BY_INFO = "a Sentinel asks the primary for its replicas each 10 s: give it time"


def _sentinel(subject: CheckSubject, node: NodeSeen) -> bool:
    """Whether a node that doesn't answer is a Sentinel: others know it as one, or its name says."""
    known = {peer.address for _, watch in _watching(subject) for peer in watch.sentinels}
    return node.address in known or node.name.startswith("sentinel")


def _down(subject: CheckSubject, node: NodeSeen, known: tuple[Peer, ...]) -> CheckResult | None:
    down = [subject.name_at(peer.address) for peer in known if peer.down]
    if not down:
        return None
    evidence = f"has {', '.join(down)} as down"
    hint = f"{subject.start}; one that runs is up again in its eyes within a second"
    return fail(node.name, evidence, hint)


def peers(subject: CheckSubject) -> Iterator[CheckResult]:
    """Every Sentinel knows all others, no more, and none of them is down in its eyes."""
    planned = subject.expected.sentinels

    def judge(node: NodeSeen) -> CheckResult | None:
        known = node.watches[0].sentinels
        others = len(known)
        if planned is not None and others != planned - 1:
            hint = "they hear of each other within 2 s, by way of the data nodes"
            if others > planned - 1:
                hint = "one that is gone for good is forgotten by SENTINEL RESET, at each Sentinel"
            return fail(node.name, f"knows {others} others, planned are {planned - 1}", hint)
        return _down(subject, node, known)

    about = tuple(node for node, _ in _watching(subject))
    if planned == 1 and about:
        yield ok("it is the only one")
        return
    yield from per_node(about, judge, "know all others, none of them down")


def hello(subject: CheckSubject) -> Iterator[CheckResult]:
    """Each Sentinel hears the others on the data nodes: so the word of a failover spreads."""

    def judge(node: NodeSeen) -> CheckResult | None:
        ages = {peer.address: peer.heard for peer in node.watches[0].sentinels if not peer.down}
        mute = [at for at, age in ages.items() if age > _HELLO_MILLISECONDS]
        if not mute:
            return None
        names = ", ".join(subject.name_at(at) for at in mute)
        evidence = f"has heard nothing of {names} for {max(ages.values()) / 1000:.0f} s"
        return fail(node.name, evidence, "may it publish and subscribe at the data nodes (ACL)?")

    about = tuple(node for node, watch in _watching(subject) if watch.sentinels)
    if about:
        yield from per_node(about, judge, "hear each other's hello")


def promotable(subject: CheckSubject) -> Iterator[CheckResult]:
    """Whether the Sentinels would make a replica the primary if it stopped now."""
    planned = subject.expected.sentinels or 1 + max(
        (len(watch.sentinels) for _, watch in _watching(subject)), default=0
    )
    present = len(subject.seen.sentinels)
    awake = sum(not node.tilted for node in subject.seen.sentinels)
    for shard in subject.shards:
        about = f"shard {shard.number}"
        reasons = {node.name: _unfit(subject, node) for node in shard.replicas}
        fit = [name for name, reason in reasons.items() if not reason]
        if reasons and set(reasons.values()) == {_ZERO}:
            evidence = f"the Sentinels fail over to nobody: {', '.join(reasons)} has {_ZERO[4:]}"
            yield warn(about, evidence, "a replica-priority above 0 makes one eligible")
        elif not fit:
            told = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
            yield fail(
                about, f"no replica could take over: {told or 'there is none'}", "mend a replica"
            )
        elif present <= planned // 2:
            evidence = f"{present} of {planned} Sentinels answer: no majority for a failover"
            yield fail(about, evidence, subject.start)
        elif awake <= planned // 2:
            evidence = f"{present - awake} of {planned} Sentinels in TILT: no failover meanwhile"
            yield warn(about, evidence, _TILT)
        elif left := [name for name in reasons if name not in fit]:
            told = ", ".join(f"{name}: {reasons[name]}" for name in left)
            yield warn(about, f"{', '.join(fit)} would take over, not {told}")
        else:
            yield ok(f"{' or '.join(fit)} would take over: {present} Sentinels", about)


_ZERO = "its replica-priority is 0"


def _unfit(subject: CheckSubject, node: NodeSeen) -> str:
    """Why Sentinels would not choose a replica (sentinel.c, sentinelSelectSlave); "" for none."""
    if node.info.get("slave_priority") == "0":
        return _ZERO
    if not node.link_up:
        return "its link to the primary is down"
    peers_ = [p for _, w in _watching(subject) for p in w.replicas if p.address == node.address]
    if any(peer.down for peer in peers_):
        return "it is down in a Sentinel's eyes"
    return ""
