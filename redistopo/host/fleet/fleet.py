"""The machines of one topology: operations are queued, and performed on all of them at once."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import RLock
from typing import Any

from redistopo.errors import RedistopoError
from redistopo.host.fleet.controller_lock import ControllerLock
from redistopo.host.fleet.conversation import Ansible, Op
from redistopo.host.fleet.fleet_file import FleetFile, Place
from redistopo.host.fleet.host_results import HostResults
from redistopo.host.fleet.node_snapshot import NodeSnapshot
from redistopo.host.fleet.own_copies import OwnCopies
from redistopo.host.fleet.refusals import refusal, unreachable
from redistopo.host.fleet.seen import NodeSeen, RemoteProcess
from redistopo.host.fleet.units import UnitText, units_on
from redistopo.host.fleet.unreached import Unreached
from redistopo.host.local_host import LOCAL
from redistopo.host.tcp import answers
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.topology.hosts import Hosts
from redistopo.model.topology.project_paths import Layout

Then = Callable[[Mapping[str, Any]], None]
"""Called with the result of a queued operation."""

Work = list[tuple[Op, Then | None]]
"""Operations on one machine, in order."""

_OP_SECONDS = 60.0


class Fleet:
    """What is known of the machines, and what is still to be done there."""

    def __init__(self, layout: Layout, file: FleetFile) -> None:
        self.layout = layout
        self.file = file
        self.copies = OwnCopies(layout)
        self.unit_text: UnitText | None = None
        self.left_out: Callable[[RedistopoError], None] = lambda _error: None
        self._unreached = Unreached(layout)
        self._queue: dict[str, Work] = {}
        self._seen = NodeSnapshot(layout, self.copies)
        self._lock = ControllerLock(layout)
        self.ansible = Ansible()
        self._mutex = RLock()
        self._took, self._looked = 0.0, 0.0
        self._missed: dict[str, RedistopoError] = {}

    @property
    def base(self) -> str:
        """The topology's folder on every machine."""
        return self.file.base

    def place_of(self, node: str) -> Place | None:
        """Return where a node is; None if it isn't known."""
        return self.file.places.get(node)

    def place(self, hosts: Hosts, places: Mapping[str, Place]) -> None:
        """Use these machines and places from now on; former nodes keep theirs, unless their machine
        is not one of these any more."""
        known = {one.name for one in hosts.machines}
        every = {**self.file.places, **places}
        for name in (one for one in places if places[one] != self.file.places.get(one)):
            self.outdated(name)
        kept = {name: one for name, one in every.items() if one.machine in known}
        self.file = replace(self.file, hosts=hosts, places=kept)

    def located(self, path: Path) -> tuple[str, str] | None:
        """Return the node and the name in its folder of a path of ours, "" for the folder itself;
        None for a path that isn't on a host."""
        try:
            node, *below = path.relative_to(self.layout.nodes).parts
        except ValueError:
            return None
        return (node, "/".join(below)) if node in self.file.places else None

    def remote(self, node: str, name: str = "") -> str:
        """Return the path on its machine of a file in a node's folder."""
        return f"{self.base}/nodes/{node}" + (f"/{name}" if name else "")

    def there(self, path: Path) -> str:
        """Return the path on its machine of a file below the state folder."""
        return f"{self.base}/{path.relative_to(self.layout.state)}"

    def claim(self, verb: str, *, partly: bool = False) -> None:
        """Lock the machines with the next operation there, for that verb; what was seen before
        doesn't count any more. With `partly`, those that aren't reached are left out."""
        self._lock.claim(verb, partly=partly)
        self._seen.clear()
        self._missed.clear()

    def reach(self) -> None:
        """Lock the machines at once, if the next operation would lock them."""
        with self._mutex:
            if self._lock.due:
                self._perform({})

    def release(self) -> None:
        """Do what is queued, and release the lock, also on machines that are locked although others
        refused."""
        try:
            self.flush()
        finally:
            if self._lock.locked:
                op = self._lock.unlock(self.file)
                self.ansible.finish(self.file.hosts, {one: [op] for one in self._lock.locked})
            self._lock.dropped()

    @property
    def claimed(self) -> bool:
        """Whether a verb that changes the topology is at work."""
        return bool(self._lock.verb)

    def _used(self) -> list[str]:
        """The machines with nodes, in order."""
        return list(dict.fromkeys(one.machine for one in self.file.places.values()))

    def queue(self, node: str, op: Op, then: Then | None = None) -> None:
        """Perform an operation on the node's machine, at the latest with the next `flush`."""
        machine = self.file.places[node].machine
        with self._mutex:
            self._queue.setdefault(machine, []).append((op, then))

    def send(self, node: str, paths: Sequence[Path]) -> None:
        """Queue copies of text files below the state folder to the same place on the machine."""
        for path in paths:
            text = LOCAL.files.read(path) or ""
            self.queue(node, {"op": "write", "path": self.there(path), "text": text})

    @property
    def queued(self) -> bool:
        """Whether operations are queued."""
        return bool(self._queue)

    def wipe(self) -> None:
        """Remove the topology's folder on every machine."""
        with self._mutex:
            op = self._lock.wipe(self.file)
            self._lock.dropped()  # it goes with the folder
            for name in self.file.places:
                self.queue(name, op)
            self._perform({})

    def flush(self) -> None:
        """Perform what is queued; raises the error of the first operation that fails."""
        with self._mutex:
            if self._queue:
                self._perform({})

    def perform(self, node: str, op: Op) -> Mapping[str, Any]:
        """Perform what is queued, then this operation; return its result."""
        found: list[Mapping[str, Any]] = []
        with self._mutex:
            self.queue(node, op, found.append)
            self._perform({})
            return found[0]

    def ask(self, ops: Mapping[str, Op]) -> tuple[dict[str, Mapping[str, Any]], dict[str, str]]:
        """Perform one operation on each of these machines, in one run; returns the results, and
        why a machine wasn't reached."""
        with self._mutex:
            found: dict[str, Mapping[str, Any]] = {}
            missed = self._perform(
                {name: [(op, partial(found.__setitem__, name))] for name, op in ops.items()}
            )
            return found, missed

    def run(
        self, hosts: Hosts, ops: Mapping[str, Sequence[Op]], required: Collection[str] = ()
    ) -> dict[str, HostResults]:
        """Perform operations on these machines at once, by the Ansible that runs already; only the
        results of some are returned if a machine that is required doesn't reply."""
        with self._mutex:
            return self.ansible.run(hosts, ops, _OP_SECONDS, required)

    def _perform(self, more: Mapping[str, Work]) -> dict[str, str]:
        """Perform all that is queued, and `more`; returns why other machines weren't reached."""
        queued, self._queue = self._queue, {}
        if queued and self._lock.due:
            self._perform({})  # nothing is changed unless every host is reached, ours and locked
        machines = list(dict.fromkeys([*queued, *more]))
        if self._lock.due:
            machines = list(dict.fromkeys([*self._used(), *machines]))
            self._unreached.refuse(queued if self._lock.partly else machines)
        work = {one: [*queued.get(one, []), *more.get(one, [])] for one in machines}
        every = machines if self.claimed and not self._lock.partly else []
        first, found = self._asked(work, required=[*queued, *every])
        missed = self._refuse(found, required=[*queued, *every])
        self._leave_out(missed if self._lock.partly else ())
        done = ((one, some, found[one].results[first:]) for one, some in work.items())
        errors = [error for one in done if (error := self._report(*one)) is not None]
        self._lock.taken()
        if self.claimed:
            self.copies.save()
        if errors:
            raise errors[0]
        return missed

    def _leave_out(self, missed: Iterable[str]) -> None:
        """Go on without these machines; each is reported once."""
        for name in (one for one in missed if one not in self._missed):
            self._missed[name] = self._unreached.error(name)
            self.left_out(self._missed[name])

    def _asked(
        self, work: Mapping[str, Work], required: Collection[str]
    ) -> tuple[int, dict[str, HostResults]]:
        """What the machines reply, after the replies to so many operations of our own."""
        first = self._lock.first(self.file)
        ops = {one: [*first, *(op for op, _then in some)] for one, some in work.items()}
        began = time.monotonic()
        found = self.run(self.file.hosts, ops, required)
        self._took = time.monotonic() - began
        replies = {name: one.results[: len(first)] for name, one in found.items()}
        each = ((name, one) for name, some in replies.items() for one in some)
        refused = [(name, one) for name, one in each if "refused" in one]
        if first:
            # also those whose replies weren't awaited
            missed = {name for name, some in replies.items() if not some}
            self._lock.locked |= {*work} - missed - {name for name, _one in refused}
        for machine, result in refused:
            raise refusal(self.file.hosts, machine, result)
        return len(first), found

    def _report(
        self, machine: str, work: Work, results: Sequence[Mapping[str, Any]]
    ) -> RedistopoError | None:
        """Pass results on, up to that of an operation that failed, whose error is returned: what
        was done on other machines has to be known, to be undone."""
        for (op, then), result in zip(work, results, strict=False):
            if "refused" in result and not op.get("may_fail"):
                return refusal(self.file.hosts, machine, result)
            if then is not None:
                then(result)
        return None

    def _refuse(
        self, found: Mapping[str, HostResults], required: Collection[str]
    ) -> dict[str, str]:
        """Raise the error of a machine that is required; return why others weren't reached."""
        missed = {}
        for machine, one in found.items():
            if why := one.unreachable or one.failed:
                missed[machine] = why
                self._unreached.add(machine, unreachable(self.file.hosts, machine, one))
        for machine in (one for one in missed if one in required):
            raise self._unreached.error(machine)
        return missed

    def seen(self, node: str) -> NodeSeen:
        """Return what is on the node's machine; what redistopo does there is added to it.

        All nodes of all machines are inspected at once. Raises Unreachable.
        """
        with self._mutex:
            if self._seen.get(node) is None:
                if why := self._missed.get(self.file.places[node].machine):
                    raise why
                self._look()
            if (found := self._seen.get(node)) is None:
                raise self._missed[self.file.places[node].machine]
            return found

    def seen_lately(self, node: str) -> NodeSeen:
        """Return what is on the node's machine, and was seen there a few seconds ago at most."""
        with self._mutex:
            self._seen.clear_if_older(node, self._took)
            return self.seen(node)

    def look_again(self) -> None:
        """Perform what is queued, and look at all nodes, in one run."""
        with self._mutex:
            self._look()

    def look_since(self, moment: float) -> None:
        """Look at all nodes, unless the last look began after that moment."""
        with self._mutex:
            if self._looked < moment:
                self._look()

    def known(self, node: str) -> NodeSeen | None:
        """Return what was last seen of a node, without looking again."""
        return self._seen.get(node)

    def outdated(self, node: str) -> None:
        """What was seen of a node doesn't count any more."""
        self._seen.drop(node)

    def _look(self) -> None:
        self._looked = time.monotonic()
        more: dict[str, Work] = {}
        spared = self._missed if self._lock.partly else {}
        for machine in (one for one in self._used() if one not in spared):
            nodes = {
                name: [[one.host, port] for port in one.ports]
                for name, one in self.file.places.items()
                if one.machine == machine
            }
            op = {"op": "look", "base": self.base, "nodes": nodes, **units_on(self, machine)}
            more[machine] = [(op, self._keep)]
        missed = self._perform(more)
        self._missed = {**spared, **{name: self._unreached.error(name) for name in missed}}

    def _keep(self, result: Mapping[str, Any]) -> None:
        self._seen.keep(self.file, result, marks=self.claimed)

    def record(self, process: RemoteProcess) -> None:
        """Record a node's process."""
        self._seen.record(self.file, process)

    def answers(self, node: str) -> bool:
        """Whether a server replies at the node's address, without Ansible."""
        place, pem = self.file.places.get(node), self.layout.tls.client
        if place is None:
            return False
        at = Endpoint(place.host, place.ports[0])
        return answers(at, pem=pem if pem.is_file() else None)
