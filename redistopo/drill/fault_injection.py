"""Fault injection: kills, freezes, shuts down or isolates processes, and undoes what it can."""

import signal
import threading
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import field
from typing import TYPE_CHECKING, Self

from redistopo.host.host import Host
from redistopo.host.local_host import LOCAL
from redistopo.host.partition import Side, cut_connections, lift_partition, refuse_partition
from redistopo.model.state.drill_fault import Fault
from redistopo.model.topology.project_paths import Layout
from redistopo.quick_dataclass import dataclass

if TYPE_CHECKING:
    from redistopo.host.fleet.fleet_network import HostPartition

_RECHECK_SECONDS = 0.02
"""How often a partition also drops connections that were opened since."""

_SIGNALS = {
    Fault.KILL: signal.SIGKILL,
    Fault.FREEZE: signal.SIGSTOP,
    Fault.SHUTDOWN: signal.SIGTERM,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultSpec:
    """Which fault to inject into which nodes.

    `closed` are the ports of each node that accept no new connection from another server while
    the victims are isolated. On other hosts, a partition ends by itself after `seconds`.
    """

    layout: Layout
    host: Host
    fault: Fault
    victims: tuple[str, ...]
    closed: Mapping[str, frozenset[int]] = field(default_factory=dict)
    seconds: float = 60.0


def partition_there(host: Host, victims: Collection[str]) -> "HostPartition | None":
    """Return the partition of the victims' host; None for nodes on this machine."""
    if host is LOCAL:
        return None
    from redistopo.host.fleet.fleet_host import FleetHost
    from redistopo.host.fleet.fleet_network import host_partition

    return host_partition(host.fleet, victims) if isinstance(host, FleetHost) else None


class FaultInjection:
    """Injects a fault inside the context, and undoes it at its end at the latest.

    `at` is the moment of the fault on the monotonic clock, `clock` the same on the wall clock,
    both in seconds, and 0 before.
    """

    def __init__(self, spec: FaultSpec) -> None:
        self.spec = spec
        self.at = 0.0
        self.clock = 0.0
        self._released = threading.Event()
        self._holder: threading.Thread | None = None
        self._there: HostPartition | None = None

    def __enter__(self) -> Self:
        """Inject nothing yet; raise MissingPrerequisite if the fault is impossible here."""
        if self.spec.fault is Fault.PARTITION:
            self._there = partition_there(self.spec.host, self.spec.victims)
            if self._there is not None:
                self._there.refuse()
            else:
                refuse_partition(self._pids().values())
        return self

    def __exit__(self, *_error: object) -> None:
        self.restore()

    def inject(self) -> None:
        """Inject the fault, into processes proven to be redistopo's own and no others."""
        spec = self.spec
        processes = spec.host.processes
        found = [(name, processes.find(spec.layout, name)) for name in spec.victims]
        self.at, self.clock = time.monotonic(), time.time()
        if number := _SIGNALS.get(spec.fault):
            for _name, process in found:
                if process is not None:
                    processes.signal(process, number)
            spec.host.flush()
        elif self._there is not None:
            self._there.cut(spec.seconds)
        elif spec.fault is Fault.PARTITION:
            self._hold()
            self._holder = threading.Thread(target=self._hold_on, daemon=True)
            self._holder.start()

    def restore(self) -> None:
        """Continue frozen processes and let packets pass again; ended processes stay ended.

        Does nothing if no fault was injected.
        """
        self._released.set()
        if self._there is not None and self.at:
            self._there.heal()
            self._there = None
        if self._holder is not None:
            self._holder.join()
            self._holder = None
            lift_partition(self._pids().values())
        if self.spec.fault is Fault.FREEZE and self.at:
            processes = self.spec.host.processes
            for name in self.spec.victims:
                if process := processes.find(self.spec.layout, name):
                    processes.signal(process, signal.SIGCONT)
            self.spec.host.flush()

    def _hold_on(self) -> None:
        while not self._released.wait(_RECHECK_SECONDS):
            with suppress(OSError):  # a server ended in the meantime; the next round notices
                self._hold()

    def _hold(self) -> None:
        sides = {
            name: Side(pid=pid, closed=self.spec.closed.get(name, frozenset()))
            for name, pid in self._pids().items()
        }
        inside = [side for name, side in sides.items() if name in self.spec.victims]
        cut_connections(
            inside, [side for name, side in sides.items() if name not in self.spec.victims]
        )

    def _pids(self) -> dict[str, int]:
        layout, processes = self.spec.layout, self.spec.host.processes
        found = {
            name: processes.find(layout, name) for name in (*self.spec.closed, *self.spec.victims)
        }
        return {name: process.pid for name, process in found.items() if process is not None}
