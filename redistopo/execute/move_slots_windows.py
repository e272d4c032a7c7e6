"""Moves slots with MIGRATE: a few are open at a time, and closed once their keys have moved."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from redistopo.client.connection import Command, Connections, Reply, raise_on_error
from redistopo.errors import BadReply, TimedOut
from redistopo.execute.refused_move import refused_move
from redistopo.execute.send_setslot import SetslotSenders
from redistopo.execute.survey_slots import pipelined
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.planning.move_method import Windows, batches, pipelines
from redistopo.model.planning.slot_survey import Key, SlotSurvey
from redistopo.model.protocol.replies import parse_info
from redistopo.model.protocol.resp import EMPTY_LIST, OK
from redistopo.model.state.observed import NodeSeen
from redistopo.quick_dataclass import dataclass

_LISTED = 1000
_PATIENCE_MS = 60_000
"""MIGRATE's own limit for a transfer; a target that ended is noticed at once."""
_DOWN = "CLUSTERDOWN"
_DOWN_SECONDS = 20.0
"""A primary that had no CPU for a node timeout, and so didn't hear of most others, serves no key
until 2 s after it has (cluster_legacy.c, CLUSTER_WRITABLE_DELAY)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowMover:
    """Moves slots from one primary to another."""

    source: NodeSeen
    target: NodeSeen
    client: Connections
    windows: Windows
    survey: SlotSurvey
    senders: SetslotSenders

    def move(self, slots: Sequence[int], moved: Callable[[int], None]) -> None:
        """Move the slots of one window; `moved` is called with each number of keys that moved.

        On return the source and the target agree on the owner. An error leaves slots open, with
        each key at one of the two.
        """
        self._set(self.target, [("IMPORTING", self.source.id)], slots)
        self._empty(slots, self._opened(slots), moved)
        self._close(slots)

    def _set(self, node: NodeSeen, states: Sequence[tuple[str, ...]], slots: Sequence[int]) -> None:
        self.senders.send(node, _setslot(states, slots))

    def _opened(self, slots: Sequence[int]) -> list[Reply]:
        """Open the slots at the source, and list their keys: in one pipeline, where that is what
        SETSLOT is sent over."""
        states = [("MIGRATING", self.target.id)]
        if self.windows.connections > 1:
            self._set(self.source, states, slots)
            return pipelined(self.client, self.source, _listing(slots))
        both = [*_setslot(states, slots), *_listing(slots)]
        empty = not any(self.survey.keys.get(slot) for slot in slots)
        usual = [*[OK] * len(slots), *[EMPTY_LIST] * len(slots)] if empty else ()
        return pipelined(self.client, self.source, both, usual)[len(slots) :]

    def _empty(
        self, slots: Sequence[int], listed: Sequence[Reply], moved: Callable[[int], None]
    ) -> None:
        """Migrate keys until no slot has any: new ones go to the target. What a server that serves
        no client refuses is listed and sent again."""
        ends = Deadline(_DOWN_SECONDS)
        while found := _keys_of(slots, listed):
            slots = list(found)
            try:
                listed = self._migrate_all(found, moved)
            except BadReply as error:
                if _DOWN not in error.detail or ends.over:
                    raise
                self._await_serving(ends)
                listed = pipelined(self.client, self.source, _listing(slots))

    def _migrate_all(
        self, found: Mapping[int, Sequence[Key]], moved: Callable[[int], None]
    ) -> list[Reply]:
        """Migrate these keys, and list what their slots have then."""
        big = self.survey.big_keys
        work = [
            keys
            for slot, some in found.items()
            for keys in batches(some, big, self.survey.mean(slot))
        ]
        groups = list(pipelines(work, big))
        listed: list[Reply] = []
        for number, some in enumerate(groups, 1):
            listed = self._migrate(some, _listing([*found] if number == len(groups) else ()))
            moved(sum(map(len, some)))
        return listed

    def _await_serving(self, ends: Deadline) -> None:
        """Wait until the source and the target serve clients; the next MIGRATE tells if not."""

        def look() -> bool | None:
            for node in (self.source, self.target):
                reply = self.client.execute(node.endpoint, [("CLUSTER", "INFO")])[0]
                text = reply.decode() if isinstance(reply, bytes) else str(reply)
                if parse_info(text).get("cluster_state") != "ok":
                    return None
            return True

        with suppress(TimedOut):
            wait_for(look, ends, pause=0.02)

    def _migrate(self, work: Sequence[Sequence[Key]], after: Sequence[Command]) -> list[Reply]:
        """Migrate batches of keys, replacing a copy that an interrupted move left at the target:
        while the source has a key, clients use that one. Return the replies to the commands after
        them, in the same pipeline."""
        to, login = self.target, self.client.credentials.own
        words: list[str] = []
        if login.password:
            user = [login.user] if login.user else []
            words = ["AUTH2" if user else "AUTH", *user, login.password]
        head: tuple[str | int, ...] = ("MIGRATE", to.host, to.port, "", 0, _PATIENCE_MS, "REPLACE")
        sent = [(*head, *words, "KEYS", *keys) for keys in work]
        replies = self.client.execute(self.source.endpoint, [*sent, *after])
        for keys, reply in zip(work, replies, strict=False):
            if reply not in ("OK", "NOKEY"):
                failed = f"{self.source.name} couldn't migrate {len(keys)} keys to {to.name}"
                raise refused_move(failed, str(reply))
        found = replies[len(work) :]
        for one in found:
            raise_on_error(one, f"{self.source.name}: CLUSTER GETKEYSINSLOT")
        return found

    def _close(self, slots: Sequence[int]) -> None:
        """Make the target the owner, first in its own table: the source would redirect clients to
        a node that doesn't have the slot yet."""
        to = ("NODE", self.target.id)
        if self.windows.quick_close and len(slots) > 2:
            # the first NODE raises the epoch, the last one announces the slots of all
            middle = _setslot([("STABLE",), to], slots[1:-1])
            ends = _setslot([to], (slots[0], slots[-1]))
            self.senders.send(self.target, [ends[0], *middle, ends[1]])
        else:
            self._set(self.target, [to], slots)
        self._set(self.source, [to], slots)


def _setslot(states: Sequence[tuple[str, ...]], slots: Sequence[int]) -> list[Command]:
    return [("CLUSTER", "SETSLOT", slot, *words) for slot in slots for words in states]


def _listing(slots: Sequence[int]) -> list[Command]:
    return [("CLUSTER", "GETKEYSINSLOT", slot, _LISTED) for slot in slots]


def _keys_of(slots: Sequence[int], listed: Sequence[Reply]) -> dict[int, list[Key]]:
    """Slot -> its keys; without slots that have none."""
    return {
        slot: [key for key in keys if isinstance(key, bytes)]
        for slot, keys in zip(slots, listed, strict=True)
        if isinstance(keys, list) and keys
    }
