"""Decides how a topology gets back to its baseline, one round after the other; pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field

from redistopo.model.planning.baseline_repairs import Repair, node_repairs
from redistopo.model.protocol.resp import Command
from redistopo.model.protocol.sentinel_replies import SETTINGS
from redistopo.model.state.baseline_state import MemberView, NodeState
from redistopo.quick_dataclass import dataclass

States = Mapping[str, NodeState]
"""The nodes of a topology by name, in its order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What to do next, in this order; nothing if only time is needed.

    `kill` maps nodes that run but can't be used to the reason, `up` is why the topology has to be
    brought up ("" if it hasn't), `promote` are former primaries.
    """

    repairs: tuple[Repair, ...] = ()
    resume: tuple[str, ...] = ()
    kill: Mapping[str, str] = field(default_factory=dict)
    up: str = ""
    promote: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self != Round()


def plan_round(before: States, now: States) -> Round:
    """Plan what to do next."""
    reached = {one.name: one for one in now.values() if not one.error}
    own = [one for seen in reached.values() for one in node_repairs(before[seen.name], seen)]
    if any(one.refused for one in reached.values()) and own:
        return Round(repairs=tuple(own))  # settings and rights first: the rest is unknown
    kill = dict(sorted(_unusable(now)))
    up = _why_up(before, now, kill)
    promote = () if up or len(reached) < len(now) else tuple(_demoted(before, now))
    placed = () if up else _placement(before, reached, promote)
    return Round(
        repairs=(*own, *placed),
        resume=tuple(one.name for one in now.values() if one.paused),
        kill=kill,
        up=up,
        promote=promote,
    )


def _unusable(now: States) -> Iterator[tuple[str, str]]:
    """Nodes that run and that no command can repair, with the reason."""
    for one in now.values():
        if one.error and not (one.paused or one.absent):
            yield one.name, one.error
    for name, other in _forgotten(now):
        # nodes accept it for a minute by no command, and since Redis 7.0 pass that on
        yield from dict.fromkeys(
            now.keys() - {other}, f"{name} forgot {other}, which nodes pass on"
        ).items()


def _forgotten(now: States) -> Iterator[tuple[str, str]]:
    """Nodes that don't know another one which knows them; a node that was reset knows none."""
    for one in now.values():
        for other in now.values() if len(one.members) > 1 else ():
            known = other.members.get(one.name)
            if other.name in one.members or known is None:
                continue
            if known.id == one.members[one.name].id:
                yield one.name, other.name


def _why_up(before: States, now: States, killed: Iterable[str]) -> str:
    """Why commands don't suffice; a paused node comes first, as the others may wait for it."""
    if any(one.paused for one in now.values()):
        return ""
    gone = [one.name for one in now.values() if one.error or one.name in killed]
    if gone:
        return f"{', '.join(gone)} didn't run"
    lost = [
        one.name
        for one in now.values()
        if not before[one.name].members.keys() <= one.members.keys()
        or not before[one.name].monitored.keys() <= one.monitored.keys()
    ]
    return f"{', '.join(lost)} didn't know all nodes" if lost else ""


def _demoted(before: States, now: States) -> Iterator[str]:
    """Primaries of the baseline that are replicas, while another node is primary."""
    data = [one for one in now.values() if not before[one.name].monitored]
    led = any(not follows(one) for one in data)
    for one in data:
        was, seen = before[one.name].members.get(one.name), one.members.get(one.name)
        if was and seen:
            demoted = bool(was.slots and seen.primary)
        else:
            demoted = led and bool(follows(one)) and not follows(before[one.name])
        if demoted:
            yield one.name


def follows(state: NodeState) -> str:
    """Return the host and port of the node that it replicates; "" for a primary."""
    found = state.settings.config
    return found.get("replicaof", "") or found.get("slaveof", "")


def _placement(before: States, now: States, promote: tuple[str, ...]) -> Iterator[Repair]:
    """Repair slots and replicas, except what the promotion of the former primary repairs."""
    if not any(one.members for one in before.values()):
        if not (promote or _failing_over(before, now)):
            yield from _replicas(before, now)
        return
    for name in promote:
        text = "it was a replica: is primary again"
        # without a vote: other primaries don't vote twice for a shard within two node timeouts,
        # and nothing is lost, as all data is deleted
        takeover: Command = ("CLUSTER", "FAILOVER", "TAKEOVER")
        yield Repair(node=name, text=text, commands=(takeover,))
    for one in now.values():
        own = one.members[one.name]
        if own.open_slots:
            stable = tuple(("CLUSTER", "SETSLOT", slot, "STABLE") for slot in own.open_slots)
            yield Repair(
                node=one.name,
                text=f"slot {', '.join(map(str, own.open_slots))} was open: closed",
                commands=stable,
            )
    for name in before:
        was = before[name].members[name]
        if was.slots and name in now and name not in promote:
            yield from _slots(name, was, now)
        elif was.primary in now and was.primary not in promote:
            yield from _followers(name, was, now)


def _failing_over(before: States, now: States) -> bool:
    """Whether Sentinels name another primary, whose replicas they reconfigure themselves."""
    places = ("ip", "port")
    return any(
        seen.get(place) != values[place]
        for one in now.values()
        for name, values in before[one.name].monitored.items()
        for seen in [one.monitored.get(name, {})]
        for place in places
    )


def _replicas(before: States, now: States) -> Iterator[Repair]:
    for one in now.values():
        was, seen = follows(before[one.name]), follows(one)
        if was != seen:
            words = was.rsplit(" ", 1) if was else ["NO", "ONE"]
            text = f"it replicated {seen or 'no node'}: replicates {was or 'no node'} again"
            yield Repair(node=one.name, text=text, commands=(("REPLICAOF", *words),))


def _slots(name: str, was: MemberView, now: States) -> Iterator[Repair]:
    """Give slots back to a primary; its new epoch makes all nodes believe it."""
    own = now[name].members[name]
    kept = {slot for first, last in own.slots for slot in range(first, last + 1)}
    lost = [
        slot for first, last in was.slots for slot in range(first, last + 1) if slot not in kept
    ]
    if not lost or own.primary:
        return
    give = tuple(("CLUSTER", "SETSLOT", slot, "NODE", own.id) for slot in lost)
    bump: Command = ("CLUSTER", "BUMPEPOCH")
    many = f"{len(lost)} slots were" if len(lost) > 1 else f"slot {lost[0]} was"
    text = f"{many} another node's, or no node's: given back"
    yield Repair(node=name, text=text, commands=(*give, bump))
    for one in now.values():
        if one.name != name and not one.members[one.name].primary:
            yield Repair(node=one.name, text="", commands=give)


def _followers(name: str, was: MemberView, now: States) -> Iterator[Repair]:
    seen = now[name].members[name] if name in now else None
    lead = now[was.primary].members[was.primary]
    if seen and seen.primary != was.primary and not seen.slots:
        text = f"it replicated {seen.primary or 'no node'}: replicates {was.primary} again"
        replicate: Command = ("CLUSTER", "REPLICATE", lead.id)
        yield Repair(node=name, text=text, commands=(replicate,))


def outdated_views(before: States, now: States) -> tuple[tuple[str, str], ...]:
    """Pairs of a node that is as it was and another one that doesn't see it so yet.

    Gossip corrects that within seconds: a node pings few others at a time.
    """
    return tuple(
        (one.name, other.name)
        for one in now.values()
        for own in [one.members.get(one.name)]
        if own is not None and own == before[one.name].members[one.name]
        for other in now.values()
        for seen in [other.members.get(one.name)]
        if seen is not None and (seen.primary, seen.slots) != (own.primary, own.slots)
    )


def unsettled(now: States) -> tuple[str, ...]:
    """What passes by itself and so belongs to no baseline, a line each."""
    return tuple(line for one in now.values() for line in _passing(one))


def _passing(one: NodeState) -> Iterator[str]:
    if one.down:
        yield f"{one.name}: cluster_state is not ok"
    for name, member in one.members.items():
        if member.trouble:
            yield f"{one.name}: sees {name} as {member.trouble}"
    for name, values in one.monitored.items():
        if values.get("flags", "master") != "master":
            yield f"{one.name}: flags of {name} are {values['flags']}"


def differences(before: States, now: States) -> tuple[str, ...]:
    """What differs from the baseline, a line each; empty if nothing does."""
    return tuple(line for name in before for line in _of_node(before[name], now[name]))


def _of_node(before: NodeState, now: NodeState) -> Iterator[str]:
    if now.error:
        yield f"{now.name}: {now.error}"
        return
    yield from (f"{one.node}: {one.text}" for one in node_repairs(before, now))
    yield from (f"{now.name}: {one}" for one in now.refused)
    if follows(before) != follows(now):
        yield f"{now.name}: replicates {follows(now) or 'no node'}"
    yield from (f"{now.name}: {one}" for one in _views(before, now))
    if now.down:
        yield f"{now.name}: cluster_state is not ok"
    if now.replicas < before.replicas:
        yield f"{now.name}: {now.replicas} of {before.replicas} replicas acknowledged"
    for name, values in before.monitored.items():
        for key, value in values.items():
            found = now.monitored.get(name, {}).get(key, "")
            # a Sentinel forgets no replica that it has found, but needs time to find them all
            more = key.startswith("num-") and found.isdigit() and int(found) > int(value)
            if key not in SETTINGS and found != value and not more:
                yield f"{now.name}: {key} of {name} is {found or 'unknown'}"


def _views(before: NodeState, now: NodeState) -> Iterable[str]:
    if before.members is now.members:
        return
    for name in before.members.keys() | now.members.keys():
        was, seen = before.members.get(name), now.members.get(name)
        if was != seen:
            yield _view(name, was, seen)


def _view(name: str, was: MemberView | None, seen: MemberView | None) -> str:
    if was is None or seen is None:
        return f"sees {name}" if seen else f"doesn't see {name}"
    if seen.trouble:
        return f"sees {name} as {seen.trouble}"
    if was.primary != seen.primary:
        return f"sees {name} as {'replica of ' + seen.primary if seen.primary else 'primary'}"
    return f"sees {name} with other slots"
