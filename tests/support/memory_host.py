"""A machine in memory: files in a dict, processes that start, end and refuse as they are told.

A small but whole implementation of Host (tests/unit/host/test_host.py holds it to what LocalHost
does), for tests of what is done on a machine, in which order, and what is undone. There are no
servers on it: whoever asks one gets no answer (`Silent`).
"""

import signal
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from redistopo.client.connection import Command, Connections
from redistopo.errors import MissingPrerequisite, TimedOut, Unreachable
from redistopo.host.host import FileKind, FileStatus, Process, Program, Slow, Trial, TrialOutput
from redistopo.host.log_files import LocalLogs, Names
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.planning.resource_limits import Limits
from redistopo.model.planning.room import Room
from redistopo.model.protocol.credentials import Credentials
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.state.unix_socket import UnixSocketSeen
from redistopo.model.topology.project_paths import Layout

_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)


@dataclass(eq=False, slots=True, kw_only=True)
class MemoryProcess:
    """One process; with `stubborn` SIGKILL alone ends it. `doomed` is the signal that it ends by
    as soon as it isn't paused."""

    pid: int
    node: str
    stubborn: bool = False
    paused: bool = False
    doomed: signal.Signals | None = None
    code: int | None = None

    def poll(self) -> int | None:
        return self.code


@dataclass(slots=True, kw_only=True)
class Journal:
    """All that was done, in order, as ``start node1`` or ``write node1/redis.conf``; before an
    action for which something is laid in wait, that happens instead."""

    root: Path
    done: list[str] = field(default_factory=list)
    ambush: Callable[[str], None] = lambda _action: None

    def act(self, verb: str, what: str | Path) -> None:
        """This is done now, unless the ambush raises."""
        name = what if isinstance(what, str) else self.name(what)
        self.ambush(f"{verb} {name}")
        self.done.append(f"{verb} {name}")

    def name(self, path: Path) -> str:
        """A path below the nodes' folder as ``node1/redis.conf``."""
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)

    def of(self, *verbs: str) -> list[str]:
        """The actions of these kinds."""
        return [one for one in self.done if one.partition(" ")[0] in verbs]


class MemoryFiles:
    """Path -> text; a folder is there when it was made, or when something is in it."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.texts: dict[Path, str] = {}
        self.folders: set[Path] = set()
        self.full = False
        self.sync = 0.0
        self._clock = 1.0
        self._written: dict[Path, float] = {}

    def put(self, path: Path, text: str) -> None:
        """The file is there, by nobody's action."""
        self._clock += 1
        self.texts[path], self._written[path] = text, self._clock
        self.folders.update(path.parents)

    def read(self, path: Path) -> str | None:
        return self.texts.get(path)

    def tail(self, path: Path, most: int) -> str:
        return self.texts.get(path, "").encode()[-most:].decode(errors="replace")

    def head(self, path: Path, most: int) -> bytes:
        return self.texts[path].encode()[:most]

    def end(self, path: Path, most: int) -> bytes:
        return self.texts[path].encode()[-most:]

    def status(self, path: Path) -> FileStatus | None:
        if path in self.texts:
            size = len(self.texts[path].encode())
            at = self._written[path]
            return FileStatus(kind=FileKind.FILE, size=size, modified=at, changed=at)
        if path in self.folders:
            return FileStatus(kind=FileKind.FOLDER, size=0, modified=0.0, changed=0.0)
        return None

    def names(self, folder: Path) -> tuple[str, ...]:
        return tuple(sorted(one.name for one in (*self.texts, *self.folders) if one.parent == folder
                            and one != folder))  # fmt: skip

    def write(self, path: Path, text: str) -> None:
        self.journal.act("write", path)
        if path.parent not in self.folders:
            raise MissingPrerequisite(f"can't write {path}", detail="No such file or directory")
        if self.full:
            raise MissingPrerequisite(f"can't write {path}", detail="No space left on device")
        self.put(path, text)

    def private_folder(self, path: Path) -> None:
        self.journal.act("folder", path)
        self.folders.update((path, *path.parents))

    def rename(self, path: Path, to: Path) -> None:
        self.journal.act("rename", f"{self.journal.name(path)} to {to.name}")
        if self.status(path) is None:
            raise MissingPrerequisite(f"can't write {to}", detail="No such file or directory")
        for old in [one for one in (*self.texts, *self.folders) if one.is_relative_to(path)]:
            new = to / old.relative_to(path)
            if old in self.texts:
                self.texts[new], self._written[new] = self.texts.pop(old), self._written.pop(old)
            else:
                self.folders.remove(old)
                self.folders.add(new)

    def link(self, path: Path, to: Path) -> None:
        self.texts[to], self._written[to] = self.texts[path], self._written[path]

    def remove(self, path: Path) -> None:
        self.journal.act("remove", path)
        if self.status(path) is None:
            raise MissingPrerequisite(f"can't write {path}", detail="No such file or directory")
        self.texts = {one: text for one, text in self.texts.items() if not one.is_relative_to(path)}
        self.folders = {one for one in self.folders if not one.is_relative_to(path)}

    def sync_seconds(self, folder: Path) -> float:
        return self.sync

    def room(self, folder: Path) -> int:
        return 0 if self.full else 1 << 40

    def disk_full(self, path: Path) -> bool:
        return self.full


class MemoryProcesses:
    """Node -> its process; `ends_at_once` maps a node to the exit code and the log with which
    it ends right after its start, `exits` holds what programs end with (None: never)."""

    def __init__(self, journal: Journal, files: MemoryFiles) -> None:
        self.journal = journal
        self.known: dict[str, MemoryProcess] = {}
        self.ends_at_once: dict[str, tuple[int, str]] = {}
        self.exits: list[int | None] = []
        self.ran: list[Program] = []
        self._files = files

    def put(self, node: str, *, stubborn: bool = False, paused: bool = False) -> MemoryProcess:
        """The node's process runs, started by somebody else."""
        made = MemoryProcess(
            pid=1001 + len(self.known), node=node, stubborn=stubborn, paused=paused
        )
        self.known[node] = made
        return made

    @property
    def running(self) -> list[str]:
        """The nodes whose process runs."""
        return [name for name, one in self.known.items() if one.code is None]

    def start(
        self, layout: Layout, node: str, executable: str, settings: Mapping[str, str]
    ) -> MemoryProcess:
        self.journal.act("start", node)
        made = self.put(node)
        if node in self.ends_at_once:
            made.code, log = self.ends_at_once[node]
            self._files.put(layout.node(node).log, log)
        return made

    def find(self, layout: Layout, node: str) -> MemoryProcess | None:
        found = self.known.get(node)
        return found if found is not None and found.code is None else None

    def server_of_script(self, layout: Layout, node: str) -> MemoryProcess | None:
        return None  # its programs are the servers

    def adopt(self, layout: Layout, node: str) -> None:
        self.journal.act("adopt", node)

    def tried(self, trials: Mapping[str, Trial]) -> Mapping[str, TrialOutput]:
        return {}  # its programs read no input

    def is_paused(self, process: Process) -> bool:
        return _own(process).paused

    def lost_folder(self, process: Process) -> bool:
        return False

    def signal(self, process: Process, number: signal.Signals) -> None:
        one = _own(process)
        if one.code is not None:
            return
        self.journal.act(number.name, one.node)
        if number in (signal.SIGSTOP, signal.SIGCONT):
            one.paused = number is signal.SIGSTOP
        elif number in _ENDING and (number is signal.SIGKILL or not one.stubborn):
            one.doomed = number
        if one.doomed and (one.doomed is signal.SIGKILL or not one.paused):
            one.code = -one.doomed

    def await_end(self, processes: Sequence[Process], deadline: Deadline) -> Sequence[Process]:
        def left() -> list[Process]:
            return [one for one in processes if _own(one).code is None]

        with suppress(TimedOut):
            wait_for(lambda: None if left() else True, deadline, str)
        return left()

    def forget(self, layout: Layout, node: str) -> None:
        self.journal.act("forget", node)

    def run(self, program: Program, deadline: Deadline, slow: Slow) -> int:
        self.journal.act("run", Path(program.argv[0]).name)
        self.ran.append(program)
        code = self.exits.pop(0)
        if code is None:
            slow[1]()
            raise TimedOut(f"not done after {deadline.seconds:g} s")
        return code


def _own(process: Process) -> MemoryProcess:
    assert isinstance(process, MemoryProcess)
    return process


class MemoryPorts:
    """Port -> who holds it; all others are free."""

    def __init__(self) -> None:
        self.held: dict[int, str] = {}

    def is_free(self, endpoint: Endpoint) -> bool:
        return endpoint.port not in self.held

    def holder(self, endpoint: Endpoint) -> str:
        return self.held[endpoint.port]

    def listening(self, port_by_pid: Mapping[int, int]) -> Mapping[int, tuple[str, ...]]:
        return {}

    def unix_socket(self, path: Path) -> UnixSocketSeen:
        return UnixSocketSeen(path=str(path))


class MemoryHost:
    """One machine in memory, below whose `layout` a topology is worked on."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.journal = Journal(root=layout.nodes)
        self.files = MemoryFiles(self.journal)
        self.processes = MemoryProcesses(self.journal, self.files)
        self.ports = MemoryPorts()
        self.least_wait = 0.0
        self.files.put(layout.marker, "ours")
        self.files.folders.add(layout.nodes)

    def refresh(self, since: float) -> None:
        pass

    def limits(self, needed: int) -> Limits:
        return Limits(files=1024, server_files=1024, tasks=None)

    def room(self, folder: Path) -> Room:
        return Room()

    def there(self, path: Path) -> str:
        return str(path)

    def claim(self, verb: str, *, partly: bool = False) -> None:
        pass

    def reach(self) -> None:
        pass

    def release(self) -> None:
        pass

    def wipe(self) -> None:
        pass

    def has_copies(self, nodes: Collection[str]) -> bool:
        return False

    def set_aside(self) -> None:
        pass

    def put_back(self) -> None:
        pass

    def drop_aside(self) -> None:
        pass

    def send(self, node: str, paths: Sequence[Path]) -> None:
        pass

    def facts(self) -> Mapping[str, object]:
        return {}

    def logs(self, layout: Layout, names: Names) -> LocalLogs:
        return LocalLogs(layout, names)

    def flush(self) -> None:
        pass

    def put(self, node: str, **texts: str) -> None:
        """Files of a node, by the names that its folder has for them: `config="port 1"`."""
        for name, text in texts.items():
            self.files.put(getattr(self.layout.node(node), name), text)


class Silent(Connections):
    """Connections none of which is answered; what would have been asked is in the journal."""

    def __init__(self, credentials: Credentials, journal: Journal) -> None:
        super().__init__(credentials)
        self.journal = journal

    def execute(self, endpoint: Endpoint, commands: Iterable[Command]) -> list[object]:
        words = " ".join(map(str, next(iter(commands))))
        self.journal.act("ask", f"{endpoint.port} {words}")
        raise Unreachable(f"{endpoint} doesn't reply", detail="connection refused")

    def post(self, endpoint: Endpoint, commands: Sequence[Command]) -> None:
        self.execute(endpoint, commands)
