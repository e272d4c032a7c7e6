"""Notices: one line in plain words for each change that a user of the page wants to know about.

Every line is derived from the changes between two polls (model.state.diff) and their times; a
time is as exact as polls are frequent. Pure.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from datetime import datetime

from redistopo.model.protocol.slots import format_ranges_briefly
from redistopo.model.state.diff import BAD, GOOD, ChangeKind, StateChange
from redistopo.model.state.last_known import LastKnown, NodeCondition
from redistopo.model.state.observed import Role
from redistopo.quick_dataclass import dataclass

STEADY_SECONDS = 1.5
"""Once every shard has a primary, and no request was served without the cache for this long, a
notice reports how many were: clients find a new primary slightly later than the poller."""

_ENDING_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One line: `level` is bad, good, changed, info, or asked for a click on a button."""

    at: datetime
    level: str
    text: str


@dataclass(slots=True)
class _Outage:
    """A time without the primary of some shard: `count` is the number of requests served without
    the cache before it; `rose` is when that number last increased."""

    count: int
    rose: datetime


@dataclass(slots=True)
class NoticeWriter:
    """Writes the notices of each poll; `ports` maps node names to ports."""

    ports: Mapping[str, int]
    _fell: dict[str, datetime] = field(default_factory=dict)
    _outage: _Outage | None = None
    _count: int = 0
    _refusal: str = ""

    def write(
        self, known: LastKnown, happened: tuple[StateChange, ...], degraded: int, began: datetime
    ) -> tuple[Notice, ...]:
        """Return the notices of one poll, in order; `degraded` is the number of requests served
        without the cache so far, `began` when the poll began: a node that did not reply was
        silent by then, and the poll may have waited a second for it."""
        notices: list[Notice] = []
        back = {one.node for one in happened if one.kind is ChangeKind.BACK}
        for one in sorted(happened, key=lambda one: _LATER.get(one.kind, 0)):
            if one.node in back and one.kind in _REPORTED_BY_BACK:
                continue
            if text := self._words(one, known):
                notices.append(Notice(at=one.at, level=_level(one.kind), text=text))
            if one.kind in _FALLS:
                self._fell.setdefault(one.node, began)
            if one.kind in _UP_AGAIN:
                self._fell.pop(one.node, None)
        notices += self._degraded_requests(known, degraded)
        self._count = degraded
        return tuple(notices)

    def _words(self, one: StateChange, known: LastKnown) -> str:
        describe = _WORDS.get(one.kind)
        return describe(self, one, known) if describe else ""

    def _degraded_requests(self, known: LastKnown, degraded: int) -> Iterator[Notice]:
        """Yield how many requests were served without the cache, once an outage is over."""
        without_primary = any(name in self._fell for name in known.leaders)
        if self._outage is None:
            if without_primary:
                self._outage = _Outage(self._count, known.at)
            return
        out = self._outage
        if without_primary or degraded > self._count:
            out.rose = known.at
        if (known.at - out.rose).total_seconds() < STEADY_SECONDS:
            return
        self._outage = None
        if served := degraded - out.count:
            were = "request was" if served == 1 else "requests were"
            text = f"{served} {were} served from the database in the meantime"
            yield Notice(at=known.at, level="info", text=text)

    def _name(self, node: str) -> str:
        """Return ``node1 (7000)``; a node known by its address has the port in its name."""
        port = self.ports.get(node)
        return f"{node} ({port})" if port and not node.endswith(f":{port}") else node

    def _since(self, node: str, at: datetime) -> str:
        """Return ``after 5.1 s``; "" if it is unknown when the node fell silent."""
        fell = self._fell.get(node)
        return f" after {(at - fell).total_seconds():.1f} s" if fell else ""

    def _silence(self, one: StateChange, _known: LastKnown) -> str:
        """Report only what is new of a node that was down already: a node that ends, or starts, is
        silent for a moment while its process exists."""
        text, fell = _FALLS[one.kind], self._fell.get(one.node)
        if fell is not None and one.kind is ChangeKind.SILENT:
            return ""
        if fell is not None and one.kind is ChangeKind.GONE:
            ending = (
                one.was == NodeCondition.SILENT
                and (one.at - fell).total_seconds() < _ENDING_SECONDS
            )
            text = "" if ending else "is gone: {why}"
        why = one.words.rsplit(": ", 1)[-1]  # the name contains the address
        return f"{self._name(one.node)} {text.format(why=why)}" if text else ""

    def _agreed(self, one: StateChange, _known: LastKnown) -> str:
        group = "the Sentinels" if one.kind is ChangeKind.ODOWN else "the other nodes"
        after = self._since(one.node, one.at)
        return f"{group} agreed{after} that {self._name(one.node)} is down"

    def _promoted(self, one: StateChange, known: LastKnown) -> str:
        name, before = self._name(one.node), self._name(one.was)
        slots = known.leaders.get(one.node)
        slots_text = f" for slots {format_ranges_briefly(slots)}" if slots else ""
        if one.was not in self._fell:
            old = next((node for node in known.nodes if node.name == one.was), None)
            demoted = old is not None and old.role is Role.REPLICA
            how = "was demoted" if demoted else "still reports that it is a primary, too"
            return f"{name} is primary{slots_text} now: {before} {how}"
        after = self._since(one.was, one.at)
        return f"{name} was promoted{after}: it is primary{slots_text} instead of {before}"

    def _back(self, one: StateChange, known: LastKnown) -> str:
        node = next((node for node in known.nodes if node.name == one.node), None)
        what = ""
        if node is not None and node.role is Role.REPLICA:
            what = f", as a replica of {self._name(node.follows)}"
        elif node is not None and node.role is Role.PRIMARY:
            what = ", as primary"
        return f"{self._name(one.node)} replies again{self._since(one.node, one.at)}{what}"

    def _follows(self, one: StateChange, known: LastKnown) -> str:
        """Report a node that became a replica, or got another primary; promotions have their own
        notice."""
        node = next((node for node in known.nodes if node.name == one.node), None)
        if node is None or node.role is not Role.REPLICA:
            return ""
        return f"{self._name(one.node)} is a replica of {self._name(node.follows)} now"

    def _link(self, one: StateChange, known: LastKnown) -> str:
        """Report nothing if the primary itself is down: that has its own notice."""
        node = next((node for node in known.nodes if node.name == one.node), None)
        if node is None or node.follows in self._fell:
            return ""
        return f"{self._name(one.node)} lost its link to {self._name(node.follows)}"

    def _cluster(self, one: StateChange, known: LastKnown) -> str:
        able = [node for node in known.nodes if node.condition.answers]
        if one.kind is ChangeKind.CLUSTER_OK:
            if any(node.state != "ok" for node in able):
                return ""
            self._refusal = ""
            return "the cluster accepts commands again"
        # cluster-require-full-coverage: each node that learns of it refuses as well
        orphans = [
            format_ranges_briefly(slots)
            for name, slots in known.leaders.items()
            if name in self._fell
        ]
        if orphans:
            text = f"commands are refused: no node serves slots {', '.join(orphans)}"
        else:
            down = sum(node.state != "ok" for node in able)
            text = f"{down} of {len(able)} nodes refuse commands"
        if text == self._refusal:
            return ""
        self._refusal = text
        return f"{text} (cluster_state:fail)"

    def _as_it_is(self, one: StateChange, _known: LastKnown) -> str:
        return f"{self._name(one.node)}: {one.words}" if one.node else one.words


_FALLS = {
    ChangeKind.GONE: "stopped replying: {why}",
    ChangeKind.SILENT: "stopped replying: {why}",
    ChangeKind.PAUSED: "was frozen: its connections stay open, but get no reply",
    ChangeKind.DENIED: "refuses the password",
}

_UP_AGAIN = (ChangeKind.BACK, ChangeKind.LEFT, ChangeKind.JOINED)
"""After these the node is no longer down; after a wipe `up` creates it again."""

_WORDS: Mapping[ChangeKind, Callable[[NoticeWriter, StateChange, LastKnown], str]] = {
    **dict.fromkeys(_FALLS, NoticeWriter._silence),
    ChangeKind.FAIL: NoticeWriter._agreed,
    ChangeKind.ODOWN: NoticeWriter._agreed,
    ChangeKind.PRIMARY: NoticeWriter._promoted,
    ChangeKind.BACK: NoticeWriter._back,
    ChangeKind.ROLE: NoticeWriter._follows,
    ChangeKind.LINK_DOWN: NoticeWriter._link,
    ChangeKind.CLUSTER_FAIL: NoticeWriter._cluster,
    ChangeKind.CLUSTER_OK: NoticeWriter._cluster,
    **dict.fromkeys(
        (
            ChangeKind.LOADING,
            ChangeKind.RESTARTED,
            ChangeKind.JOINED,
            ChangeKind.LEFT,
            ChangeKind.SLOTS,
            ChangeKind.LAGGING,
            ChangeKind.QUORUM_LOST,
            ChangeKind.QUORUM_BACK,
            ChangeKind.TILT,
        ),
        NoticeWriter._as_it_is,
    ),
}
"""Changes not listed here (PFAIL, epochs, full syncs) are for readers of `redistopo events`."""

_LATER = {ChangeKind.PRIMARY: 1, ChangeKind.CLUSTER_OK: 2, ChangeKind.ROLE: 3}
"""Promotions first: they explain why commands are accepted, and why roles change."""

_REPORTED_BY_BACK = (ChangeKind.ROLE, ChangeKind.LINK_DOWN)
"""A node that is back reports its primary; its link comes up a moment later."""


def _level(kind: ChangeKind) -> str:
    if kind in BAD:
        return "bad"
    if kind in GOOD:
        return "good"
    return "changed" if kind in (ChangeKind.ROLE, ChangeKind.PRIMARY, ChangeKind.SLOTS) else "info"
