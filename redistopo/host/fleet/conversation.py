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
from pathlib import Path
from typing import IO, Any

from redistopo.errors import RedistopoError
from redistopo.host.fleet.encoding import encode
from redistopo.host.fleet.host_results import HostResults, result_of
from redistopo.host.fleet.run_ansible import (
    CONNECT_SECONDS,
    MOST_FORKS,
    SOCKET,
    require_ansible,
    start_ansible,
)
from redistopo.host.fleet.ssh_probe import SshProbes, own_command
from redistopo.host.fleet.vault import ansible_error
from redistopo.host.fleet.worker import Worker
from redistopo.model.topology.hosts import Hosts

Op = Mapping[str, Any]

Names = Collection[str]

_LAST_SECONDS = 10.0

_SLOW_SECONDS = 5.0

_FAILED_SECONDS = 8.0

_PROBED_AFTER_SECONDS = 0.5
"""A run that isn't the first is done by then."""

_HARMLESS = frozenset({"claim", "lock", "look", "facts", "read", "added", "reach"})
"""Operations that a machine may still perform after it was given up: they change no node."""

Waiting = Callable[[Sequence[str], Sequence[str]], None]
"""Called with the machines whose results are still awaited after a while, and with those that are
done."""

Missing = Callable[[str, str], None]
"""Called with a machine that doesn't reply, and with what was tried, while others are awaited."""

_ENDING: "list[subprocess.Popen[bytes]]" = []
"""Children that end by themselves, until they are reaped."""


class Ansible:
    """The conversation at hand: it is begun when there is something to do."""

    def __init__(self) -> None:
        self._talk: Conversation | None = None
        self._failed: tuple[float, RedistopoError] | None = None
        self.waiting: Waiting = lambda _left, _done: None
        self.missing: Missing = lambda _name, _why: None

    def run(
        self, hosts: Hosts, ops: Mapping[str, Sequence[Op]], seconds: float, required: Names = ()
    ) -> dict[str, HostResults]:
        """Perform the operations; see `Conversation.ask`.

        What kept Ansible from running a moment ago is raised without another start of it: each node
        that doesn't reply would start one.
        """
        if self._failed is not None and time.monotonic() - self._failed[0] < _FAILED_SECONDS:
            raise self._failed[1]
        try:
            return self._asked(hosts, ops, seconds, required)
        except RedistopoError as error:
            self._failed = time.monotonic(), error
            raise

    def _asked(
        self, hosts: Hosts, ops: Mapping[str, Sequence[Op]], seconds: float, required: Names
    ) -> dict[str, HostResults]:
        """The results, by the conversation at hand or by another."""
        if self._talk is None or not self._talk.serves(hosts, ops):
            self._end()
            names = [*(one.name for one in hosts.machines), *ops]
            self._talk = Conversation(hosts, list(dict.fromkeys(names)))
        self._talk.waiting, self._talk.missing = self.waiting, self.missing
        within = max(seconds, *(_within(some) for some in ops.values()))
        return self._talk.ask(ops, within, required)

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


class Conversation:
    """A running Ansible, for these machines of the hosts."""

    def __init__(self, hosts: Hosts, names: Sequence[str]) -> None:
        self._hosts, self._names = hosts, tuple(names)
        self._workers: dict[str, Worker] = {}
        self._found: dict[str, HostResults] = {}
        self._asked: dict[str, str] = {}
        self._whole = True
        self._probes = SshProbes()
        self.waiting: Waiting = lambda _left, _done: None
        self.missing: Missing = lambda _name, _why: None
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

    def ask(
        self, ops: Mapping[str, Sequence[Op]], seconds: float, required: Names = ()
    ) -> dict[str, HostResults]:
        """Perform the operations on all machines at once; returns each machine's results, or only
        those of some if they are harmless, and a machine that is `required` isn't reached.

        `seconds` is how long the operations themselves may take. Raises RedistopoError if Ansible
        couldn't run at all.
        """
        self._probes = SshProbes()
        probed = all(op["op"] in _HARMLESS for some in ops.values() for op in some)
        try:
            self._asked, self._found = _encoded(ops), {}
            for name in ops:
                self._request(name)
            began, told = time.monotonic(), False
            end = began + seconds + 2 * CONNECT_SECONDS
            while self._asked.keys() - self._found.keys() and time.monotonic() < end:
                if not told and time.monotonic() > began + _SLOW_SECONDS:
                    told = self._tell_waiting()
                if probed and self._is_futile(required, began):
                    return self._given_up()
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
        done = [name for name, one in self._found.items() if not one.unreachable]
        if done:
            self.waiting(left, done)
        return bool(done)

    def _probe(self) -> None:
        """Give up the machines whose SSH servers don't reply at all."""
        for name in self._asked.keys() - self._found.keys():
            worker = self._workers.get(name)
            known = own_command(self._hosts, name, os.environ)
            self._probes.begin(name, known or (worker.ssh if worker else ()))
            if why := self._probes.silent.get(name):
                self._found[name] = HostResults(unreachable=why)
                if self._asked.keys() - self._found.keys():
                    self.missing(name, why)
                if worker is not None:
                    worker.give_up()
                    self._next_turn(worker)

    def _is_futile(self, required: Names, began: float) -> bool:
        """Whether a machine that is required isn't reached."""
        if time.monotonic() > began + _PROBED_AFTER_SECONDS:
            self._probe()
        missed = (one for one in required if one in self._found)
        return any(self._found[one].unreachable or self._found[one].failed for one in missed)

    def _given_up(self) -> dict[str, HostResults]:
        """What was found by now; replies that are still to come are ignored."""
        for worker in self._workers.values():
            worker.give_up()
        return dict(self._found)

    def tell(self, ops: Mapping[str, Sequence[Op]]) -> None:
        """Have the operations performed, after those at hand; what comes of them is of no
        interest."""
        self._asked, self._found = _encoded(ops), {}
        for worker in self._workers.values():
            if worker.host in self._asked:
                worker.send(self._asked[worker.host])

    def _request(self, name: str) -> None:
        """Send what a machine is asked for, unless its worker is still at something else."""
        worker, wanted = self._workers.get(name), self._asked.keys() - self._found.keys()
        if worker is not None and name in wanted and not worker.pending:
            worker.send(self._asked[name])

    def _listen(self) -> bool:
        """Wait a moment for workers; returns whether there was anything."""
        events = self._selector.select(0.2)
        for key, _events in events:
            if isinstance(key.data, Worker):
                self._hear(key.data)
                continue
            connection, _address = key.fileobj.accept()  # type: ignore[union-attr]
            self._selector.register(connection, selectors.EVENT_READ, Worker(connection))
        return bool(events)

    def _hear(self, worker: Worker) -> None:
        lines = worker.lines()
        if lines is None:
            self._leave(worker)
            if worker.host in self._asked and worker.host not in self._found:
                self._found[worker.host] = HostResults(failed="its worker of Ansible ended")
            return
        for values in map(json.loads, lines):
            if "event" not in values:
                worker.host, worker.ssh = values["host"], values["ssh"]
                self._workers[worker.host] = worker
            elif worker.is_awaited():
                self._found[worker.host] = result_of(values)
            self._request(worker.host)
            if not worker.pending:
                self._next_turn(worker)

    def _next_turn(self, worker: Worker) -> None:
        """End a worker if other machines wait for theirs."""
        if len(self._names) > MOST_FORKS and worker.host in self._workers:
            self._leave(worker)

    def _leave(self, worker: Worker) -> None:
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
                self._found.setdefault(values["host"], result_of(values))
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


def _encoded(ops: Mapping[str, Sequence[Op]]) -> dict[str, str]:
    return {name: encode(list(each)) for name, each in ops.items()}


def _within(ops: Sequence[Op]) -> float:
    """How long these operations may take that name a time limit, `within`, of their own."""
    return float(sum(op.get("within", 0) for op in ops))
