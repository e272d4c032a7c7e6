"""Moves slots with their keys between running primaries; what and how is decided before."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import zip_longest

from redistopo.client.connection import Connections
from redistopo.client.target import Detail
from redistopo.errors import RedistopoError, TimedOut, Unhealthy
from redistopo.execute.context import ExecutionContext
from redistopo.execute.move_progress import MoveProgress
from redistopo.execute.move_slots_atomic import Transfer, move_atomically
from redistopo.execute.move_slots_windows import WindowMover
from redistopo.execute.send_setslot import SetslotSenders
from redistopo.execute.survey_slots import survey_moves
from redistopo.host.interrupts import interrupts_deferred
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.planning.move_method import (
    MoveMethod,
    method_of,
    split_atomic,
    split_windows,
    windows_of,
)
from redistopo.model.planning.slot_moves import side_by_side, slots_of
from redistopo.model.planning.slot_survey import SlotSurvey
from redistopo.model.planning.step import join_moves
from redistopo.model.protocol.conf import read_conf
from redistopo.model.protocol.engine import Engine, parse_title
from redistopo.model.state.job import SlotMove
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.progress import step
from redistopo.quick_dataclass import dataclass

REPLICA_MIGRATION = "cluster-allow-replica-migration"

_GOSSIP_SECONDS = 15.0

ANSWER_SECONDS = 75.0
"""A server replies to nothing while it copies a large key; MIGRATE itself gives up after 60 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedSlots:
    """What was moved."""

    slots: int
    keys: int
    method: str


def current_primary(seen: Observed, name: str) -> NodeSeen:
    """Return the primary of the shard that a node is in; raises Unhealthy if it doesn't reply."""
    node = next((one for one in seen.answering if one.name == name), None)
    me = node.myself if node else None
    if me is not None and me.replica:
        node = next((one for one in seen.answering if one.id == me.primary_id), None)
    if node is None or node.role is not Role.PRIMARY:
        raise Unhealthy(
            f"the primary of the shard of {name} doesn't reply: its slots can't be moved",
            hint="redistopo up",
        )
    return node


def engine_of(node: NodeSeen) -> Engine:
    """Return the engine that a server reports; raises Unhealthy if it is unknown."""
    if (found := parse_title(node.engine)) is None:
        raise Unhealthy(f"{node.name} reports no known version: {node.engine!r}")
    return found


def move_slots(
    context: ExecutionContext, moves: Sequence[SlotMove], survey: SlotSurvey | None = None
) -> MovedSlots:
    """Move slots, those of one primary after the other; `survey` is of all their slots, if one was
    made. Where servers move slots by themselves, several primaries give theirs at the same time.

    An interrupt stops between two windows, when no slot is open. Raises RedistopoError; then some
    slots have moved, and those of one window may be open: `close_slots` settles them. What comes
    afterwards has the time that was left: a time limit is for nodes, and keys take their time.
    """
    done = MovedSlots(slots=0, keys=0, method="")
    if not moves:
        return done
    left = context.deadline.left
    seen = context.observe(Detail.HEALTH)
    method = method_of(engine_of(current_primary(seen, moves[0].source)))
    with (
        Connections(context.credentials, seconds=ANSWER_SECONDS, binary=True) as client,
        SetslotSenders(client, context.credentials) as senders,
        _replica_migration_off(context, seen, moves),
    ):
        groups = side_by_side(moves, gathers=method.gathers)
        for some in groups if method.atomic else ((one,) for one in moves):
            known = survey or survey_moves(client, seen, _now_of(seen, some))
            text = join_moves(_now_of(seen, some))
            count = sum(map(len, some))
            keys = known.keys_in(slot for one in some for slot in slots_of(one.slots))
            told = MoveProgress(progress=context.progress, text=text, slots=count, keys=keys)
            mover = _Mover(context=context, client=client, senders=senders, survey=known, told=told)
            transfers = tuple(_transfer(seen, one) for one in some)
            with step(context.progress, text, detail=f"by {method}"):
                mover.move(method, transfers)
            done = MovedSlots(
                slots=done.slots + count, keys=done.keys + told.keys_done, method=method
            )
    context.deadline.leave(left)
    return done


def _now_of(seen: Observed, moves: Iterable[SlotMove]) -> tuple[SlotMove, ...]:
    """The moves between the present primaries of their shards."""
    return tuple(
        replace(
            one,
            source=current_primary(seen, one.source).name,
            target=current_primary(seen, one.target).name,
        )
        for one in moves
    )


def _transfer(seen: Observed, one: SlotMove) -> Transfer:
    source, target = (current_primary(seen, name) for name in (one.source, one.target))
    return Transfer(source=source, target=target, slots=slots_of(one.slots))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mover:
    """Moves of slots, which are surveyed, between primaries."""

    context: ExecutionContext
    client: Connections
    senders: SetslotSenders
    survey: SlotSurvey
    told: MoveProgress

    def move(self, method: MoveMethod, transfers: Sequence[Transfer]) -> None:
        if not method.atomic:
            for one in transfers:
                self._by_windows(one)
            return
        parts = [
            [replace(one, slots=some) for some in split_atomic(one.slots, self.survey)]
            for one in transfers
        ]
        for group in zip_longest(*parts):
            some = [one for one in group if one is not None]
            move_atomically(method, some, self.client, self.context.deadline)
            for one in some:
                self.told.moved_keys(self.survey.keys_in(one.slots))
                self.told.moved_slots(len(one.slots))

    def _by_windows(self, one: Transfer) -> None:
        windows = windows_of(engine_of(one.source))
        both = (one.source, one.target)
        self.senders.use(both, windows.connections if _has_replicas(one) else 1)
        mover = WindowMover(
            source=one.source,
            target=one.target,
            client=self.client,
            windows=windows,
            survey=self.survey,
            senders=self.senders,
        )
        for some in split_windows(one.slots, self.survey, windows):
            with interrupts_deferred(later=True):
                mover.move(some, self.told.moved_keys)
            self.told.moved_slots(len(some))


def _has_replicas(one: Transfer) -> bool:
    """Whether a SETSLOT has a replica to wait for, at one of the two."""
    return bool(one.source.replicas or one.target.replicas)


@contextmanager
def _replica_migration_off(
    context: ExecutionContext, seen: Observed, moves: Sequence[SlotMove]
) -> Iterator[None]:
    """While a shard gives its last slot away, keep its nodes in it: they would become replicas of
    the shard that gets the slot (cluster_legacy.c, clusterUpdateSlotsConfigWith)."""
    held = _emptied(seen, moves)
    for node in held:
        _set_replica_migration(context, node, "no")
    try:
        yield
        if held:
            _await_known(context, held)
    finally:
        restore_replica_migration(context, held)


def _await_known(context: ExecutionContext, held: Sequence[NodeSeen]) -> None:
    """Wait until these nodes know that their shard has no slots: they would leave it on learning
    that later."""
    names = {node.name for node in held}

    def look() -> bool | None:
        seen = context.observe(Detail.HEALTH)
        mine = [node for node in seen.answering if node.name in names]
        left = [
            member
            for node in mine
            if (me := node.myself)
            for member in node.members
            if member.id == (me.primary_id if me.replica else me.id) and member.slots
        ]
        return None if left else True

    with suppress(TimedOut):  # the health check tells
        wait_for(look, Deadline(min(_GOSSIP_SECONDS, context.deadline.left)))


def restore_replica_migration(context: ExecutionContext, nodes: Sequence[NodeSeen]) -> None:
    """Set what the configuration files say about the migration of replicas."""
    for node in nodes:
        path = context.plan.layout.node(node.name).config
        conf = read_conf(context.host.files.read(path) or "")
        wanted = conf.get(REPLICA_MIGRATION, ("yes",))[-1]
        try:
            _set_replica_migration(context, node, wanted)
        except RedistopoError:
            continue  # it has ended; at its start it reads its file


def _set_replica_migration(context: ExecutionContext, node: NodeSeen, value: str) -> None:
    context.send(context.plan.node(node.name), "CONFIG", "SET", REPLICA_MIGRATION, value)


def _emptied(seen: Observed, moves: Sequence[SlotMove]) -> tuple[NodeSeen, ...]:
    """The nodes of shards that keep no slot after these moves."""
    left: dict[str, int] = {}
    for one in moves:
        primary = current_primary(seen, one.source)
        me = primary.myself
        owned = sum(map(len, me.slots)) if me else 0
        left[primary.id] = left.get(primary.id, owned) - len(one)
    empty = {node_id for node_id, count in left.items() if count <= 0}
    return tuple(
        node
        for node in seen.answering
        if (me := node.myself) and (me.primary_id if me.replica else me.id) in empty
    )
