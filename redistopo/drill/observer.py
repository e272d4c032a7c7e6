"""Servers asked again and again what they see, so that no moment of a failover is missed."""

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from redistopo.client.connection import Command, NodeClient
from redistopo.client.sentinel_events import listen
from redistopo.drill.report import TimelineKind
from redistopo.drill.sentinel_messages import CHANNELS, heard
from redistopo.drill.server_log_events import LogEvent
from redistopo.errors import AccessDenied, BadReply, Unreachable
from redistopo.model.protocol.credentials import Credentials
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.replies import ClusterNodesLine, parse_info, parse_nodes

_PAUSE_SECONDS = 0.02
_ANSWER_SECONDS = 1.0
_JOIN_SECONDS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """Whom to ask, and about whom: `names` maps node ids and addresses to names, `about` are
    those hurt. `sentinels` aren't asked but heard."""

    witnesses: Mapping[str, Endpoint]
    sentinels: Mapping[str, Endpoint]
    names: Mapping[str, str]
    about: frozenset[str]
    clustered: bool


class Witnesses:
    """Threads that ask, one for each witness, while the context lasts; seen changes are kept.

    What they tell bears moments of the monotonic clock.
    """

    def __init__(self, watched: Watched, credentials: Credentials) -> None:
        self._watched = watched
        self._keys = credentials
        self._told: list[tuple[str, LogEvent]] = []
        self._heard: list[tuple[str, LogEvent]] = []
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._watch, args=(name, endpoint), daemon=True)
            for name, endpoint in watched.witnesses.items()
        ]
        self._threads += [
            threading.Thread(target=self._hear, args=(name, endpoint), daemon=True)
            for name, endpoint in watched.sentinels.items()
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(_JOIN_SECONDS)

    @property
    def told(self) -> tuple[tuple[str, LogEvent], ...]:
        """What was seen so far: who saw it, and what."""
        return tuple(self._told)

    @property
    def heard(self) -> tuple[tuple[str, LogEvent], ...]:
        """What Sentinels published, at the moment at which they did."""
        return tuple(self._heard)

    def _hear(self, name: str, endpoint: Endpoint) -> None:
        def hear(channel: str, message: str, at: float) -> None:
            if told := heard(channel, message, self._watched.names, at):
                self._heard.append((name, told))

        listen(endpoint, self._keys.at(endpoint), CHANNELS, hear, self._over)

    def _watch(self, name: str, endpoint: Endpoint) -> None:
        commands: list[Command] = [("INFO", "replication")]
        if self._watched.clustered:
            commands += [("CLUSTER", "INFO"), ("CLUSTER", "NODES")]
        before: dict[str, str] = {}
        with NodeClient(self._keys, seconds=_ANSWER_SECONDS) as client:
            while not self._over.wait(_PAUSE_SECONDS):
                # who doesn't answer for a moment is asked again; what its silence means for
                # users is the clients' to tell
                with suppress(Unreachable, AccessDenied, BadReply):
                    replies = client.ask(endpoint, commands)
                    now = self._state([str(reply) for reply in replies])
                    self._note(name, before, now)
                    before = now

    def _state(self, replies: list[str]) -> dict[str, str]:
        """What matters of its answers, by subject."""
        state = {"role": parse_info(replies[0]).get("role", "")}
        if self._watched.clustered:
            state["cluster"] = parse_info(replies[1]).get("cluster_state", "")
            for member in parse_nodes(replies[2]):
                if (name := self._watched.names.get(member.id, "")) in self._watched.about:
                    state[f"sees {name}"] = _mark(member)
        return state

    def _note(self, name: str, before: dict[str, str], now: dict[str, str]) -> None:
        at = time.monotonic()
        for subject, value in now.items():
            if not before or before.get(subject) == value:
                continue
            told = _meaning(subject, value, at)
            if told is not None:
                self._told.append((name, told))


def _mark(member: ClusterNodesLine) -> str:
    return "fail" if "fail" in member.flags else "fail?" if "fail?" in member.flags else ""


def _meaning(subject: str, value: str, at: float) -> LogEvent | None:
    if subject == "role" and value == "master":
        return LogEvent(at=at, kind=TimelineKind.PROMOTED, text="says that it is primary")
    if subject == "role":
        return LogEvent(at=at, kind=TimelineKind.MENDED, text="says that it is a replica")
    if subject == "cluster":
        return LogEvent(at=at, kind=TimelineKind.NOTE, text=f"says cluster_state:{value}")
    who = subject.removeprefix("sees ")
    if value == "fail?":
        return LogEvent(
            at=at, kind=TimelineKind.SUSPECTED, text=f"suspects {who} (PFAIL)", about=who
        )
    if value == "fail":
        return LogEvent(
            at=at, kind=TimelineKind.FAILED, text=f"sees {who} failing (FAIL)", about=who
        )
    return LogEvent(at=at, kind=TimelineKind.MENDED, text=f"sees {who} well again", about=who)
