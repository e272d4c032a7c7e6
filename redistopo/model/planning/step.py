"""A step: one thing to do to some nodes, its cause, and the steps that it follows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from redistopo.model.planning.plan import Plan
from redistopo.model.protocol.slots import SlotRange, format_ranges_briefly
from redistopo.model.state.observed import Role


class StepKind(StrEnum):
    """What a step does; the executor has one function for each."""

    RESUME = "resume"
    CLEAR = "clear"
    KEEP = "keep"
    WRITE = "write"
    SEED = "seed"
    PLACE = "place"
    LOAD = "load"
    ASIDE = "aside"
    START = "start"
    LIST = "list"
    FORM = "form"
    GRANT = "grant"
    CORRECT = "correct"
    SWITCH = "switch"
    REBUILD = "rebuild"
    PROMOTE = "promote"
    LEAD = "lead"
    MEET = "meet"
    FAILOVER = "failover"
    RESET = "reset"
    REJOIN = "rejoin"
    FORGET = "forget"


_TEXT = {
    StepKind.RESUME: "continue",
    StepKind.CLEAR: "stop and clear",
    StepKind.KEEP: "keep a copy of the rewritten configuration of",
    StepKind.WRITE: "write the configuration of",
    StepKind.SEED: "write the first nodes.conf of",
    StepKind.PLACE: "correct the paths in the file of",
    StepKind.ASIDE: "put aside the append-only file of",
    StepKind.START: "start",
    StepKind.LIST: "record the users of",
    StepKind.FORM: "form one cluster of",
    StepKind.GRANT: "set the users of",
    StepKind.CORRECT: "correct the live configuration of",
    StepKind.REBUILD: "write a new nodes.conf of",
    StepKind.PROMOTE: "let lead, with the data on its disk,",
    StepKind.LEAD: "let lead",
    StepKind.MEET: "make known to each other",
    StepKind.FAILOVER: "have a new primary chosen by",
    StepKind.RESET: "empty and reset again",
    StepKind.REJOIN: "take back into the cluster",
    StepKind.FORGET: "have ids forgotten that no node has, by",
}

_BY_LOG = {
    (StepKind.LOAD, "yes"): "load the append-only file of",
    (StepKind.LOAD, "no"): "load the snapshot of",
    (StepKind.SWITCH, "yes"): "begin an append-only file of",
    (StepKind.SWITCH, "no"): "save a snapshot and end the append-only file of",
}
"""The two that say how data is kept, by whether it is in an append-only file."""


NodeSettings = Mapping[str, str | None]
"""Directive -> the value it should have; None where the topology file no longer names it."""

USERS_FILE = "users.acl"
"""Stands among the directives of a drift for the users; its value is the file's whole text."""

Drifts = Mapping[str, NodeSettings]
"""Node -> the directives in which the running server differs from the topology file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do to some nodes, and why.

    `after` has the positions of the steps that it follows, counted from 0. `settings` holds by
    node what is set, or written into its file; `slots` what the node leads that comes back by
    `REJOIN`, or leads by `PROMOTE`; `ids` what each node forgets; `texts` by node the nodes.conf
    to be written.
    """

    do: StepKind
    nodes: tuple[str, ...]
    cause: str
    settings: Mapping[str, NodeSettings] = field(default_factory=dict)
    slots: tuple[SlotRange, ...] = ()
    after: tuple[int, ...] = ()
    ids: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        value = self.settings.get(self.nodes[0], {}).get("appendonly")
        what = _BY_LOG.get((self.do, value or "")) or _TEXT[self.do]
        if self.do is StepKind.REJOIN:
            role = f"a replica of {self.nodes[1]}" if self.nodes[1:] else "primary of slots "
            return f"{what} {self.nodes[0]}, as {role}{format_ranges_briefly(self.slots)}"
        if self.do is StepKind.LEAD and self.nodes[1:]:
            return f"let {join_names(self.nodes[1:])} follow {self.nodes[0]}"
        return f"{what} {join_names(self.nodes)}"


def linked(plan: Plan, steps: Iterable[Step], before: Iterable[Step] = ()) -> tuple[Step, ...]:
    """The steps, each `after` the last one that touched one of its nodes, or the primary of a
    node that it starts; `before` are those that precede them in the list."""
    last = {name: place for place, one in enumerate(before) for name in one.nodes}
    found = []
    for place, one in enumerate(steps, start=len(tuple(before))):
        needed = {*one.nodes, *(_primary(plan, name) for name in one.nodes)}
        after = {
            last[name]
            for name in (needed if one.do is StepKind.START else one.nodes)
            if name in last
        }
        found.append(replace(one, after=tuple(sorted(after))))
        last |= dict.fromkeys(one.nodes, place)
    return tuple(found)


def _primary(plan: Plan, name: str) -> str:
    """The node that must listen before this one starts; "" for none."""
    node = plan.node(name)
    return plan.shards[0].primary if node.role is Role.SENTINEL else node.follows


def join_names(nodes: Iterable[str]) -> str:
    """``node1, node2``, or ``6 nodes (node1 ... node6)`` for many."""
    found = tuple(nodes)
    if len(found) <= 3:
        return ", ".join(found)
    return f"{len(found)} nodes ({found[0]} ... {found[-1]})"
