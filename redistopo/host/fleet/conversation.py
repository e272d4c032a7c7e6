"""A conversation with one Ansible: it performs operations on the machines, run after run.

Its start takes longer than all that is done on the machines, so a command starts it once. On each
machine's behalf a worker connects to our socket (actions/redistopo_serve.py); all of them end when
the conversation does, and so if this process is killed.
"""

import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import weakref
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from redistopo.errors import RedistopoError
from redistopo.host.fleet.encoding import decode, encode
from redistopo.host.fleet.run_ansible import (
    CONNECT_SECONDS,
    MOST_FORKS,
    SOCKET,
    require_ansible,
    start_ansible,
)
from redistopo.host.fleet.vault import ansible_error
from redistopo.model.topology.hosts import Hosts
from redistopo.quick_dataclass import dataclass

Op = Mapping[str, Any]

_LAST_SECONDS = 10.0

_SLOW_SECONDS = 5.0

_FAILED_SECONDS = 8.0

Waiting = Callable[[Sequence[str], Sequence[str]], None]
"""Called with the machines whose results are still awaited after a while, and with the others."""

_ENDING: "list[subprocess.Popen[bytes]]" = []
"""Children that end by themselves, until they are reaped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostResults:
    """What came of the operations on one host: their `results`, up to the first that failed; or
    why it wasn't `unreachable`, or why the module `failed` there."""

    results: tuple[Mapping[str, Any], ...] = ()
    unreachable: str = ""
    failed: str = ""


class Ansible:
    """The conversation at hand: it is begun when there is something to do."""

    def __init__(self) -> None:
        self._talk: Conversation | None = None
        self._failed: tuple[float, RedistopoError] | None = None
        self.waiting: Waiting = lambda _left, _done: None

    def run(
        self, hosts: Hosts, ops: Mapping[str, Sequence[Op]], seconds: float
    ) -> dict[str, HostResults]:
        """Perform the operations; see `Conversation.ask`.

        What kept Ansible from running a moment ago is raised without another start of it: each node
        that doesn't reply would start one.
        """
        if self._failed is not None and time.monotonic() - self._failed[0] < _FAILED_SECONDS:
            raise self._failed[1]
        try:
            return self._asked(hosts, ops, seconds)
        except RedistopoError as error:
            self._failed = time.monotonic(), error
            raise

    def _asked(
        self, hosts: Hosts, ops: Mapping[str, Sequence[Op]], seconds: float
    ) -> dict[str, HostResults]:
        """The results, by the conversation at hand or by another."""
        if self._talk is None or not self._talk.serves(hosts, ops):
            self._end()
            names = [*(one.name for one in hosts.machines), *ops]
            self._talk = Conversation(hosts, list(dict.fromkeys(names)))
        self._talk.waiting = self.waiting
        return self._talk.ask(ops, max(seconds, *(_within(some) for some in ops.values())))

    def finish(self, hosts: Hosts, ops: Mapping[str, Sequence[Op]]) -> None:
        """Have the last operations performed, if possible without waiting for them."""
        if self._talk is not None and self._talk.serves(hosts, ops):
            self._talk.tell(ops)
        else:
            self.run(hosts, ops, _LAST_SECONDS)
        self._end()

    def _end(self) -> None:
        if self._talk is not None:
            self._talk.end()
            self._talk = None


@dataclass(slots=True, eq=False)
class _Worker:
    """The connection of a machine's worker."""

    connection: socket.socket
    host: str = ""
    _received: bytes = b""

    def lines(self) -> list[str] | None:
        """Return the lines that arrived; None if the worker ended."""
        with suppress(OSError):
            if data := self.connection.recv(1 << 16):
                *whole, self._received = (self._received + data).split(b"\n")
                return [one.decode() for one in whole]
        return None


class Conversation:
    """A running Ansible, for these machines of the hosts."""

    def __init__(self, hosts: Hosts, names: Sequence[str]) -> None:
        self._hosts, self._names = hosts, tuple(names)
        self._workers: dict[str, _Worker] = {}
        self._found: dict[str, HostResults] = {}
        self._asked: dict[str, str] = {}
        self._whole = True
        self.waiting: Waiting = lambda _left, _done: None
        require_ansible()
        self._folder = Path(tempfile.mkdtemp(prefix="redistopo-hosts."))
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  until the conversation ends
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self._folder / SOCKET))
        listener.listen(len(self._names))
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)
        self._child = start_ansible(hosts, self._names, self._folder, self._output)
        self.end = weakref.finalize(self, _end, self._selector, self._output, self._child)

    def serves(self, hosts: Hosts, names: Collection[str]) -> bool:
        """Whether it goes on, with all of its workers, and is about these machines."""
        alive = self.end.alive and self._whole and self._child.poll() is None
        return alive and self._hosts == hosts and set(names) <= set(self._names)

    def ask(self, ops: Mapping[str, Sequence[Op]], seconds: float) -> dict[str, HostResults]:
        """Perform the operations on all machines at once; returns each machine's results.

        `seconds` is how long the operations themselves may take. Raises RedistopoError if Ansible
        couldn't run at all.
        """
        self._found = {}
        try:
            self.tell(ops)
            began, told = time.monotonic(), False
            end = began + seconds + 2 * CONNECT_SECONDS
            while self._asked.keys() - self._found.keys() and time.monotonic() < end:
                if not told and time.monotonic() > began + _SLOW_SECONDS:
                    told = self._tell_waiting()
                ended = self._child.poll() is not None
                if not self._listen() and not self._read_output() and ended:
                    break
        except BaseException:
            self._kill()
            raise
        late = [name for name in ops if name not in self._found]
        printed = self._printed
        if late:
            self._kill()
        if len(self._names) > MOST_FORKS:
            self.end()
        if late and not self._found:
            raise ansible_error(
                "Ansible could not run on the hosts",
                "\n".join(printed.strip().splitlines()[-8:]),
                "to see what it does by itself: ansible -m ping with the same inventory",
            )
        missed = HostResults(unreachable=f"no result within {seconds:g} s")
        return {name: self._found.get(name, missed) for name in ops}

    def _tell_waiting(self) -> bool:
        """Report which machines are still at work, once others are done."""
        left = [name for name in self._asked if name not in self._found]
        if self._found:
            self.waiting(left, [*self._found])
        return bool(self._found)

    def tell(self, ops: Mapping[str, Sequence[Op]]) -> None:
        """Have the operations performed; what comes of them is of no interest."""
        self._asked = {name: encode(list(each)) for name, each in ops.items()}
        for name in self._asked:
            self._request(name)

    def _request(self, name: str) -> None:
        if (worker := self._workers.get(name)) is not None and name in self._asked:
            with suppress(OSError):  # it ended: `_listen` is told
                worker.connection.sendall(self._asked[name].encode() + b"\n")

    def _listen(self) -> bool:
        """Wait a moment for workers; returns whether there was anything."""
        events = self._selector.select(0.2)
        for key, _events in events:
            if isinstance(key.data, _Worker):
                self._hear(key.data)
                continue
            connection, _address = key.fileobj.accept()  # type: ignore[union-attr]
            self._selector.register(connection, selectors.EVENT_READ, _Worker(connection))
        return bool(events)

    def _hear(self, worker: _Worker) -> None:
        lines = worker.lines()
        if lines is None:
            self._leave(worker)
            if worker.host in self._asked and worker.host not in self._found:
                self._found[worker.host] = HostResults(failed="its worker of Ansible ended")
            return
        for values in map(json.loads, lines):
            if "event" in values:
                self._found[worker.host] = _result(values)
                if len(self._names) > MOST_FORKS:
                    self._leave(worker)  # the next machine has its turn
            else:
                worker.host = values["host"]
                self._workers[worker.host] = worker
                self._request(worker.host)

    def _leave(self, worker: _Worker) -> None:
        self._selector.unregister(worker.connection)
        worker.connection.close()
        self._workers.pop(worker.host, None)
        self._whole = False

    def _kill(self) -> None:
        if self._child.poll() is None:
            os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()
            shutil.rmtree(self._folder, ignore_errors=True)
        self.end()

    @property
    def _printed(self) -> str:
        """What Ansible printed; read without moving the position at which it writes."""
        size = os.fstat(self._output.fileno()).st_size
        return os.pread(self._output.fileno(), size, 0).decode(errors="replace")

    def _read_output(self) -> bool:
        """Read why workers did not start; returns whether there was anything new."""
        known = len(self._found)
        for line in self._printed.splitlines():
            values = json.loads(line) if line.startswith("{") else {}
            if values.get("host") in self._asked:
                self._found.setdefault(values["host"], _result(values))
        return len(self._found) > known


def _end(
    selector: selectors.BaseSelector, output: IO[bytes], child: "subprocess.Popen[bytes]"
) -> None:
    """Close every connection, which ends the workers, and so Ansible."""
    for key in list(selector.get_map().values()):
        key.fileobj.close()  # type: ignore[union-attr]
    selector.close()
    output.close()
    _ENDING[:] = [one for one in (*_ENDING, child) if one.poll() is None]


def _result(values: Mapping[str, str]) -> HostResults:
    match values["event"]:
        case "ok":
            return HostResults(results=tuple(decode(values["text"])))
        case "unreachable":
            return HostResults(unreachable=_plain(values["text"]))
        case _:
            return HostResults(failed=_plain(values["text"]))


def _within(ops: Sequence[Op]) -> float:
    """How long these operations may take that name a time limit, `within`, of their own."""
    return float(sum(op.get("within", 0) for op in ops))


def _plain(text: str) -> str:
    """Ansible's reason in one line, with what SSH printed and without its own preamble."""
    last = [line.strip() for line in text.splitlines() if line.strip()]
    return (" ".join(last) if len(last) <= 3 else last[-1])[:400]
