"""A step: one action on some nodes, its cause, and the steps that it depends on."""

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from enum import StrEnum

from redistopo.model.planning.plan import Plan
from redistopo.model.protocol.slots import SlotRange, format_ranges_briefly
from redistopo.model.state.job import SlotMove
from redistopo.model.state.observed import Role
from redistopo.quick_dataclass import dataclass


class StepKind(StrEnum):
    """The kind of a step; the executor has one function for each."""

    ABORT = "abort"
    RESUME = "resume"
    READDRESS = "readdress"
    RENAME = "rename"
    CLEAR = "clear"
    KEEP = "keep"
    WRITE = "write"
    SEED = "seed"
    PLACE = "place"
    LOAD = "load"
    ASIDE = "aside"
    RELIST = "relist"
    START = "start"
    LIST = "list"
    FORM = "form"
    GRANT = "grant"
    CORRECT = "correct"
    CORRECT_SENTINEL = "correct-sentinel"
    STORE = "store"
    DEFER = "defer"
    SWITCH = "switch"
    REWRITE = "rewrite"
    REBUILD = "rebuild"
    PROMOTE = "promote"
    LEAD = "lead"
    MONITOR = "monitor"
    TAKEOVER = "takeover"
    MEET = "meet"
    FAILOVER = "failover"
    RESET = "reset"
    REJOIN = "rejoin"
    FORGET = "forget"
    MOVE = "move"
    REMOVE = "remove"
    END = "end"
    RECOUNT = "recount"
    DISCOVER = "discover"
    SETTLE = "settle"
    EPOCH = "epoch"
    FOLLOW = "follow"
    SPREAD = "spread"


OBSERVE_AGAIN = frozenset(
    {
        StepKind.ABORT,
        StepKind.RESUME,
        StepKind.FAILOVER,
        StepKind.RESET,
        StepKind.REJOIN,
        StepKind.REMOVE,
        StepKind.END,
        StepKind.SETTLE,
        StepKind.EPOCH,
        StepKind.FOLLOW,
        StepKind.SPREAD,
    }
)
"""Steps after which more may be to do."""


_TEXT = {
    StepKind.ABORT: "cancel the shutdown of",
    StepKind.RESUME: "resume",
    StepKind.READDRESS: "change the addresses in the files of",
    StepKind.RENAME: "change the name of the primary in the files of",
    StepKind.CLEAR: "stop and clear",
    StepKind.KEEP: "keep a copy of the rewritten configuration of",
    StepKind.WRITE: "write the configuration of",
    StepKind.SEED: "write the initial nodes.conf of",
    StepKind.PLACE: "correct the paths in the configuration of",
    StepKind.ASIDE: "move aside the old data files of",
    StepKind.RELIST: "write a new manifest of the append-only file of",
    StepKind.START: "start",
    StepKind.LIST: "record the users of",
    StepKind.FORM: "form one cluster of",
    StepKind.GRANT: "set the users of",
    StepKind.CORRECT: "correct the live configuration of",
    StepKind.CORRECT_SENTINEL: "correct the live settings of",
    StepKind.STORE: "write to their own files the settings of",
    StepKind.DEFER: "leave settings until a restart of",
    StepKind.REWRITE: "rewrite, from memory, the append-only file of",
    StepKind.REBUILD: "write a new nodes.conf of",
    StepKind.PROMOTE: "promote, with the data on its disk,",
    StepKind.LEAD: "promote",
    StepKind.MONITOR: "monitor the primary again with",
    StepKind.TAKEOVER: "promote",
    StepKind.MEET: "introduce to each other",
    StepKind.FAILOVER: "wait for a failover by",
    StepKind.RESET: "empty and reset again",
    StepKind.REJOIN: "add to the cluster",
    StepKind.FORGET: "remove stale node ids from",
    StepKind.MOVE: "move slots with their keys between",
    StepKind.REMOVE: "remove from the cluster",
    StepKind.END: "end for good, and keep the folder of",
    StepKind.RECOUNT: "reset, one after the other,",
    StepKind.DISCOVER: "wait for new replicas to be discovered by",
    StepKind.SETTLE: "give one owner to each of the open slots of",
    StepKind.EPOCH: "raise the config epoch of",
    StepKind.FOLLOW: "repair the replication of",
    StepKind.SPREAD: "promote, without a lost write,",
}

_BY_LOG = {
    (StepKind.LOAD, "yes"): "load the append-only file of",
    (StepKind.LOAD, "no"): "load the snapshot of",
    (StepKind.SWITCH, "yes"): "create the append-only file of",
    (StepKind.SWITCH, "no"): "save a snapshot and turn off the append-only file of",
}
"""The two kinds that depend on whether data is in an append-only file."""


NodeSettings = Mapping[str, str | None]
"""Directive -> desired value; None if the topology file no longer sets it."""

USERS_FILE = "users.acl"
"""Pseudo directive for users in a drift; its value is the whole text of the file."""

Drifts = Mapping[str, NodeSettings]
"""Node -> the directives whose live value differs from the topology file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One action on some nodes, and its cause.

    `after` has the positions of the steps that it depends on, from 0. `settings` maps nodes to
    the directives that are set, or written to their files, in `READDRESS` to the new address of
    each former one; `slots` are those of the node in
    `REJOIN` or `PROMOTE`; `ids` maps nodes to the ids to forget; `texts` maps nodes to the
    nodes.conf, or the manifest, to write; `recorded` are the nodes of `START` whose configuration
    is recorded as that of their start, to be compared later; `moves` are those of `MOVE`.
    """

    do: StepKind
    nodes: tuple[str, ...]
    cause: str
    settings: Mapping[str, NodeSettings] = field(default_factory=dict)
    slots: tuple[SlotRange, ...] = ()
    after: tuple[int, ...] = ()
    ids: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict, repr=False)
    recorded: tuple[str, ...] = ()
    moves: tuple[SlotMove, ...] = ()

    def __str__(self) -> str:
        value = self.settings.get(self.nodes[0], {}).get("appendonly")
        what = _BY_LOG.get((self.do, value or "")) or _TEXT[self.do]
        if self.do is StepKind.MOVE:
            return join_moves(self.moves)
        if self.do is StepKind.REJOIN:
            role = f", as a replica of {self.nodes[1]}" if self.nodes[1:] else ""
            if self.slots:
                role = f", as primary of slots {format_ranges_briefly(self.slots)}"
            return f"{what} {self.nodes[0]}{role}"
        if self.do is StepKind.LEAD and self.nodes[1:]:
            return f"make {join_names(self.nodes[1:])} follow {self.nodes[0]}"
        return f"{what} {join_names(self.nodes)}"


def linked(plan: Plan, steps: Iterable[Step], before: Iterable[Step] = ()) -> tuple[Step, ...]:
    """Set `after` of each step: the last steps on its nodes, and on the primary of nodes that it
    starts; `before` are the steps that precede them in the list."""
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
    node = next((one for one in plan.nodes if one.name == name), None)
    if node is None:  # it was removed, but still runs
        return ""
    return plan.shards[0].primary if node.role is Role.SENTINEL else node.follows


def join_moves(moves: Iterable[SlotMove]) -> str:
    """Format moves: ``move 4096 slots from node1, node2 to node3``."""
    some = tuple(moves)
    sources, targets = (
        join_names(dict.fromkeys(getattr(one, end) for one in some)) for end in ("source", "target")
    )
    count = sum(map(len, some))
    return f"move {count} {'slot' if count == 1 else 'slots'} from {sources} to {targets}"


def join_names(nodes: Iterable[str]) -> str:
    """Format names: ``node1, node2``, or ``6 nodes (node1 ... node6)`` for many."""
    found = tuple(nodes)
    if len(found) <= 3:
        return ", ".join(found)
    return f"{len(found)} nodes ({found[0]} ... {found[-1]})"
