"""Changes between two snapshots: roles, faults, links and slots, as events; pure."""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Self

from redistopo.model.protocol.slots import format_ranges_briefly
from redistopo.model.state.last_known import LastKnown, NodeCondition, NodeKnown
from redistopo.model.state.observed import Role
from redistopo.quick_dataclass import dataclass


class ChangeKind(StrEnum):
    """The kind of a change, and its meaning, as docs/events.md lists it."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> Self:
        """Create a kind that is equal to `value`."""
        kind = str.__new__(cls, value)
        kind._value_, kind.meaning = value, meaning
        return kind

    NOW = "now", "the state of the node when the stream begins"
    JOINED = "joined", "the node joined the topology"
    LEFT = "left", "the node is no longer part of the topology"
    GONE = "gone", "its process ended, or nothing listens at its address"
    SILENT = "silent", "it runs or listens, but doesn't reply in time"
    PAUSED = "paused", "its process is paused (SIGSTOP); SIGCONT resumes it"
    DENIED = "denied", "it rejects our password"
    LOADING = "loading", "it is loading its data and serves no clients yet"
    BACK = "back", "it replies again"
    RESTARTED = "restarted", "a new process replies: it was restarted between two snapshots"
    PFAIL = "pfail", "other nodes suspect that it is down: PFAIL"
    FAIL = "fail", "a majority agreed that it is down: FAIL"
    CLEARED = "cleared", "no node, or no Sentinel, has it as down any more"
    CLUSTER_FAIL = "cluster-fail", "cluster_state:fail on some nodes: they refuse commands"
    CLUSTER_OK = "cluster-ok", "cluster_state:ok again on some nodes"
    ROLE = "role", "the node reports a new role"
    PRIMARY = "primary", "a shard has a new primary"
    SLOTS = "slots", "the slots of the node changed"
    EPOCH = "epoch", "a primary's config epoch changed: it won an election, or took over"
    LINK_DOWN = "link-down", "the replica's link to its primary is down"
    LINK_UP = "link-up", "the replica's link to its primary is up"
    RESYNC = "resync", "the node sent a full sync to a replica"
    LAGGING = "lagging", "the replica is more than 1 MiB behind its primary"
    CAUGHT_UP = "caught-up", "the replica is less than 512 KiB behind again"
    SDOWN = "sdown", "some Sentinels have it as subjectively down: s_down"
    ODOWN = "odown", "the Sentinels agree that it is down: o_down"
    NAMED = "named", "the Sentinels name the node as primary: clients connect to it"
    QUORUM_LOST = "quorum-lost", "too few Sentinels run and reach each other for a failover"
    QUORUM_BACK = "quorum-back", "enough Sentinels run again for a failover"
    TILT = "tilt", "the Sentinel was paused, or its clock jumped: it takes no part in failovers"
    TILT_OVER = "tilt-over", "it takes part in failovers again, after 30 s"


BAD = frozenset(
    {
        ChangeKind.GONE, ChangeKind.SILENT, ChangeKind.PAUSED, ChangeKind.DENIED,
        ChangeKind.PFAIL, ChangeKind.FAIL, ChangeKind.CLUSTER_FAIL, ChangeKind.LINK_DOWN,
        ChangeKind.LAGGING, ChangeKind.SDOWN, ChangeKind.ODOWN, ChangeKind.QUORUM_LOST,
        ChangeKind.TILT,
    }
)  # fmt: skip
GOOD = frozenset(
    {
        ChangeKind.BACK, ChangeKind.CLEARED, ChangeKind.CLUSTER_OK, ChangeKind.LINK_UP,
        ChangeKind.CAUGHT_UP, ChangeKind.QUORUM_BACK, ChangeKind.TILT_OVER,
    }
)  # fmt: skip
CHANGED = frozenset({ChangeKind.ROLE, ChangeKind.PRIMARY, ChangeKind.NAMED})

_CONDITIONS = {
    NodeCondition.GONE: ChangeKind.GONE,
    NodeCondition.SILENT: ChangeKind.SILENT,
    NodeCondition.PAUSED: ChangeKind.PAUSED,
    NodeCondition.DENIED: ChangeKind.DENIED,
    NodeCondition.LOADING: ChangeKind.LOADING,
    NodeCondition.WELL: ChangeKind.BACK,
}
_MOST_NAMES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """One change between two snapshots; `at` is the time of the later one.

    `node` is "" for a change of the whole topology; `was` and `now` are the old and new
    values as text, "" if there is none.
    """

    at: datetime
    node: str
    kind: ChangeKind
    words: str
    was: str = ""
    now: str = ""


def state_changes(before: LastKnown | None, now: LastKnown) -> tuple[StateChange, ...]:
    """List the changes between two snapshots; without `before`, the state of each node.

    Ordered by cause and effect: silent nodes, how others flag them, then roles and slots,
    then links.
    """
    if before is None:
        return tuple(_change(now, node, ChangeKind.NOW, state_in_words(node)) for node in now.nodes)
    known = {node.name: node for node in before.nodes}
    pairs = [(known[node.name], node) for node in now.nodes if node.name in known]
    return (
        *_members(before, now),
        *(one for was, node in pairs for one in _condition(now, was, node)),
        *(one for was, node in pairs for one in _flags(now, was, node)),
        *_cluster(now, pairs),
        *(one for was, node in pairs for one in _tilt(now, was, node)),
        *_sentinels(before, now),
        *(one for was, node in pairs for one in _role(now, was, node)),
        *_primaries(before, now),
        *(one for was, node in pairs for one in _epoch(now, was, node)),
        *(one for was, node in pairs for one in _link(now, was, node)),
    )


def state_in_words(node: NodeKnown) -> str:
    """Describe a node: ``replica of node1, link up``, or why it doesn't reply."""
    if not node.condition.answers:
        return node.why or node.condition.value
    text = node.role.value if node.role else "replies"
    if node.role is Role.REPLICA:
        text += f" of {node.follows}, link {'up' if node.link else 'down'}"
    if node.names:
        text += f", names {node.names}" + (", in TILT mode" if node.tilted else "")
    if node.slots:
        text += f", slots {format_ranges_briefly(node.slots)}"
    if node.state not in ("", "ok"):
        text += f", cluster_state:{node.state}"
    return text + (", loading its data" if node.condition is NodeCondition.LOADING else "")


def _change(
    known: LastKnown,
    node: NodeKnown | str,
    kind: ChangeKind,
    words: str,
    values: tuple[str, str] = ("", ""),
) -> StateChange:
    name = node if isinstance(node, str) else node.name
    was, now = values
    return StateChange(at=known.at, node=name, kind=kind, words=words, was=was, now=now)


def _members(before: LastKnown, now: LastKnown) -> Iterator[StateChange]:
    names = {node.name for node in now.nodes}
    for node in before.nodes:
        if node.name not in names:
            yield _change(now, node, ChangeKind.LEFT, "is no longer part of the topology")
    known = {node.name for node in before.nodes}
    for node in now.nodes:
        if node.name not in known:
            yield _change(now, node, ChangeKind.JOINED, state_in_words(node))


def _condition(known: LastKnown, was: NodeKnown, now: NodeKnown) -> Iterator[StateChange]:
    values = (was.condition.value, now.condition.value)
    if was.condition is now.condition:
        if now.condition.answers and was.run_id and now.run_id != was.run_id:
            yield _change(known, now, ChangeKind.RESTARTED, f"new process; {state_in_words(now)}")
        return
    kind = _CONDITIONS[now.condition]
    if kind is not ChangeKind.BACK:
        yield _change(known, now, kind, state_in_words(now), values)
        return
    seconds = (known.at - was.since).total_seconds()
    process = " with a new process" if was.run_id not in ("", now.run_id) else ""
    words = f"replies{process} after {seconds:.1f} s {was.condition.value}; {state_in_words(now)}"
    yield _change(known, now, kind, words, values)


def _flags(known: LastKnown, was: NodeKnown, now: NodeKnown) -> Iterator[StateChange]:
    old, new = _flag(was), _flag(now)
    if old == new:
        return
    if known.watched:
        yield from _sentinel_flags(known, now, old, new)
    elif not new:
        if now.witnesses:
            yield _change(known, now, ChangeKind.CLEARED, "no node flags it any more", (old, ""))
    elif new == ChangeKind.FAIL:
        words = f"flagged FAIL by {now.failed_by} of {now.witnesses} nodes"
        yield _change(known, now, ChangeKind.FAIL, words, (old, new))
    elif old != ChangeKind.FAIL:
        words = f"flagged PFAIL by {now.suspected_by} of {now.witnesses} nodes"
        yield _change(known, now, ChangeKind.PFAIL, words, (old, new))


def _sentinel_flags(known: LastKnown, now: NodeKnown, old: str, new: str) -> Iterator[StateChange]:
    """The same, as flagged by Sentinels."""
    values = (_MARKS[old], _MARKS[new])
    count = now.suspected_by + now.failed_by
    if not new:
        if now.witnesses:
            yield _change(
                known, now, ChangeKind.CLEARED, "no Sentinel has it as down any more", values
            )
    elif new == ChangeKind.FAIL:
        words = f"o_down according to {now.failed_by} of {now.witnesses} Sentinels"
        yield _change(known, now, ChangeKind.ODOWN, words, values)
    elif not old:
        words = f"s_down according to {count} of {now.witnesses} Sentinels"
        yield _change(known, now, ChangeKind.SDOWN, words, values)


_MARKS = {
    "": "",
    ChangeKind.PFAIL.value: ChangeKind.SDOWN.value,
    ChangeKind.FAIL.value: ChangeKind.ODOWN.value,
}


def _tilt(known: LastKnown, was: NodeKnown, now: NodeKnown) -> Iterator[StateChange]:
    if now.tilted and not was.tilted:
        yield _change(known, now, ChangeKind.TILT, "takes no part in failovers for 30 s")
    elif was.tilted and not now.tilted:
        yield _change(known, now, ChangeKind.TILT_OVER, "takes part in failovers again")


def _sentinels(before: LastKnown, now: LastKnown) -> Iterator[StateChange]:
    """Whether Sentinels could fail over, and which node they name: for each primary."""
    for name, new in now.watched.items():
        old, about = before.watched.get(name), f"{name}: " if name else ""
        if old is None:
            continue
        if old.able is not new.able:
            kind = ChangeKind.QUORUM_BACK if new.able else ChangeKind.QUORUM_LOST
            words = f"{about}{new.watching} of {new.watchers} Sentinels available: "
            words += "failover possible" if new.able else "no failover possible"
            yield _change(now, "", kind, words)
        if old.named and new.named and old.named != new.named:
            words = f"{about}named by the Sentinels in epoch {new.epoch}, was {old.named}"
            yield _change(now, new.named, ChangeKind.NAMED, words, (old.named, new.named))


def _flag(node: NodeKnown) -> str:
    if node.failed_by:
        return ChangeKind.FAIL.value
    return ChangeKind.PFAIL.value if node.suspected_by else ""


def _cluster(known: LastKnown, pairs: list[tuple[NodeKnown, NodeKnown]]) -> Iterator[StateChange]:
    turned = [(was, now) for was, now in pairs if was.state and now.state != was.state]
    for kind, ok in ((ChangeKind.CLUSTER_FAIL, False), (ChangeKind.CLUSTER_OK, True)):
        names = [now.name for _, now in turned if (now.state == "ok") is ok]
        if names:
            able = [node for node in known.nodes if node.condition.answers]
            same = sum((node.state == "ok") is ok for node in able)
            state = "ok" if ok else "fail"
            words = f"cluster_state:{state} on {_names(names)}; on {same} of {len(able)} in all"
            yield _change(known, "", kind, words, ("fail" if ok else "ok", state))


def _names(names: list[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _role(known: LastKnown, was: NodeKnown, now: NodeKnown) -> Iterator[StateChange]:
    if was.role is None or now.role is None:
        return
    if was.role is not now.role:
        old = was.role.value + (f" of {was.follows}" if was.follows else "")
        new = now.role.value + (f" of {now.follows}" if now.follows else "")
        yield _change(
            known, now, ChangeKind.ROLE, f"{new}, was {old}", (was.role.value, now.role.value)
        )
    elif was.follows != now.follows and was.follows and now.follows:
        words = f"replica of {now.follows}, was of {was.follows}"
        yield _change(known, now, ChangeKind.ROLE, words, (was.follows, now.follows))


def _primaries(before: LastKnown, now: LastKnown) -> Iterator[StateChange]:
    """Changed primaries and slots; none if no primary was known before."""
    able = {node.name for node in now.nodes if node.condition.answers}
    followed = {node.name: node.follows for node in before.nodes}
    for name, slots in now.leaders.items():
        old = before.leaders.get(name)
        if old == slots or not before.leaders:
            continue
        # Sentinels may monitor several primaries, all of them without slots
        equal = [one for one, had in before.leaders.items() if had == slots]
        earlier = followed.get(name, "") if followed.get(name) in equal else "".join(equal[:1])
        if old is None and earlier:
            what = f" of slots {format_ranges_briefly(slots)}" if slots else ""
            claims = earlier in now.leaders and earlier in able
            also = ", which still claims to be primary too" if claims else ""
            words = f"is primary{what}, was {earlier}{also}"
            yield _change(now, name, ChangeKind.PRIMARY, words, (earlier, name))
        elif slots:
            values = (format_ranges_briefly(old or ()), format_ranges_briefly(slots))
            words = f"owns slots {values[1]}, was {values[0] or 'none'}"
            yield _change(now, name, ChangeKind.SLOTS, words, values)
    taken = list(now.leaders.values())
    there = {node.name for node in now.nodes}
    for name, slots in before.leaders.items():
        if name in there and name not in now.leaders and slots and slots not in taken:
            words = f"owns no slots, was {format_ranges_briefly(slots)}"
            yield _change(now, name, ChangeKind.SLOTS, words, (format_ranges_briefly(slots), ""))


def _epoch(known: LastKnown, was: NodeKnown, now: NodeKnown) -> Iterator[StateChange]:
    if now.role is Role.PRIMARY and 0 < was.epoch != now.epoch > 0:
        words = f"config epoch {now.epoch}, was {was.epoch}"
        yield _change(known, now, ChangeKind.EPOCH, words, (str(was.epoch), str(now.epoch)))


def _link(known: LastKnown, was: NodeKnown, now: NodeKnown) -> Iterator[StateChange]:
    if now.condition.answers and now.link is not None and now.link is not was.link:
        if now.link:
            yield _change(
                known, now, ChangeKind.LINK_UP, f"link to {now.follows} up", ("down", "up")
            )
        elif was.link is not None:
            words = f"link to {now.follows} down"
            yield _change(known, now, ChangeKind.LINK_DOWN, words, ("up", "down"))
    if now.run_id == was.run_id and now.syncs > was.syncs:
        words = f"sent a full sync (sync_full {was.syncs} -> {now.syncs})"
        yield _change(known, now, ChangeKind.RESYNC, words, (str(was.syncs), str(now.syncs)))
    if now.lagging is not was.lagging and now.condition.answers:
        kind = ChangeKind.LAGGING if now.lagging else ChangeKind.CAUGHT_UP
        words = f"{now.behind or 0} bytes behind {now.follows or 'its primary'}"
        yield _change(known, now, kind, words, (str(was.behind or 0), str(now.behind or 0)))
