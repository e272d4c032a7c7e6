"""The Host protocol: operations on the processes, files and ports of one machine.

Code that acts on servers uses only a Host, so that another kind of machine (reached by SSH, or
in memory for a test) is another implementation of these protocols.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import field
from enum import Enum, auto
from pathlib import Path
from signal import Signals
from typing import TYPE_CHECKING, Protocol

from redistopo.host.polling import Deadline
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.state.unix_socket import UnixSocketSeen
from redistopo.model.topology.project_paths import Layout
from redistopo.quick_dataclass import dataclass

if TYPE_CHECKING:
    from redistopo.model.planning.resource_limits import Limits
    from redistopo.model.planning.room import Room


class Process(Protocol):
    """A process on that machine that redistopo started."""

    @property
    def pid(self) -> int:
        """Its process id."""


class StartedProcess(Process, Protocol):
    """A child of this program, whose exit it can wait for."""

    def poll(self) -> int | None:
        """Return its exit code; None while it runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program to run to completion: `secrets` are environment variables, which no process list
    shows; `log` is the file for its output, `mark` that of its process mark while it runs."""

    argv: Sequence[str]
    log: Path
    mark: Path
    secrets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A program to try with `text` as its input, and the paths that it `needs`; `ends` is whether
    it ends by itself however early its input does."""

    argv: Sequence[str]
    text: str
    needs: Sequence[str] = ()
    ends: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialOutput:
    """What it printed, or why it can't be run, and which of its paths aren't there."""

    printed: str
    missing: Sequence[str] = ()


Slow = tuple[Deadline, Callable[[], None]]
"""A callback, called once if something isn't done by that deadline."""


class Processes(Protocol):
    """Servers of topologies on that machine, and other programs that run there."""

    def start(
        self, layout: Layout, node: str, executable: str, settings: Mapping[str, str]
    ) -> StartedProcess:
        """Start the node's server, detached, in its own folder, and record it; raises
        MissingPrerequisite if the program can't be run. Until they are changed, `settings` are in
        place of those in its file; they are for servers of this machine alone."""

    def find(self, layout: Layout, node: str) -> Process | None:
        """Return the node's running process; None if there is none."""

    def server_of_script(self, layout: Layout, node: str) -> Process | None:
        """Return the server that the node's program started beside itself; None if there is
        none."""

    def adopt(self, layout: Layout, node: str) -> None:
        """Record the node's running process, if there is one."""

    def is_paused(self, process: Process) -> bool:
        """Return whether it is paused, and would continue at SIGCONT."""

    def lost_folder(self, process: Process) -> bool:
        """Return whether its working folder was removed, or replaced by another, so that nothing
        that it writes is there at its next start."""

    def signal(self, process: Process, number: Signals) -> None:
        """Send a signal; does nothing if the process has ended."""

    def await_end(self, processes: Sequence[Process], deadline: Deadline) -> Sequence[Process]:
        """Wait until processes end; return those that still run at the deadline."""

    def forget(self, layout: Layout, node: str) -> None:
        """Remove the record of the node's process."""

    def run(self, program: Program, deadline: Deadline, slow: Slow) -> int:
        """Run a program to completion and return its exit code; at the deadline (TimedOut) and on
        any exception it is killed."""

    def tried(self, trials: Mapping[str, Trial]) -> Mapping[str, TrialOutput]:
        """Run a program for each node, on its machine; there it can write no file, and has a few
        seconds."""


class FileKind(Enum):
    """The kind of file at a path; links are never followed."""

    FILE = auto()
    FOLDER = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStatus:
    """A file's kind, its size in bytes, and times since the epoch: `modified` is when its content
    was, which a copy may have from its source, and `changed` when anything of it was, also its
    creation."""

    kind: FileKind
    size: int
    modified: float
    changed: float


class Files(Protocol):
    """Files on that machine; written files are readable by their owner only."""

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
        """Write a file atomically."""

    def private_folder(self, path: Path) -> None:
        """Create a folder and its parents."""

    def rename(self, path: Path, to: Path) -> None:
        """Rename a file or folder, replacing what is at `to`."""

    def link(self, path: Path, to: Path) -> None:
        """Give a file a second name; raises OSError if it can't."""

    def remove(self, path: Path) -> None:
        """Remove a file, or a folder with its content."""

    def sync_seconds(self, folder: Path) -> float:
        """Return how long a synced write (fsync) takes there; 0 if none is possible."""

    def room(self, folder: Path) -> int:
        """Return how many bytes can be written where a folder is, or will be."""

    def disk_full(self, path: Path) -> bool:
        """Return whether the disk is almost full."""


class Ports(Protocol):
    """TCP ports of that machine."""

    def is_free(self, endpoint: Endpoint) -> bool:
        """Return whether a server could listen there now."""

    def holder(self, endpoint: Endpoint) -> str:
        """Return the program that listens on a port, as ``nginx (pid 123)``."""

    def listening(self, port_by_pid: Mapping[int, int]) -> Mapping[int, tuple[str, ...]] | None:
        """Map each port to the addresses on which its process listens; None if it is unknown."""

    def unix_socket(self, path: Path) -> UnixSocketSeen:
        """Return what is at the path of a Unix socket, and which process listens there."""


class LogFiles(Protocol):
    """Logs of nodes, or copies of the ends of those that are elsewhere."""

    @property
    def missed(self) -> Mapping[str, str]:
        """Machines that weren't reached the last time, and why."""

    def paths(self, wait: float) -> Mapping[str, Path]:
        """Return where each log can be read, with all that was written until now. For logs that
        are elsewhere, it waits up to that many seconds for something new."""


class Host(Protocol):
    """One machine, or several as one: nodes and their files are then on different machines."""

    @property
    def processes(self) -> Processes:
        """Its servers and other programs."""

    @property
    def files(self) -> Files:
        """Its files."""

    @property
    def ports(self) -> Ports:
        """Its ports."""

    @property
    def least_wait(self) -> float:
        """How many seconds are left at least for servers that were just started, to agree: their
        start itself may have taken the rest."""

    def refresh(self, since: float) -> None:
        """What is read of files there from now on is not older than `since`, on the monotonic
        clock."""

    def limits(self, needed: int) -> "Limits":
        """Return its limits; tasks are counted only if they may be fewer than `needed`."""

    def room(self, folder: Path) -> "Room":
        """Return the memory and the disk that are left on the machine where a node's folder is, or
        will be."""

    def there(self, path: Path) -> str:
        """Return the path of one of our own files as servers there report it."""

    def claim(self, verb: str, *, partly: bool = False) -> None:
        """Lock it for a verb that changes the topology, if the topology's lock isn't enough; of
        several machines all, or with `partly` those that are reached."""

    def reach(self) -> None:
        """Lock it at once, after `claim`, before a server is changed through the network; raises
        Unreachable if that isn't possible."""

    def release(self) -> None:
        """Release it after `claim`."""

    def flush(self) -> None:
        """Do at once what was only queued."""

    def wipe(self) -> None:
        """Remove the topology's folder there, if that isn't the project's own."""

    def has_copies(self, nodes: Collection[str]) -> bool:
        """Return whether the nodes' own configuration files are elsewhere, and known to be as their
        copies in the nodes' folders here."""

    def set_aside(self) -> None:
        """Put the nodes' folders aside if they are elsewhere; those that are aside already stay."""

    def put_back(self) -> None:
        """Undo `set_aside`, if anything is aside."""

    def drop_aside(self) -> None:
        """Remove what was put aside."""

    def send(self, node: str, paths: Sequence[Path]) -> None:
        """Copy these text files of the state folder to the node's machine, if that is elsewhere."""

    def facts(self) -> Mapping[str, object]:
        """Return facts about each machine, by its name, if they are others than this one."""

    def logs(self, layout: Layout, names: Callable[[], Iterable[str]]) -> LogFiles:
        """Return the logs of nodes, to be read here."""
