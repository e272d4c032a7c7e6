"""Polls servers and subscribes to Sentinels during a fault, so that no change is missed."""

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Self

from redistopo.client.connection import Command, Connections
from redistopo.client.sentinel_events import listen
from redistopo.drill.drill_report import TimelineKind
from redistopo.drill.sentinel_messages import CHANNELS, parse_sentinel_message
from redistopo.drill.server_log_events import LogEvent
from redistopo.errors import AccessDenied, BadReply, Unreachable
from redistopo.model.protocol.credentials import Credentials
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.replies import ClusterNodesLine, parse_info, parse_nodes
from redistopo.quick_dataclass import dataclass

_PAUSE_SECONDS = 0.02
_ANSWER_SECONDS = 1.0
_JOIN_SECONDS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedServers:
    """The servers to poll: `names` maps node ids and addresses to names, `victims` are the nodes
    whose state they report. `sentinels` are not polled but subscribed to."""

    observers: Mapping[str, Endpoint]
    sentinels: Mapping[str, Endpoint]
    names: Mapping[str, str]
    victims: frozenset[str]
    clustered: bool


class Observers:
    """Polls each server in its own thread while the context lasts, and keeps the changes seen.

    Times are on the monotonic clock.
    """

    def __init__(self, servers: ObservedServers, credentials: Credentials) -> None:
        self._servers = servers
        self._credentials = credentials
        self._changes: list[tuple[str, LogEvent]] = []
        self._sentinel_events: list[tuple[str, LogEvent]] = []
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._poll, args=(name, endpoint), daemon=True)
            for name, endpoint in servers.observers.items()
        ]
        self._threads += [
            threading.Thread(target=self._listen, args=(name, endpoint), daemon=True)
            for name, endpoint in servers.sentinels.items()
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(_JOIN_SECONDS)

    @property
    def changes(self) -> tuple[tuple[str, LogEvent], ...]:
        """Return the changes seen so far: which server reported it, and what."""
        return tuple(self._changes)

    @property
    def sentinel_events(self) -> tuple[tuple[str, LogEvent], ...]:
        """Return what Sentinels published, with the time at which they did."""
        return tuple(self._sentinel_events)

    def _listen(self, name: str, endpoint: Endpoint) -> None:
        def receive(channel: str, message: str, at: float) -> None:
            if event := parse_sentinel_message(channel, message, self._servers.names, at):
                self._sentinel_events.append((name, event))

        listen(endpoint, self._credentials.login_to(endpoint), CHANNELS, receive, self._ended)

    def _poll(self, name: str, endpoint: Endpoint) -> None:
        commands: list[Command] = [("INFO", "replication")]
        if self._servers.clustered:
            commands += [("CLUSTER", "INFO"), ("CLUSTER", "NODES")]
        before: dict[str, str] = {}
        with Connections(self._credentials, seconds=_ANSWER_SECONDS) as client:
            while not self._ended.wait(_PAUSE_SECONDS):
                # a server that does not reply is polled again; whether clients are served
                # is measured by the load
                with suppress(Unreachable, AccessDenied, BadReply):
                    replies = client.execute(endpoint, commands)
                    now = self._state([str(reply) for reply in replies])
                    self._note(name, before, now)
                    before = now

    def _state(self, replies: list[str]) -> dict[str, str]:
        """Return the relevant parts of a server's replies, by subject."""
        state = {"role": parse_info(replies[0]).get("role", "")}
        if self._servers.clustered:
            state["cluster"] = parse_info(replies[1]).get("cluster_state", "")
            for member in parse_nodes(replies[2]):
                if (name := self._servers.names.get(member.id, "")) in self._servers.victims:
                    state[f"sees {name}"] = _mark(member)
        return state

    def _note(self, name: str, before: dict[str, str], now: dict[str, str]) -> None:
        at = time.monotonic()
        for subject, value in now.items():
            if not before or before.get(subject) == value:
                continue
            event = _event(subject, value, at)
            if event is not None:
                self._changes.append((name, event))


def _mark(member: ClusterNodesLine) -> str:
    return "fail" if "fail" in member.flags else "fail?" if "fail?" in member.flags else ""


def _event(subject: str, value: str, at: float) -> LogEvent | None:
    if subject == "role" and value == "master":
        return LogEvent(at=at, kind=TimelineKind.PROMOTED, text="reports role primary")
    if subject == "role":
        return LogEvent(at=at, kind=TimelineKind.REPAIRED, text="reports role replica")
    if subject == "cluster":
        return LogEvent(at=at, kind=TimelineKind.NOTE, text=f"reports cluster_state:{value}")
    peer = subject.removeprefix("sees ")
    kind, text = {
        "fail?": (TimelineKind.SUSPECTED, f"flags {peer} as possibly failing (PFAIL)"),
        "fail": (TimelineKind.FAILED, f"flags {peer} as failing (FAIL)"),
    }.get(value, (TimelineKind.REPAIRED, f"no longer flags {peer} as failing"))
    return LogEvent(at=at, kind=kind, text=text, about=peer)
