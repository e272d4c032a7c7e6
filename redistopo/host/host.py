"""One machine as a value: what can be done to its processes, its files and its ports.

Whoever acts on servers gets a Host and uses nothing else of a machine, so that another kind of
machine (reached by SSH, or made up for a test) is another implementation of these protocols.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from signal import Signals
from typing import Protocol

from redistopo.host.polling import Deadline
from redistopo.model.planning.resource_limits import Limits
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.topology.project_paths import Layout


class Process(Protocol):
    """A process on that machine, proven ours."""

    @property
    def pid(self) -> int:
        """Its number there."""


class StartedProcess(Process, Protocol):
    """A process that this program started, whose exit it can wait for."""

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program to run to its end: `secrets` goes into its environment, where no process list
    shows it; `log` gets what it prints; `mark` names it while it runs."""

    argv: Sequence[str]
    log: Path
    mark: Path
    secrets: Mapping[str, str] = field(default_factory=dict)


Slow = tuple[Deadline, Callable[[], None]]
"""What to do once when something isn't done by then."""


class Processes(Protocol):
    """The servers of topologies on that machine, and other programs run there."""

    def start(self, layout: Layout, node: str, executable: str) -> StartedProcess:
        """Start the node's server, detached, in its own folder, and record it; raises
        MissingPrerequisite if the program can't be run."""

    def find(self, layout: Layout, node: str) -> Process | None:
        """Return the node's running process; None if there is none."""

    def adopt(self, layout: Layout, node: str) -> None:
        """The node's running process is on record, if there is one."""

    def is_paused(self, process: Process) -> bool:
        """Whether it is stopped, and would go on at SIGCONT."""

    def signal(self, process: Process, number: Signals) -> None:
        """The process got the signal, or had ended."""

    def await_end(self, processes: Sequence[Process], deadline: Deadline) -> Sequence[Process]:
        """Those that still run at the deadline."""

    def forget(self, layout: Layout, node: str) -> None:
        """No process is on record for this node."""

    def run(self, program: Program, deadline: Deadline, slow: Slow) -> int:
        """The exit code of a program that ran to its end; at the deadline (TimedOut), and on any
        exception, it is killed."""


class FileKind(Enum):
    """The kind of file at a path; links are never followed."""

    FILE = auto()
    FOLDER = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStatus:
    """What stands at a path: its size in bytes, and when it was written, since the epoch."""

    kind: FileKind
    size: int
    modified: float


class Files(Protocol):
    """Files on that machine; all that is written is for its user alone."""

    def read(self, path: Path) -> str | None:
        """Return a file's text; None if there is none."""

    def tail(self, path: Path, most: int) -> str:
        """Return the last `most` bytes of a file as text; "" if there is none."""

    def head(self, path: Path, most: int) -> bytes:
        """Return the first `most` bytes of a file; raises OSError if it can't be read."""

    def end(self, path: Path, most: int) -> bytes:
        """Return the last `most` bytes of a file; raises OSError if it can't be read."""

    def status(self, path: Path) -> FileStatus | None:
        """Return the status of the file there; None if there is none."""

    def names(self, folder: Path) -> tuple[str, ...]:
        """Return the names in a folder, in order; none if there is no folder."""

    def write(self, path: Path, text: str) -> None:
        """The file holds exactly that text; at no moment half of it."""

    def private_folder(self, path: Path) -> None:
        """The folder exists, and so do its parents."""

    def rename(self, path: Path, to: Path) -> None:
        """What stood at `path` is at `to`, in place of what was there."""

    def remove(self, path: Path) -> None:
        """Nothing is there any more; a folder goes with all that is in it."""

    def disk_full(self, path: Path) -> bool:
        """Whether there is hardly any space left."""


class Ports(Protocol):
    """TCP ports of that machine."""

    def is_free(self, endpoint: Endpoint) -> bool:
        """Whether a server could listen there now."""

    def holder(self, port: int) -> str:
        """Who listens on a port, as ``nginx (pid 123)``."""

    def listening(self, port_by_pid: Mapping[int, int]) -> Mapping[int, tuple[str, ...]]:
        """Port -> the addresses on which that process listens on it, for pid -> port."""


class Host(Protocol):
    """One machine."""

    @property
    def processes(self) -> Processes:
        """Its servers and other programs."""

    @property
    def files(self) -> Files:
        """Its files."""

    @property
    def ports(self) -> Ports:
        """Its ports."""

    def limits(self, needed: int) -> Limits:
        """Return its limits; tasks are counted only if they may be fewer than `needed`."""
