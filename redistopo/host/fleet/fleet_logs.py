"""Logs of nodes on other machines: copied here as they grow, and removed at the end."""

import base64
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from redistopo.host.fleet.conversation import Op
from redistopo.host.fleet.fleet import Fleet
from redistopo.host.fleet.host_results import HostResults
from redistopo.host.fleet.refusals import unreachable
from redistopo.host.log_files import Names
from redistopo.quick_dataclass import dataclass

_MOST_BYTES = 1 << 20
"""Of each log and look: what is older, or more, isn't shown."""


@dataclass(slots=True, kw_only=True)
class _Copy:
    """A copy of a log, as far as it was read there: the file's inode, and its position."""

    path: Path
    inode: int = 0
    at: int = 0


class FleetLogs:
    """Each look is one run on all machines; a machine with nothing new waits for it. `missed` maps
    machines that weren't reached to the reason."""

    def __init__(self, fleet: Fleet, names: Names) -> None:
        self._fleet = fleet
        self._names = names
        self._folder = tempfile.TemporaryDirectory(prefix="redistopo-logs.")
        self._copies: dict[str, _Copy] = {}
        self.missed: Mapping[str, str] = {}

    def paths(self, wait: float) -> Mapping[str, Path]:
        """Copy what was written since the last call, for which it waits, and return the copies.

        Raises Unreachable if no machine is reached.
        """
        by_machine: dict[str, list[str]] = {}
        for name in self._names():
            if (place := self._fleet.place_of(name)) is not None:
                by_machine.setdefault(place.machine, []).append(name)
        ops = {machine: self._op(names, wait) for machine, names in by_machine.items()}
        results, self.missed = self._fleet.ask(ops) if ops else ({}, {})
        for machine, result in results.items():
            self._keep(by_machine[machine], result)
        if ops and len(self.missed) == len(ops):
            machine, why = next(iter(self.missed.items()))
            raise unreachable(self._fleet.file.hosts, machine, HostResults(unreachable=why))
        return {name: one.path for name, one in self._copies.items() if one.path.exists()}

    def _op(self, names: list[str], wait: float) -> Op:
        logs = []
        for name in names:
            path = Path(self._folder.name) / f"{name}.log"
            one = self._copies.setdefault(name, _Copy(path=path))
            log = self._fleet.layout.node(name).log.name
            logs.append([self._fleet.remote(name, log), one.inode, one.at])
        return {"op": "added", "logs": logs, "most": _MOST_BYTES, "wait": wait, "may_fail": True}

    def _keep(self, names: list[str], result: Mapping[str, Any]) -> None:
        for name, (inode, at, text) in zip(names, result.get("logs", ()), strict=False):
            one, data = self._copies[name], base64.b64decode(text)
            if one.inode not in (0, inode) or at < one.at:  # another file, or it was truncated
                one.path.unlink(missing_ok=True)
            if data:
                with one.path.open("ab") as file:
                    file.write(data)
            one.inode, one.at = inode, at
