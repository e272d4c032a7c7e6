"""What changed between two looks: roles, faults, links, slots, as occurrences; pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from redistopo.model.protocol.slots import format_ranges_briefly
from redistopo.model.state.last_known import LastKnown, NodeCondition, NodeKnown
from redistopo.model.state.observed import Role


class ChangeKind(StrEnum):
    """What an occurrence is about; `MEANING` says it in words."""

    NOW = "now"
    JOINED = "joined"
    LEFT = "left"
    GONE = "gone"
    SILENT = "silent"
    PAUSED = "paused"
    DENIED = "denied"
    LOADING = "loading"
    BACK = "back"
    RESTARTED = "restarted"
    PFAIL = "pfail"
    FAIL = "fail"
    CLEARED = "cleared"
    CLUSTER_FAIL = "cluster-fail"
    CLUSTER_OK = "cluster-ok"
    ROLE = "role"
    PRIMARY = "primary"
    SLOTS = "slots"
    EPOCH = "epoch"
    LINK_DOWN = "link-down"
    LINK_UP = "link-up"
    RESYNC = "resync"
    LAGGING = "lagging"
    CAUGHT_UP = "caught-up"
    SDOWN = "sdown"
    ODOWN = "odown"
    NAMED = "named"
    QUORUM_LOST = "quorum-lost"
    QUORUM_BACK = "quorum-back"
    TILT = "tilt"
    TILT_OVER = "tilt-over"


MEANING = {
    ChangeKind.NOW: "what the node is when the stream begins",
    ChangeKind.JOINED: "the node is part of the topology since now",
    ChangeKind.LEFT: "the node is no part of the topology any more",
    ChangeKind.GONE: "its process ended, or nobody listens at its address",
    ChangeKind.SILENT: "it runs or listens, but gives no answer in time",
    ChangeKind.PAUSED: "its process was stopped (SIGSTOP) and would go on at SIGCONT",
    ChangeKind.DENIED: "it refuses the password that we have",
    ChangeKind.LOADING: "it loads its data, and serves nobody yet",
    ChangeKind.BACK: "it answers (again)",
    ChangeKind.RESTARTED: "another process answers in its place, between two looks",
    ChangeKind.PFAIL: "other nodes suspect it: PFAIL, not agreed on",
    ChangeKind.FAIL: "other nodes count it as failed: FAIL, agreed on by a majority",
    ChangeKind.CLEARED: "no node, or no Sentinel, suspects it any more",
    ChangeKind.CLUSTER_FAIL: "cluster_state:fail on some nodes: they refuse clients",
    ChangeKind.CLUSTER_OK: "cluster_state:ok again on some nodes",
    ChangeKind.ROLE: "the node's role changed, by its own word",
    ChangeKind.PRIMARY: "a shard is led by another node",
    ChangeKind.SLOTS: "the node owns other slots than before",
    ChangeKind.EPOCH: "a primary's config epoch changed: it won an election, or took over",
    ChangeKind.LINK_DOWN: "the replica's link to its primary is down",
    ChangeKind.LINK_UP: "the replica's link to its primary is up",
    ChangeKind.RESYNC: "the node gave a replica a full sync",
    ChangeKind.LAGGING: "the replica is further behind its primary than 1 MiB",
    ChangeKind.CAUGHT_UP: "the replica is less than half of that behind",
    ChangeKind.SDOWN: "some Sentinels have it as down, each by itself: s_down",
    ChangeKind.ODOWN: "the Sentinels agree that it is down: o_down",
    ChangeKind.NAMED: "the Sentinels name the node as primary: clients go there",
    ChangeKind.QUORUM_LOST: "too few Sentinels run and reach each other for a failover",
    ChangeKind.QUORUM_BACK: "enough Sentinels again for a failover",
    ChangeKind.TILT: "the Sentinel stood still, or its clock jumped: it takes part in no failover",
    ChangeKind.TILT_OVER: "it takes part again, after 30 s",
}
"""Every kind in words, as docs/events.md lists them."""

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
    """One thing that happened between two looks; `at` is the later look's moment.

    `node` is "" for what concerns the whole; `was` and `now` are the values that changed,
    as text, "" where there is none.
    """

    at: datetime
    node: str
    kind: ChangeKind
    words: str
    was: str = ""
    now: str = ""


def state_changes(before: LastKnown | None, now: LastKnown) -> tuple[StateChange, ...]:
    """What happened in between; without `before`, what each node is.

    Ordered as one thing leads to another: nodes that fell silent, what the others think
    of them, then roles and slots, then links.
    """
    if before is None:
        return tuple(_said(now, node, ChangeKind.NOW, state_in_words(node)) for node in now.nodes)
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
        *_leaders(before, now),
        *(one for was, node in pairs for one in _epoch(now, was, node)),
        *(one for was, node in pairs for one in _link(now, was, node)),
    )


def state_in_words(node: NodeKnown) -> str:
    """``replica of node1, link up``; for a node that doesn't answer, why."""
    if not node.condition.answers:
        return node.why or node.condition.value
    told = node.role.value if node.role else "answers"
    if node.role is Role.REPLICA:
        told += f" of {node.follows}, link {'up' if node.link else 'down'}"
    if node.names:
        told += f", names {node.names}" + (", in TILT" if node.tilted else "")
    if node.slots:
        told += f", slots {format_ranges_briefly(node.slots)}"
    if node.state not in ("", "ok"):
        told += f", cluster_state:{node.state}"
    return told + (", loading its data" if node.condition is NodeCondition.LOADING else "")


def _said(
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
            yield _said(now, node, ChangeKind.LEFT, "is no part of the topology any more")
    known = {node.name for node in before.nodes}
    for node in now.nodes:
        if node.name not in known:
            yield _said(now, node, ChangeKind.JOINED, state_in_words(node))


def _condition(known: LastKnown, was: NodeKnown, now: NodeKnown) -> Iterator[StateChange]:
    values = (was.condition.value, now.condition.value)
    if was.condition is now.condition:
        if now.condition.answers and was.run_id and now.run_id != was.run_id:
            yield _said(known, now, ChangeKind.RESTARTED, f"another process; {state_in_words(now)}")
        return
    kind = _CONDITIONS[now.condition]
    if kind is not ChangeKind.BACK:
        yield _said(known, now, kind, state_in_words(now), values)
        return
    seconds = (known.at - was.since).total_seconds()
    process = " with a new process" if was.run_id not in ("", now.run_id) else ""
    words = f"answers{process} after {seconds:.1f} s {was.condition.value}; {state_in_words(now)}"
    yield _said(known, now, kind, words, values)


def _flags(known: LastKnown, was: NodeKnown, now: NodeKnown) -> Iterator[StateChange]:
    old, new = _flag(was), _flag(now)
    if old == new:
        return
    if known.able is not None:
        yield from _marked(known, now, old, new)
    elif not new:
        if now.witnesses:
            yield _said(known, now, ChangeKind.CLEARED, "no node suspects it any more", (old, ""))
    elif new == ChangeKind.FAIL:
        words = f"FAIL in the eyes of {now.failed_by} of {now.witnesses} nodes"
        yield _said(known, now, ChangeKind.FAIL, words, (old, new))
    elif old != ChangeKind.FAIL:
        words = f"PFAIL in the eyes of {now.suspected_by} of {now.witnesses} nodes"
        yield _said(known, now, ChangeKind.PFAIL, words, (old, new))


def _marked(known: LastKnown, now: NodeKnown, old: str, new: str) -> Iterator[StateChange]:
    """The same, where Sentinels have it as down."""
    values = (_MARKS[old], _MARKS[new])
    count = now.suspected_by + now.failed_by
    if not new:
        if now.witnesses:
            yield _said(
                known, now, ChangeKind.CLEARED, "no Sentinel has it as down any more", values
            )
    elif new == ChangeKind.FAIL:
        words = f"down, as {now.failed_by} of {now.witnesses} Sentinels have agreed"
        yield _said(known, now, ChangeKind.ODOWN, words, values)
    elif not old:
        words = f"down in the eyes of {count} of {now.witnesses} Sentinels"
        yield _said(known, now, ChangeKind.SDOWN, words, values)


_MARKS = {
    "": "",
    ChangeKind.PFAIL.value: ChangeKind.SDOWN.value,
    ChangeKind.FAIL.value: ChangeKind.ODOWN.value,
}


def _tilt(known: LastKnown, was: NodeKnown, now: NodeKnown) -> Iterator[StateChange]:
    if now.tilted and not was.tilted:
        yield _said(known, now, ChangeKind.TILT, "takes part in no failover for 30 s")
    elif was.tilted and not now.tilted:
        yield _said(known, now, ChangeKind.TILT_OVER, "takes part in failovers again")


def _sentinels(before: LastKnown, now: LastKnown) -> Iterator[StateChange]:
    """Whether Sentinels could fail over, and whom they name."""
    if before.able is not None and now.able is not None and before.able is not now.able:
        kind = ChangeKind.QUORUM_BACK if now.able else ChangeKind.QUORUM_LOST
        words = f"{now.watching} of {now.watchers} Sentinels take part: "
        words += "a failover is possible" if now.able else "no failover meanwhile"
        yield _said(now, "", kind, words)
    if before.named and now.named and before.named != now.named:
        words = f"named by the Sentinels in epoch {now.epoch}, before it {before.named}"
        yield _said(now, now.named, ChangeKind.NAMED, words, (before.named, now.named))


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
            words = f"cluster_state:{state} on {_names(names)}; by {same} of {len(able)} nodes"
            yield _said(known, "", kind, words, ("fail" if ok else "ok", state))


def _names(names: list[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _role(known: LastKnown, was: NodeKnown, now: NodeKnown) -> Iterator[StateChange]:
    if was.role is None or now.role is None:
        return
    if was.role is not now.role:
        old = was.role.value + (f" of {was.follows}" if was.follows else "")
        new = now.role.value + (f" of {now.follows}" if now.follows else "")
        yield _said(
            known, now, ChangeKind.ROLE, f"{new} now, was {old}", (was.role.value, now.role.value)
        )
    elif was.follows != now.follows and was.follows and now.follows:
        words = f"replica of {now.follows} now, was of {was.follows}"
        yield _said(known, now, ChangeKind.ROLE, words, (was.follows, now.follows))


def _leaders(before: LastKnown, now: LastKnown) -> Iterator[StateChange]:
    """Slots and shards by who leads them; nothing where nobody led before: that is no change."""
    able = {node.name for node in now.nodes if node.condition.answers}
    for name, slots in now.leaders.items():
        old = before.leaders.get(name)
        if old == slots or not before.leaders:
            continue
        earlier = next((who for who, had in before.leaders.items() if had == slots), "")
        if old is None and earlier:
            what = f"slots {format_ranges_briefly(slots)} now" if slots else "now"
            claims = earlier in now.leaders and earlier in able
            also = f", and {earlier} still says so too" if claims else ""
            words = f"leads {what}, instead of {earlier}{also}"
            yield _said(now, name, ChangeKind.PRIMARY, words, (earlier, name))
        elif slots:
            pair = format_ranges_briefly(old or ()), format_ranges_briefly(slots)
            words = f"owns slots {pair[1]} now, before {pair[0] or 'none'}"
            yield _said(now, name, ChangeKind.SLOTS, words, pair)
    taken = list(now.leaders.values())
    there = {node.name for node in now.nodes}
    for name, slots in before.leaders.items():
        if name in there and name not in now.leaders and slots and slots not in taken:
            words = f"owns no slots any more, before {format_ranges_briefly(slots)}"
            yield _said(now, name, ChangeKind.SLOTS, words, (format_ranges_briefly(slots), ""))


def _epoch(known: LastKnown, was: NodeKnown, now: NodeKnown) -> Iterator[StateChange]:
    if now.role is Role.PRIMARY and 0 < was.epoch != now.epoch > 0:
        words = f"config epoch {now.epoch}, before {was.epoch}"
        yield _said(known, now, ChangeKind.EPOCH, words, (str(was.epoch), str(now.epoch)))


def _link(known: LastKnown, was: NodeKnown, now: NodeKnown) -> Iterator[StateChange]:
    if now.condition.answers and now.link is not None and now.link is not was.link:
        if now.link:
            yield _said(known, now, ChangeKind.LINK_UP, f"link to {now.follows} up", ("down", "up"))
        elif was.link is not None:
            words = f"link to {now.follows} down"
            yield _said(known, now, ChangeKind.LINK_DOWN, words, ("up", "down"))
    if now.run_id == was.run_id and now.syncs > was.syncs:
        words = f"gave a full sync (sync_full {was.syncs} -> {now.syncs})"
        yield _said(known, now, ChangeKind.RESYNC, words, (str(was.syncs), str(now.syncs)))
    if now.lagging is not was.lagging and now.condition.answers:
        kind = ChangeKind.LAGGING if now.lagging else ChangeKind.CAUGHT_UP
        words = f"{now.behind or 0} bytes behind {now.follows or 'its primary'}"
        yield _said(known, now, kind, words, (str(was.behind or 0), str(now.behind or 0)))
