"""Settles slots that an interrupted move left open: each gets one owner, which has all its keys."""

from collections.abc import Collection, Iterable, Mapping

from redistopo.client.connection import Connections
from redistopo.client.target import Detail
from redistopo.errors import TimedOut, Unhealthy
from redistopo.execute.context import ExecutionContext
from redistopo.execute.move_slots import ANSWER_SECONDS, engine_of
from redistopo.execute.move_slots_windows import WindowMover
from redistopo.execute.send_setslot import SetslotSenders, send_setslot
from redistopo.execute.survey_slots import pipelined, survey_slots
from redistopo.host.interrupts import interrupts_deferred
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.planning.move_method import split_windows, windows_of
from redistopo.model.planning.open_slot_repairs import (
    OpenSlotRepairs,
    open_slot_repairs,
    owners_by_slot,
)
from redistopo.model.state.observed import NodeSeen, Observed, ProcessState

_IDLE_SECONDS = 5

_ROUNDS = 4
"""At most: one for each of several nodes that import the same slot."""


def close_slots(context: ExecutionContext, slots: Collection[int] = ()) -> bool:
    """Settle all open slots, and give those of `slots` that have no owner to the node that has
    their keys. Returns whether there were any.

    Keys of a half-moved slot move on to the node that imports it. Raises RedistopoError.
    """
    changed = False
    for _ in range(_ROUNDS):
        seen = await_settled(context)
        repairs = open_slot_repairs(seen)
        lost = _ownerless(seen, {*slots, *repairs.ownerless})
        if not repairs and not lost:
            return changed
        changed = True
        with (
            Connections(context.credentials, seconds=ANSWER_SECONDS, binary=True) as client,
            interrupts_deferred(later=True),
        ):
            _Closer(context, client, seen).settle(repairs, lost)
    raise Unhealthy(
        "some slots are still open", detail=str(open_slot_repairs(seen).moves), hint="redistopo up"
    )


_MOVERS = frozenset(
    {"migrate", "cluster|setslot", "cluster|getkeysinslot", "cluster|countkeysinslot"}
)
"""Last commands of a client that moves slots. Up to Redis 6.2, CLUSTER has no subcommand here."""


def close_foreign_slots(context: ExecutionContext) -> None:
    """Settle all open slots, unless another program may be moving them now; then raises Unhealthy.

    A slot of our own that is open has no mover any more: moving slots requires the lock.
    """
    if by := other_movers(context, context.observe(Detail.HEALTH)):
        raise Unhealthy(
            "slots are open, and a client may be moving them now: they are left as they are",
            detail=f"the last command of {by} is one of a move",
            hint="wait until it has finished, then redistopo up",
        )
    close_slots(context)


def other_movers(context: ExecutionContext, seen: Observed) -> str:
    """Return the address of a client that may be moving slots now; "" for none.

    A mover keeps a connection to each node while it works, and its last command shows what it is.
    """
    for node in seen.answering:
        listed = str(context.send(context.plan.node(node.name), "CLIENT", "LIST"))
        for line in listed.splitlines():
            pairs = dict(part.split("=", 1) for part in line.split(" ") if "=" in part)
            if pairs.get("cmd") in _MOVERS or _moving_in_6(pairs):
                return pairs.get("addr", "?")
    return ""


def _moving_in_6(client: Mapping[str, str]) -> bool:
    """Whether it may be a mover's connection, by a command that shows no more."""
    return client.get("cmd") == "cluster" and int(client.get("idle", 0)) < _IDLE_SECONDS


def await_settled(context: ExecutionContext) -> Observed:
    """Wait until every node replies, and knows every other one and which are primaries: then what
    they report about slots can be used. Raises Unhealthy if one has ended: nothing starts it."""
    last: list[Observed] = []

    def look() -> Observed | None:
        last[:] = [context.observe(Detail.HEALTH)]
        ended = [one.name for one in last[0].nodes if one.process is ProcessState.ABSENT]
        if ended:
            raise Unhealthy(
                "not every node runs, so open slots can't be settled",
                detail=f"not running: {', '.join(ended)}",
                hint=f"redistopo start {' '.join(ended)}",
            )
        return last[0] if _settled(last[0]) else None

    def late() -> TimedOut:
        names = ", ".join(node.name for node in last[0].nodes if not node.answers)
        return TimedOut(
            "the nodes don't agree on their roles: open slots can't be settled",
            detail=f"without a reply: {names}" if names else "",
            hint="redistopo verify shows why",
        )

    return wait_for(look, context.deadline, late)


def _settled(seen: Observed) -> bool:
    if len(seen.answering) != len(seen.nodes):
        return False
    roles = {node.id: bool(node.myself and node.myself.replica) for node in seen.nodes}
    return all(
        member.replica is roles[member.id]
        and (member.myself or member.linked)
        and not member.failing
        for node in seen.nodes
        for member in node.members
        if member.id in roles
    )


def _ownerless(seen: Observed, slots: Iterable[int]) -> tuple[int, ...]:
    primaries = [node for node in seen.answering if node.myself and not node.myself.replica]
    owned = owners_by_slot(primaries)
    return tuple(sorted(slot for slot in slots if slot not in owned))


class _Closer:
    """Settles the slots of one snapshot."""

    def __init__(self, context: ExecutionContext, client: Connections, seen: Observed) -> None:
        self._context = context
        self._client = client
        self._nodes = {node.name: node for node in seen.answering}
        self._primaries = [n for n in seen.answering if n.myself and not n.myself.replica]

    def settle(self, repairs: OpenSlotRepairs, lost: Collection[int]) -> None:
        for name, slots in repairs.stable.items():
            self._set(name, [(slot, "STABLE") for slot in slots])
        for name, pairs in repairs.corrected.items():
            for slot, owner in pairs:
                self._set(name, [(slot, "STABLE"), (slot, "NODE", owner)])
        if lost:
            self._adopt(lost, repairs)
        if repairs.moves:
            self._await_state()  # until then they refuse MIGRATE: CLUSTERDOWN
        for (source, target), slots in repairs.moves.items():
            self._move(self._nodes[source], self._nodes[target], slots)

    def _set(self, name: str, states: Iterable[tuple[str | int, ...]]) -> None:
        commands = [("CLUSTER", "SETSLOT", *words) for words in states]
        send_setslot(self._client, self._nodes[name], commands)

    def _adopt(self, lost: Collection[int], repairs: OpenSlotRepairs) -> None:
        """Make the node with most keys of a slot its owner; it imports the slot first, since only
        then does NODE raise its epoch, by which it wins against older tables."""
        slots = sorted(lost)
        counts = {
            node.name: pipelined(
                self._client, node, [("CLUSTER", "COUNTKEYSINSLOT", slot) for slot in slots]
            )
            for node in self._primaries
        }
        for place, slot in enumerate(slots):
            imports = repairs.ownerless.get(slot, ())
            best = max(
                self._primaries,
                key=lambda one: (int(str(counts[one.name][place])), one.name in imports),
            )
            other = next(one for one in self._primaries if one is not best)
            # the table of the node may have the slot as its own already, or still another's
            for state in (("STABLE",), ("NODE", other.id), ("IMPORTING", other.id)):
                self._set(best.name, [(slot, *state)])
            self._set(best.name, [(slot, "NODE", best.id)])

    def _await_state(self) -> None:
        def look() -> bool | None:
            seen = self._context.observe(Detail.HEALTH)
            good = all(node.cluster.get("cluster_state") == "ok" for node in seen.answering)
            return True if good else None

        def late() -> TimedOut:
            return TimedOut("the cluster's state isn't ok", hint="redistopo verify shows why")

        wait_for(look, Deadline(self._context.deadline.left), late)

    def _move(self, source: NodeSeen, target: NodeSeen, slots: Collection[int]) -> None:
        """Move half-moved slots to the end, with the keys that the source still has."""
        survey = survey_slots(self._client, source, sorted(slots))
        windows = windows_of(engine_of(source))
        with SetslotSenders(self._client, self._context.credentials) as senders:
            mover = WindowMover(
                source=source,
                target=target,
                client=self._client,
                windows=windows,
                survey=survey,
                senders=senders,
            )
            for some in split_windows(sorted(slots), survey, windows):
                mover.move(some, lambda _count: None)
