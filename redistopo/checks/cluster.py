"""Checks on a cluster: its state, slots, epochs, links, and that all nodes agree on them."""

from collections import Counter
from collections.abc import Iterator

from redistopo.checks.subject import Answer, Subject, bad, good, of_nodes, skipped
from redistopo.model.observed import NodeSeen, missing_slots
from redistopo.model.replies import Member
from redistopo.model.slots import SLOTS, show
from redistopo.model.topology import BUS_OFFSET


def state(subject: Subject) -> Iterator[Answer]:
    """Every node, not only the asked one, says cluster_state:ok with all slots ok."""

    def judge(node: NodeSeen) -> Answer | None:
        said = node.cluster.get("cluster_state", "unknown")
        slots_ok = node.cluster.get("cluster_slots_ok", "0")
        if said == "ok" and slots_ok == str(SLOTS):
            return None
        return bad(
            node.name,
            f"cluster_state:{said}, {slots_ok} of {SLOTS} slots ok",
            "a primary is failing or slots have no owner: see cluster.slots and cluster.members",
        )

    yield from of_nodes(subject.seen.answering, judge, "cluster_state:ok")


def slots(subject: Subject) -> Iterator[Answer]:
    """All 16384 slots have exactly one owner, by the owners' own word."""
    owners: dict[int, str] = {}
    doubles: list[str] = []
    for node in subject.seen.answering:
        me = node.myself
        for one in me.slots if me and me.primary else ():
            for slot in range(one.first, one.last + 1):
                if slot in owners:
                    doubles.append(f"{slot} by {owners[slot]} and {node.name}")
                owners[slot] = node.name
    if doubles:
        yield bad(
            "topology",
            f"{len(doubles)} slots are claimed twice: {', '.join(doubles[:3])}",
            "the higher epoch wins within seconds; if not: redis-cli --cluster fix",
        )
    missing = missing_slots((s.slots for s in subject.shards if s.primary), SLOTS)
    if missing:
        yield bad(
            "topology",
            f"{sum(map(len, missing))} slots have no answering owner: {show(missing)}",
            f"start the primary that owned them: {subject.start}",
        )
    if not missing and not doubles:
        yield good(f"{SLOTS} of {SLOTS} slots covered, each by one primary")


def agreement(subject: Subject) -> Iterator[Answer]:
    """All nodes have the same map of slots and the same roles for all nodes."""
    views = {node.name: _view(node.members) for node in subject.seen.answering}
    if not views:
        yield skipped("no node answers")
        return
    common, _count = Counter(views.values()).most_common(1)[0]
    told = dict(common)

    def judge(node: NodeSeen) -> Answer | None:
        mine = dict(views[node.name])
        other = next((one for one in {**told, **mine} if told.get(one) != mine.get(one)), None)
        if other is None:
            return None
        name = _name(subject, node, other)
        evidence = f"sees {name} as {_role(mine.get(other))}, most nodes as "
        return bad(
            node.name,
            evidence + _role(told.get(other)),
            "gossip spreads it within the node timeout; if not, see cluster.links",
        )

    yield from of_nodes(subject.seen.answering, judge, "the same slot map and the same roles")


_Seen = tuple[str, str, str]


def _view(members: tuple[Member, ...]) -> frozenset[tuple[str, _Seen]]:
    """One node's belief, comparable: id -> (role, primary, slots)."""
    return frozenset(
        (member.id, ("replica" if member.replica else "primary", member.primary_id, slots))
        for member in members
        for slots in [show(member.slots)]
    )


def _role(seen: _Seen | None) -> str:
    if seen is None:
        return "unknown"
    role, primary, slots = seen
    return f"replica of {primary[:8]}" if role == "replica" else f"primary of {slots or 'no slots'}"


def _name(subject: Subject, node: NodeSeen, node_id: str) -> str:
    for seen in (node, *subject.seen.answering):
        for member in seen.members:
            if member.id == node_id:
                return subject.name_at(member.address)
    return node_id[:8]


def open_slots(subject: Subject) -> Iterator[Answer]:
    """No slot is half-way between two nodes."""

    def judge(node: NodeSeen) -> Answer | None:
        me = node.myself
        if me is None or not me.open_slots:
            return None
        return bad(
            node.name,
            f"slot {'; slot '.join(me.open_slots)}",
            "let a running reshard finish, or: redis-cli --cluster fix HOST:PORT",
        )

    yield from of_nodes(subject.seen.answering, judge, "no slot is migrating or importing")


def epochs(subject: Subject) -> Iterator[Answer]:
    """Each primary with slots has a config epoch of its own; two with one would both own a slot."""
    by_epoch: dict[int, list[str]] = {}
    for shard in subject.shards:
        me = shard.primary.myself if shard.primary else None
        if me and shard.slots and shard.primary:
            by_epoch.setdefault(me.epoch, []).append(shard.primary.name)
    twice = {epoch: names for epoch, names in by_epoch.items() if len(names) > 1}
    for epoch, names in twice.items():
        yield bad(
            "topology",
            f"config epoch {epoch} is borne by {' and '.join(names)}",
            "Redis resolves this by itself within seconds; if not: CLUSTER BUMPEPOCH on one",
        )
    if not twice and by_epoch:
        yield good(f"{len(by_epoch)} primaries, config epochs {_listed(sorted(by_epoch))}")


def _listed(numbers: list[int]) -> str:
    if len(numbers) <= 8:
        return ", ".join(map(str, numbers))
    return f"{numbers[0]} to {numbers[-1]}, all different"


def links(subject: Subject) -> Iterator[Answer]:
    """Each node's outgoing bus link to each other one is up: together, both directions."""
    pairs = 0
    answers: list[Answer] = []
    for node in subject.seen.answering:
        down = []
        for member in node.members:
            if not member.myself:
                pairs += 1
                if not member.linked:
                    down.append(f"{subject.name_at(member.address)} (bus {member.bus_port})")
        if down:
            answers.append(
                bad(
                    node.name,
                    f"no bus link to {', '.join(down)}",
                    "is that node up, and its bus port (data port + 10000) reachable?",
                )
            )
        if wrong := _misled(subject, node):
            answers.append(wrong)
    if not subject.seen.answering:
        yield skipped("no node answers")
        return
    yield from answers or [good(f"{pairs} of {pairs} bus links connected")]


def _misled(subject: Subject, node: NodeSeen) -> Answer | None:
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
    return bad(
        node.name,
        f"tells the others to reach it at {told[0]}:{told[1]}@{told[2]}, "
        f"planned is {wanted[0]}:{wanted[1]}@{wanted[2]}",
        "was cluster-announce-ip, -port or -bus-port changed? redistopo down, then up",
    )


def members(subject: Subject) -> Iterator[Answer]:
    """Every node knows exactly the nodes of this topology, none of them failing."""
    total = len(subject.seen.nodes)

    def judge(node: NodeSeen) -> Answer | None:
        strange = [member for member in node.members if member.unknown or member.failing]
        for member in strange[:1]:
            flags = ",".join(sorted(member.flags))
            return bad(
                node.name,
                f"sees {subject.name_at(member.address)} as {flags}"
                + (f" and {len(strange) - 1} more so" if len(strange) > 1 else ""),
                f"what is down: {subject.start}; what is gone for good: CLUSTER FORGET",
            )
        if len(node.members) != total:
            return bad(
                node.name,
                f"knows {len(node.members)} nodes, the topology has {total}",
                "nodes of another cluster, or ones that haven't met yet",
            )
        return None

    yield from of_nodes(subject.seen.answering, judge, f"know {total} nodes, none failing")
