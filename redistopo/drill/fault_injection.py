"""The fault itself: done to processes of ours, held for as long as it must last, and let go."""

import signal
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from redistopo.host.partition import Side, hold_apart, lift_partition, refuse_partition
from redistopo.host.process import find_process, signal_process
from redistopo.model.state.fault import Fault
from redistopo.model.topology.layout import Layout

_AGAIN_SECONDS = 0.02
"""How often a partition looks for connections that were made meanwhile."""

_SIGNALS = {
    Fault.KILL: signal.SIGKILL,
    Fault.FREEZE: signal.SIGSTOP,
    Fault.SHUTDOWN: signal.SIGTERM,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultSpec:
    """What to do to which nodes; `closed` are the ports of each node at which no server may
    reach it anew while it is cut off."""

    layout: Layout
    fault: Fault
    victims: tuple[str, ...]
    closed: Mapping[str, frozenset[int]] = field(default_factory=dict)


class FaultInjection:
    """A wound inflicted inside the context, and let go at its end at the latest.

    `at` is its moment on the monotonic clock, `clock` the same on the wall's, both in seconds
    and 0 before it is struck.
    """

    def __init__(self, wound: FaultSpec) -> None:
        self.wound = wound
        self.at = 0.0
        self.clock = 0.0
        self._healed = threading.Event()
        self._holder: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Nothing is done yet; raises MissingPrerequisite where the fault can't be made here."""
        if self.wound.fault is Fault.PARTITION:
            refuse_partition(self._pids().values())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.heal()

    def strike(self) -> None:
        """It is done, to processes proven ours and to no others."""
        wound = self.wound
        found = [(name, find_process(wound.layout, name)) for name in wound.victims]
        self.at, self.clock = time.monotonic(), time.time()
        if number := _SIGNALS.get(wound.fault):
            for _name, process in found:
                if process is not None:
                    signal_process(process, number)
        elif wound.fault is Fault.PARTITION:
            self._hold()
            self._holder = threading.Thread(target=self._hold_on, daemon=True)
            self._holder.start()

    def heal(self) -> None:
        """What holds on is let go: a frozen process runs again, packets pass again. What has
        ended stays so. Harmless where nothing was done."""
        self._healed.set()
        if self._holder is not None:
            self._holder.join()
            self._holder = None
            lift_partition(self._pids().values())
        if self.wound.fault is Fault.FREEZE and self.at:
            for name in self.wound.victims:
                if process := find_process(self.wound.layout, name):
                    signal_process(process, signal.SIGCONT)

    def _hold_on(self) -> None:
        while not self._healed.wait(_AGAIN_SECONDS):
            with suppress(OSError):  # a server that ends meanwhile; the next round sees it gone
                self._hold()

    def _hold(self) -> None:
        sides = {
            name: Side(pid=pid, closed=self.wound.closed.get(name, frozenset()))
            for name, pid in self._pids().items()
        }
        inside = [side for name, side in sides.items() if name in self.wound.victims]
        hold_apart(inside, [side for name, side in sides.items() if name not in self.wound.victims])

    def _pids(self) -> dict[str, int]:
        layout = self.wound.layout
        found = {
            name: find_process(layout, name) for name in (*self.wound.closed, *self.wound.victims)
        }
        return {name: process.pid for name, process in found.items() if process is not None}
