"""Moves slots with MIGRATE: a few are open at a time, and closed once their keys have moved."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

from redistopo.client.connection import Command, Connections, Reply
from redistopo.errors import BadReply
from redistopo.execute.survey_slots import pipelined
from redistopo.model.planning.move_method import Windows, batches
from redistopo.model.planning.slot_survey import Key, SlotSurvey
from redistopo.model.protocol.credentials import Credentials
from redistopo.model.state.observed import NodeSeen

_LISTED = 1000
_AT_ONCE = 4
"""MIGRATEs in a pipeline: the source serves clients between two of them."""

_PATIENCE_MS = 60_000
"""MIGRATE's own limit for a transfer; a target that ended is noticed at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowMover:
    """Moves slots from one primary to another."""

    source: NodeSeen
    target: NodeSeen
    client: Connections
    windows: Windows
    survey: SlotSurvey
    senders: "SetslotSenders"

    def move(self, slots: Sequence[int], moved: Callable[[int], None]) -> None:
        """Move the slots of one window; `moved` is called with each number of keys that moved.

        On return the source and the target agree on the owner. An error leaves slots open, with
        each key at one of the two.
        """
        self._set(self.target, [("IMPORTING", self.source.id)], slots)
        self._set(self.source, [("MIGRATING", self.target.id)], slots)
        self._empty(slots, moved)
        self._close(slots)

    def _set(self, node: NodeSeen, states: Sequence[tuple[str, ...]], slots: Sequence[int]) -> None:
        self.senders.send(
            node,
            [("CLUSTER", "SETSLOT", slot, *words) for slot in slots for words in states],
        )

    def _empty(self, slots: Sequence[int], moved: Callable[[int], None]) -> None:
        """Migrate keys until no slot has any: new ones go to the target."""
        left = list(slots)
        while left:
            asked = [("CLUSTER", "GETKEYSINSLOT", slot, _LISTED) for slot in left]
            listed = pipelined(self.client, self.source, asked)
            found = {
                slot: [key for key in keys if isinstance(key, bytes)]
                for slot, keys in zip(left, listed, strict=True)
                if isinstance(keys, list) and keys
            }
            big = frozenset(one.key for one in self.survey.big)
            work = [
                keys
                for slot, some in found.items()
                for keys in batches(some, big, self.survey.mean(slot))
            ]
            for start in range(0, len(work), _AT_ONCE):
                self._migrate(work[start : start + _AT_ONCE], moved)
            left = list(found)

    def _migrate(self, work: Sequence[Sequence[Key]], moved: Callable[[int], None]) -> None:
        """Migrate batches of keys, replacing a copy that an interrupted move left at the target:
        while the source has a key, clients use that one."""
        to, login = self.target, self.client.credentials.own
        words: list[str] = []
        if login.password:
            words = (
                ["AUTH2", login.user, login.password] if login.user else ["AUTH", login.password]
            )
        head: tuple[str | int, ...] = (
            "MIGRATE",
            to.host,
            to.port,
            "",
            0,
            _PATIENCE_MS,
            "REPLACE",
            *words,
            "KEYS",
        )
        replies = self.client.execute(self.source.endpoint, [(*head, *keys) for keys in work])
        for keys, reply in zip(work, replies, strict=True):
            if reply not in ("OK", "NOKEY"):
                raise BadReply(
                    f"{self.source.name} couldn't migrate {len(keys)} keys to {to.name}",
                    detail=str(reply),
                )
            moved(len(keys))

    def _close(self, slots: Sequence[int]) -> None:
        """Make the target the owner, first in its own table: the source would redirect clients to
        a node that doesn't have the slot yet."""
        to = ("NODE", self.target.id)
        if self.windows.quick_close and len(slots) > 2:
            # the first NODE raises the epoch, the last one announces the slots of all
            self._set(self.target, [to], slots[:1])
            self._set(self.target, [("STABLE",), to], slots[1:-1])
            self._set(self.target, [to], slots[-1:])
        else:
            self._set(self.target, [to], slots)
        self._set(self.source, [to], slots)


class SetslotSenders:
    """Sends CLUSTER SETSLOT over one connection, or over many at once."""

    def __init__(self, client: Connections, credentials: Credentials, count: int) -> None:
        self._client = client
        self._lanes = [
            Connections(credentials, seconds=client.seconds)
            for _ in range(count if count > 1 else 0)
        ]
        self._pool = ThreadPoolExecutor(count) if count > 1 else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._pool:
            self._pool.shutdown()
        for lane in self._lanes:
            lane.__exit__(None, None, None)

    def send(self, node: NodeSeen, commands: Sequence[Command]) -> None:
        """Send the commands; raises BadReply for an error."""
        if self._pool is None:
            pipelined(self._client, node, commands)
            return
        count = len(self._lanes)
        shares = [(lane, commands[place::count]) for place, lane in enumerate(self._lanes)]

        def send(share: tuple[Connections, Sequence[Command]]) -> list[Reply]:
            lane, mine = share
            return pipelined(lane, node, mine) if mine else []

        list(self._pool.map(send, shares))
