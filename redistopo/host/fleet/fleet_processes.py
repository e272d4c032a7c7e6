"""Servers of a topology over several hosts: started, found, signalled and awaited there."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from signal import Signals
from typing import Any

from redistopo.errors import TimedOut
from redistopo.host.fleet.fleet import Fleet
from redistopo.host.fleet.seen import RemoteProcess, process_seen
from redistopo.host.fleet.units import not_at_boot, unit_of
from redistopo.host.host import Process, Program, Slow, Trial, TrialOutput
from redistopo.host.local_host import LOCAL
from redistopo.host.polling import Deadline, wait_for
from redistopo.host.process_marks import load_process_mark, remove_process_mark
from redistopo.host.server_log import LOG_MARK
from redistopo.model.topology.project_paths import Layout, NodeFolder

_EARLY_EXIT_SECONDS = 0.1
_CHECK_SECONDS = 3.0
"""How often a server that is silent after its start is looked at."""


class StartedServer:
    """A server that this run starts: at the latest when its pid is asked for."""

    def __init__(self, fleet: Fleet, node: str) -> None:
        self._fleet = fleet
        self.node = node
        self._process: RemoteProcess | None = None
        self._exit: int | None = None
        self._checked = time.monotonic()

    @property
    def process(self) -> RemoteProcess:
        """The process on its machine."""
        if self._process is None:
            self._fleet.flush()
        if self._process is None:  # an earlier operation failed, which was reported
            return RemoteProcess(node=self.node, pid=0, started=0.0, boot="")
        return self._process

    @property
    def pid(self) -> int:
        return self.process.pid

    def keep(self, result: Mapping[str, Any]) -> None:
        """Keep what the module reported of the start."""
        self._process = process_seen(self.node, result)
        self._exit = result["exit"]
        self._checked = time.monotonic()
        self._fleet.record(self._process)
        if (known := self._fleet.known(self.node)) is not None and self._exit is None:
            known.process, known.taken = self._process, {}
        else:
            self._fleet.outdated(self.node)

    def poll(self) -> int | None:
        """Return its exit code, 1 if it ended later than right after its start; None while it
        runs. A server that is silent is looked at every few seconds."""
        _ = self.process
        late = time.monotonic() - self._checked > _CHECK_SECONDS
        if self._exit is None and late and not self._fleet.answers(self.node):
            self._checked = time.monotonic()
            if self._fleet.seen_lately(self.node).process is None:
                self._exit = 1
        return self._exit


class FleetProcesses:
    """Processes by node; each operation is performed on the node's machine."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def start(
        self, layout: Layout, node: str, executable: str, settings: Mapping[str, str]
    ) -> StartedServer:
        _ = settings  # they would become part of the node's unit
        fleet, folder = self._fleet, layout.node(node)
        self._send_tls(layout, folder, node)
        argv = [executable, fleet.remote(node, folder.config.name)]
        started = StartedServer(fleet, node)
        fleet.queue(
            node,
            {
                "op": "start",
                "node": node,
                "folder": fleet.remote(node),
                "log": fleet.remote(node, folder.log.name),
                "argv": [*argv, *(["--sentinel"] if folder.sentinel else [])],
                "note": LOG_MARK,
                "watch": _EARLY_EXIT_SECONDS,
                "unit": unit_of(fleet, layout, node),
            },
            started.keep,
        )
        return started

    def _send_tls(self, layout: Layout, folder: NodeFolder, node: str) -> None:
        """Send the node's certificate and the CA's; the CA's key never leaves this machine."""
        if "tls-cert-file" not in (LOCAL.files.read(folder.config) or ""):
            return
        self._fleet.send(node, (layout.tls.ca, layout.tls.node(node)))

    def find(self, layout: Layout, node: str) -> Process | None:
        if self._fleet.place_of(node) is None:
            return None
        known = self._fleet.known(node)
        if known is None and self._fleet.queued:
            return self._fleet.seen(node).process
        answers = self._fleet.answers(node)
        if answers and known is None and (marked := self._marked(layout, node)) is not None:
            return marked
        if answers and known is not None:
            if known.process and not known.process.paused:
                return known.process
            if not known.taken:  # else another program may reply at one of its ports
                self._fleet.outdated(node)
        return self._fleet.seen_lately(node).process

    def _marked(self, layout: Layout, node: str) -> RemoteProcess | None:
        """The recorded process, which a server that replies at the node's address is: then nothing
        needs to be looked up on its machine."""
        mark = load_process_mark(layout.node(node).process)
        if mark is None or not mark.pid:
            return None
        return RemoteProcess(node=node, pid=mark.pid, started=mark.started, boot=mark.boot)

    def server_of_script(self, _layout: Layout, _node: str) -> Process | None:
        return None

    def adopt(self, layout: Layout, node: str) -> None:
        """Nothing: what is seen on a machine is recorded as it is seen."""

    def is_paused(self, process: Process) -> bool:
        one = _remote(process)
        known = self._fleet.known(one.node)
        if known is None:
            if not self._fleet.queued and self._fleet.answers(one.node):
                return False
            known = self._fleet.seen(one.node)
        return known.process is not None and known.process.paused

    def lost_folder(self, process: Process) -> bool:
        return _remote(process).lost

    def signal(self, process: Process, number: Signals) -> None:
        one = _remote(process)
        values = {"pid": one.pid, "started": one.started, "boot": one.boot}
        self._fleet.queue(one.node, {"op": "signal", "number": int(number), **values})
        self._fleet.outdated(one.node)

    def await_end(self, processes: Sequence[Process], deadline: Deadline) -> Sequence[Process]:
        """Wait as long as servers reply, without a look at their machines; then there."""
        mine = {_remote(one): one for one in processes}
        if not self._fleet.queued:
            mine = self._await_silence(mine, deadline)
        left = set()
        for process in mine:
            values = (process.pid, process.started, process.boot)
            wait = {"op": "await", "processes": [values], "seconds": max(deadline.left, 0.5)}

            def keep(result: Mapping[str, Any], one: RemoteProcess = process) -> None:
                left.update([one] if result["left"] else [])

            self._fleet.queue(process.node, wait, keep)
            self._fleet.outdated(process.node)
        self._fleet.look_again()
        ended = mine.keys() - left
        return [one for one in processes if _remote(one) not in ended]

    def _await_silence(
        self, mine: dict[RemoteProcess, Process], deadline: Deadline
    ) -> dict[RemoteProcess, Process]:
        """The processes that don't reply any more at the deadline, or before it all of them."""
        with suppress(TimedOut):
            wait_for(
                lambda: None if any(self._fleet.answers(one.node) for one in mine) else True,
                deadline,
            )
        return {one: process for one, process in mine.items() if not self._fleet.answers(one.node)}

    def forget(self, layout: Layout, node: str) -> None:
        with suppress(FileNotFoundError):
            remove_process_mark(layout, node)
        not_at_boot(self._fleet, node)

    def tried(self, trials: Mapping[str, Trial]) -> Mapping[str, TrialOutput]:
        found: dict[str, TrialOutput] = {}
        for name, one in trials.items():
            op = {"op": "try", "argv": [*one.argv], "text": one.text, "needs": [*one.needs]}

            def keep(result: Mapping[str, Any], node: str = name) -> None:
                found[node] = TrialOutput(printed=result["printed"], missing=result["missing"])

            self._fleet.queue(name, op, keep)
        self._fleet.flush()
        return found

    def run(self, program: Program, deadline: Deadline, slow: Slow) -> int:
        """Run it here: redis-cli reaches all nodes by the network."""
        return LOCAL.processes.run(program, deadline, slow)


def _remote(process: Process) -> RemoteProcess:
    """The process on its machine, also of a server that was just started."""
    if isinstance(process, StartedServer):
        return process.process
    if not isinstance(process, RemoteProcess):
        raise TypeError(f"{process!r} is not a process of another host")
    return process
