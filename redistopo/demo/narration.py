"""What happened, in plain words: one line for each thing that somebody who watches wants to know.

Every line is derived from what the servers were seen to say (model.news) and from when; a time
is from one look to another, so it is as exact as looks are frequent. Pure.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from redistopo.model.protocol.slots import format_ranges_briefly
from redistopo.model.state.diff import BAD, GOOD, ChangeKind, StateChange
from redistopo.model.state.last_known import LastKnown, NodeCondition
from redistopo.model.state.observed import Role

STEADY_SECONDS = 1.5
"""Once somebody leads everywhere, and for so long no request more had to do without the cache,
it is told how many had to: clients find a new primary a little later than we do."""

_ENDING_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One line: `level` is bad, good, changed or info; asked: somebody pressed a button."""

    at: datetime
    level: str
    text: str


@dataclass(slots=True)
class _Outage:
    """A time without the primary of some shard: `count` requests had gone without the cache
    before; `rose` is when that number was last seen to grow."""

    count: int
    rose: datetime


@dataclass(slots=True)
class Narrator:
    """Tells each round's news; `ports` maps names of nodes to their ports."""

    ports: Mapping[str, int]
    _fell: dict[str, datetime] = field(default_factory=dict)
    _outage: _Outage | None = None
    _count: int = 0
    _refusal: str = ""

    def progress(
        self, known: LastKnown, happened: tuple[StateChange, ...], degraded: int, began: datetime
    ) -> tuple[Story, ...]:
        """The stories of one round, in order; `degraded` is how many requests were served
        without the cache so far, `began` when that look began: whoever didn't answer it had
        fallen silent by then, and the look may have waited a second for it."""
        stories: list[Story] = []
        back = {one.node for one in happened if one.kind is ChangeKind.BACK}
        for one in sorted(happened, key=lambda one: _LATER.get(one.kind, 0)):
            if one.node in back and one.kind in _SAID_WITH_BACK:
                continue
            if text := self._words(one, known):
                stories.append(Story(at=one.at, level=_level(one.kind), text=text))
            if one.kind in _FALLS:
                self._fell.setdefault(one.node, began)
            if one.kind in _UP_AGAIN:
                self._fell.pop(one.node, None)
        stories += self._toll(known, degraded)
        self._count = degraded
        return tuple(stories)

    def _words(self, one: StateChange, known: LastKnown) -> str:
        teller = _WORDS.get(one.kind)
        return teller(self, one, known) if teller else ""

    def _toll(self, known: LastKnown, degraded: int) -> Iterator[Story]:
        """How many requests went without the cache in an outage, once it is over."""
        headless = any(name in self._fell for name in known.leaders)
        if self._outage is None:
            if headless:
                self._outage = _Outage(self._count, known.at)
            return
        out = self._outage
        if headless or degraded > self._count:
            out.rose = known.at
        if (known.at - out.rose).total_seconds() < STEADY_SECONDS:
            return
        self._outage = None
        if served := degraded - out.count:
            were = "request was" if served == 1 else "requests were"
            text = f"{served} {were} served from the database meanwhile"
            yield Story(at=known.at, level="info", text=text)

    def _name(self, node: str) -> str:
        """``node1 (7000)``; one that is known by its address has the port in its name."""
        port = self.ports.get(node)
        return f"{node} ({port})" if port and not node.endswith(f":{port}") else node

    def _since(self, node: str, at: datetime) -> str:
        """``after 5.1 s``; "" where it isn't known when the node fell silent."""
        fell = self._fell.get(node)
        return f" after {(at - fell).total_seconds():.1f} s" if fell else ""

    def _silence(self, one: StateChange, _known: LastKnown) -> str:
        """Of one that had fallen already only what is new: who ends is silent for a moment
        before his process is gone, and so is who starts."""
        told, fell = _FALLS[one.kind], self._fell.get(one.node)
        if fell is not None and one.kind is ChangeKind.SILENT:
            return ""
        if fell is not None and one.kind is ChangeKind.GONE:
            ending = (
                one.was == NodeCondition.SILENT
                and (one.at - fell).total_seconds() < _ENDING_SECONDS
            )
            told = "" if ending else "is gone: {why}"
        why = one.words.rsplit(": ", 1)[-1]  # the address is told already
        return f"{self._name(one.node)} {told.format(why=why)}" if told else ""

    def _agreed(self, one: StateChange, _known: LastKnown) -> str:
        who = "the Sentinels" if one.kind is ChangeKind.ODOWN else "the others"
        after = self._since(one.node, one.at)
        return f"{who} agreed{after} that {self._name(one.node)} is down"

    def _promoted(self, one: StateChange, known: LastKnown) -> str:
        name, before = self._name(one.node), self._name(one.was)
        slots = known.leaders.get(one.node)
        what = f"leads slots {format_ranges_briefly(slots)}" if slots else "leads"
        if one.was not in self._fell:
            old = next((node for node in known.nodes if node.name == one.was), None)
            demoted = old is not None and old.role is Role.REPLICA
            how = "handed over" if demoted else "still says that it leads, too"
            return f"{name} {what} now: {before} {how}"
        after = self._since(one.was, one.at)
        return f"{name} was promoted{after}: it {what} instead of {before}"

    def _back(self, one: StateChange, known: LastKnown) -> str:
        node = next((node for node in known.nodes if node.name == one.node), None)
        what = ""
        if node is not None and node.role is Role.REPLICA:
            what = f", as replica of {self._name(node.follows)}"
        elif node is not None and node.role is Role.PRIMARY:
            what = ", as primary"
        return f"{self._name(one.node)} answers again{self._since(one.node, one.at)}{what}"

    def _follows(self, one: StateChange, known: LastKnown) -> str:
        """Of a node that is a replica now, or another one's; who leads is told elsewhere."""
        node = next((node for node in known.nodes if node.name == one.node), None)
        if node is None or node.role is not Role.REPLICA:
            return ""
        return f"{self._name(one.node)} follows {self._name(node.follows)} now"

    def _link(self, one: StateChange, known: LastKnown) -> str:
        """Nothing where the primary itself is gone: that was told."""
        node = next((node for node in known.nodes if node.name == one.node), None)
        if node is None or node.follows in self._fell:
            return ""
        return f"{self._name(one.node)} lost its link to {self._name(node.follows)}"

    def _cluster(self, one: StateChange, known: LastKnown) -> str:
        able = [node for node in known.nodes if node.condition.answers]
        if one.kind is ChangeKind.CLUSTER_OK:
            if not _all_ok(known):
                return ""
            self._refusal = ""
            return "the cluster takes commands again"
        # cluster-require-full-coverage: whoever learns of it refuses, too, one after the other
        orphans = [
            format_ranges_briefly(slots)
            for name, slots in known.leaders.items()
            if name in self._fell
        ]
        if orphans:
            told = f"commands are refused meanwhile: nobody serves slots {', '.join(orphans)}"
        else:
            down = sum(node.state != "ok" for node in able)
            told = f"{down} of {len(able)} nodes refuse commands meanwhile"
        if told == self._refusal:
            return ""
        self._refusal = told
        return f"{told} (cluster_state:fail)"

    def _as_it_is(self, one: StateChange, _known: LastKnown) -> str:
        return f"{self._name(one.node)}: {one.words}" if one.node else one.words


_FALLS = {
    ChangeKind.GONE: "stopped answering: {why}",
    ChangeKind.SILENT: "stopped answering: {why}",
    ChangeKind.PAUSED: "was frozen: its connections stay open, and nobody answers",
    ChangeKind.DENIED: "refuses the password",
}

_UP_AGAIN = (ChangeKind.BACK, ChangeKind.LEFT, ChangeKind.JOINED)
"""After these nobody waits for the node any more; after a wipe `up` makes it anew."""

_WORDS: Mapping[ChangeKind, Callable[[Narrator, StateChange, LastKnown], str]] = {
    **dict.fromkeys(_FALLS, Narrator._silence),
    ChangeKind.FAIL: Narrator._agreed,
    ChangeKind.ODOWN: Narrator._agreed,
    ChangeKind.PRIMARY: Narrator._promoted,
    ChangeKind.BACK: Narrator._back,
    ChangeKind.ROLE: Narrator._follows,
    ChangeKind.LINK_DOWN: Narrator._link,
    ChangeKind.CLUSTER_FAIL: Narrator._cluster,
    ChangeKind.CLUSTER_OK: Narrator._cluster,
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
        Narrator._as_it_is,
    ),
}
"""What isn't here (PFAIL, epochs, full syncs) is for who reads `redistopo events`."""

_LATER = {ChangeKind.PRIMARY: 1, ChangeKind.CLUSTER_OK: 2, ChangeKind.ROLE: 3}
"""Who leads is told first: then it is clear why commands are taken, and why others follow."""

_SAID_WITH_BACK = (ChangeKind.ROLE, ChangeKind.LINK_DOWN)
"""Who comes back says whom it follows; its link comes up a moment later."""


def _all_ok(known: LastKnown) -> bool:
    return all(node.state == "ok" for node in known.nodes if node.condition.answers)


def _level(kind: ChangeKind) -> str:
    if kind in BAD:
        return "bad"
    if kind in GOOD:
        return "good"
    return "changed" if kind in (ChangeKind.ROLE, ChangeKind.PRIMARY, ChangeKind.SLOTS) else "info"
