"""The probe of a drill: small writes and reads at every affected node, in a process of its own.

The clients of the load share one interpreter with everything else that a drill does, and their
library takes its time to find a new primary. Neither belongs to the downtime of the service. The
probe asks each node by itself, so it knows to some milliseconds when one of them served.
"""

import json
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, field
from threading import Event, Thread
from typing import Any

from redistopo.client.app_entry_point import EXPIRY_SECONDS, LoadRequest
from redistopo.client.reply_limits import Limits
from redistopo.client.server_connection import Connection
from redistopo.drill.load_result import OperationKind, ServedSpan
from redistopo.errors import TimedOut
from redistopo.host.polling import Deadline
from redistopo.host.python_child import PythonChild
from redistopo.model.protocol.credentials import Login, TlsFiles
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.resp import ErrorReply
from redistopo.quick_dataclass import dataclass

_INTERVAL_SECONDS = 0.01
_REPLY_SECONDS = 0.25
_WAIT_MILLISECONDS = 200
"""Below _REPLY_SECONDS, so that WAIT itself reports missing replicas."""

_END_SECONDS = 5.0


class ServiceProbe:
    """The probe as its drill sees it: started, and ended for what it saw."""

    def __init__(self, request: LoadRequest, keys: Mapping[int, str]) -> None:
        access = request.way.data_access()
        order = {
            "login": {"password": access.password, "user": access.user},
            "tls": asdict(access.tls) if access.tls else None,
            "replicas": request.wait_replicas,
            "nodes": [
                [shard, *endpoint, keys[shard]]
                for shard in sorted(request.hurt)
                for endpoint in request.nodes.get(shard, ())
            ],
        }
        self._child = PythonChild("redistopo.drill.service_probe", json.dumps(order))

    def ready(self, deadline: Deadline) -> bool:
        """Wait until it probes; return False if it doesn't in time."""
        return self._child.ready(deadline)

    def finish(self) -> tuple[ServedSpan, ...]:
        """End it; return when nodes served, nothing if it broke down."""
        try:
            lines = self._child.finish(Deadline(_END_SECONDS)).splitlines()
            return tuple(
                ServedSpan(**{**one, "kind": OperationKind(one["kind"])})
                for one in json.loads(lines[-1])
            )
        except (TimedOut, ValueError, IndexError, TypeError):
            return ()


@dataclass(slots=True)
class _Track:
    """When one node served one kind of operation."""

    shard: int
    kind: OperationKind
    spans: list[ServedSpan] = field(default_factory=list)
    _failing_until: float = 0.0
    _serving: bool = False

    def note(self, sent: float, ended: float, *, good: bool, silent: bool) -> None:
        """Note one attempt; `silent`: it got no reply in all of its time."""
        last = self.spans[-1] if self._serving else None
        if good and last is not None and sent - last.end <= _REPLY_SECONDS:
            last.sent, last.end = sent, ended
            return
        if last is not None:
            last.latest = sent if good or silent else ended
            if good:  # the probe itself stood still
                self._failing_until = last.end
        self._serving = good
        if good:
            self.spans.append(
                ServedSpan(
                    shard=self.shard,
                    kind=self.kind,
                    earliest=min(sent, self._failing_until or sent),
                    begin=ended,
                    sent=sent,
                    end=ended,
                    latest=ended,
                )
            )
        else:
            self._failing_until = ended if silent else sent

    def close(self, now: float) -> None:
        """Note that nobody asks any more: a node that served may do so until now."""
        if self._serving:
            self.spans[-1].latest = now


class _NodeProbe(Thread):
    """Asks one node, again and again."""

    def __init__(
        self, shard: int, client: tuple[Endpoint, Login], commands: list[Any], stopping: Event
    ) -> None:
        super().__init__(daemon=True)
        (self._endpoint, self._access), self._commands = client, commands
        self._connection: Connection | None = None
        self._stopping = stopping
        self.tracks = (_Track(shard, OperationKind.WRITE), _Track(shard, OperationKind.READ))
        self.asked = Event()

    def run(self) -> None:
        """Ask until the end."""
        while not self._stopping.wait(_INTERVAL_SECONDS):
            sent = time.monotonic()
            served, silent = (False, False), False
            try:
                served = self._ask()
            except (ErrorReply, OSError) as error:
                silent = isinstance(error, TimeoutError)
                self._reconnect()
            ended = time.monotonic()
            for track, good in zip(self.tracks, served, strict=True):
                track.note(sent, ended, good=good, silent=silent)
            self.asked.set()

    def _ask(self) -> tuple[bool, bool]:
        """Return whether the node acknowledged a write, and whether it served a read."""
        if self._connection is None:
            self._connection = Connection(
                self._endpoint,
                self._access,
                limits=Limits(connect=_REPLY_SECONDS, answer=_REPLY_SECONDS),
            )
            self._connection.connect()
        connection = self._connection
        connection.send(self._commands)
        replies = [connection.read() for _ in self._commands]
        write, *wait, read = replies
        enough = not wait or (isinstance(wait[0], int) and wait[0] >= self._commands[1][1])
        # a replica answers reads, too, but clients don't send it any
        replica = isinstance(write, ErrorReply) and write.code == "READONLY"
        return write == "OK" and enough, not isinstance(read, Exception) and not replica

    def _reconnect(self) -> None:
        """Drop a connection that broke, or whose next reply would be an old one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _probes(order: Mapping[str, Any], stopping: Event) -> Iterable[_NodeProbe]:
    tls = TlsFiles(**order["tls"]) if order["tls"] else None
    access = Login(**order["login"], tls=tls)
    for shard, host, port, key in order["nodes"]:
        commands: list[Any] = [("SET", key, "1", "EX", EXPIRY_SECONDS)]
        if order["replicas"]:
            commands.append(("WAIT", order["replicas"], _WAIT_MILLISECONDS))
        commands.append(("GET", key))
        yield _NodeProbe(shard, (Endpoint(host, port), access), commands, stopping)


def main() -> None:
    """Probe what the first line of the input says, until the input ends; print what was seen."""
    stopping = Event()
    probes = list(_probes(json.loads(sys.stdin.readline()), stopping))
    for probe in probes:
        probe.start()
    for probe in probes:
        probe.asked.wait()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    with suppress(OSError):
        sys.stdin.read()
    stopping.set()
    for probe in probes:
        probe.join(2 * _REPLY_SECONDS)
        for track in probe.tracks:
            track.close(time.monotonic())
    spans = [asdict(one) for probe in probes for track in probe.tracks for one in track.spans]
    sys.stdout.write(json.dumps(spans) + "\n")
