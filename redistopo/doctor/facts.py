"""The facts that `doctor` gathers before it judges: one frozen type for each area."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from enum import StrEnum

from redistopo.doctor.conf_includes import AccessSettings, loopback
from redistopo.doctor.firewall_rules import FirewallSeen
from redistopo.doctor.startup_verdict import StartupVerdict
from redistopo.host.kernel_settings import Kernel
from redistopo.host.machine_facts import MemoryAndDisk
from redistopo.model.planning.resource_limits import ResourceShortage
from redistopo.model.protocol.engine import Engine, Version
from redistopo.model.protocol.nodes_conf import NodesConf
from redistopo.model.remedies.no_other_copy import no_data_in
from redistopo.model.remedies.of_machine import end_process, remove_folder
from redistopo.model.state.record import ProcessMark
from redistopo.model.topology.spec import Shape
from redistopo.quick_dataclass import dataclass


def pid_in(holder: str) -> str:
    """Return the pid in ``nginx (pid 5)``, or ""."""
    found = re.search(r"pid ([0-9]+)", holder, re.ASCII)
    return found[1] if found else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnginesSeen:
    """The servers of this machine, and the one that `up` uses, if any; `lacking` is why there is
    none. `shape`, `tls`, `local` and `auth` are what the topology file has: its shape, whether it
    needs TLS, its host and its password. `fixed_cves` maps a server's path to the CVEs that its
    package's changelog names. `elsewhere` is whether the topology's nodes use those of other hosts.
    `newer` is how to use a later server without known vulnerabilities.
    """

    found: tuple[Engine, ...] = ()
    chosen: Engine | None = None
    lacking: str = ""
    install: str = ""
    shape: Shape | None = None
    tls: bool = False
    newer: str = ""
    local: bool = True
    auth: bool = True
    elsewhere: bool = False
    fixed_cves: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopologyNeeds:
    """What this folder's topology needs: `nodes` servers that hold data, the sum of their maxmemory
    (None if one has no limit), the longest `backlog`; whether they write to disk."""

    nodes: int = 0
    maxmemory: int | None = None
    backlog: int = 511
    saves: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PortSeen:
    """One port of the topology: its use, and which other program holds it ("" for none)."""

    port: int
    use: str
    holder: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortsSeen:
    """All ports of the topology file, as text in `block`, and the ephemeral range of the system,
    from which it takes no port that is `reserved`; `foreign_host` is the file's host if this
    machine does not have that address."""

    ports: tuple[PortSeen, ...] = ()
    block: str = ""
    running: bool = False
    foreign_host: str = ""
    span: tuple[int, int] | None = None
    reserved: str = ""
    inside: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanSeen:
    """A server that runs in a state folder, with what identifies it; `listed` if the user's list of
    topologies, or the folder examined, has that folder's project."""

    mark: ProcessMark
    folder: str
    listed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPermission:
    """A file or folder that others can read, with its mode and the one it should have; `yours` if
    the user created it, not redistopo."""

    path: str
    mode: int
    wanted: int
    yours: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftovers:
    """What earlier runs left: `gone` is topologies (name, root) on the list whose folder is gone;
    `empty` is folders, without data, of nodes that the topology no longer has."""

    gone: tuple[tuple[str, str], ...] = ()
    orphans: tuple[OrphanSeen, ...] = ()
    empty: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    unprotected: tuple[OpenPermission, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NodesConfSeen:
    """The nodes.conf of one node of a cluster; `stopped` if its server does not run."""

    name: str
    path: str
    table: NodesConf
    stopped: bool

    @property
    def id(self) -> str:
        return next(one.id for one in self.table.entries if "myself" in one.flags)

    @property
    def known(self) -> frozenset[str]:
        """The ids of all other nodes in it."""
        return frozenset(one.id for one in self.table.entries) - {self.id}


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingNodesConf:
    """A stopped node of a formed cluster whose nodes.conf is unusable, and `why`."""

    name: str
    path: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PortReply:
    """The server at one of the configuration's ports: `reply` is what a client without a password
    got, `version` and `config` what the server reports to a client that it accepts, `listening` the
    addresses according to the system (None if unknown), `holder` the program, `refused` whether it
    rejected the file's password.
    """

    port: int
    at: str
    refused: bool = False
    reply: str = ""
    holder: str = ""
    listening: tuple[str, ...] | None = None
    version: Version | None = None
    config: str = ""

    @property
    def asks_here(self) -> bool:
        """Whether it asks for a password as a server does, and is on this machine: the file's
        password is sent nowhere else. A copied file may bind another machine's address."""
        if not self.reply.startswith("NOAUTH"):
            return False
        return loopback(self.at) or self.at in (self.listening or ())


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfSeen:
    """The redis.conf of --config; `requires_password` takes its aclfile into account, if readable.

    `unread` are includes that can't be read, with why, and `start_relative` those relative to the
    folder where a server is started. `starting` is how the servers here judge it;
    `foreign_addresses` are addresses that it binds and this machine does not have.
    """

    path: str
    conf: AccessSettings
    requires_password: bool | None
    files: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    start_relative: tuple[str, ...] = ()
    starting: StartupVerdict = field(default_factory=StartupVerdict)
    foreign_addresses: tuple[str, ...] = ()
    replies: tuple[PortReply, ...] = ()
    firewalls: tuple[FirewallSeen, ...] = ()


class TopologyPresence(StrEnum):
    """The state of the folder's topology. `ENDED`: its servers ended without redistopo."""

    NO_FILE = "no topology file"
    BROKEN = "broken topology file"
    NEVER = "never started"
    STOPPED = "stopped"
    ENDED = "ended"
    RUNNING = "running"


@dataclass(frozen=True, slots=True, kw_only=True)
class TopologySeen:
    """The folder's topology, or the one around `connect`; `trouble` and `hint` are why it can't be
    examined."""

    name: str
    presence: TopologyPresence
    nodes: int = 0
    connect: str = ""
    trouble: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorFacts:
    """Everything except what the topology's servers report, which `verify` asks for.

    `files` is how many files a server may open; `tables` are the intact nodes.conf of a cluster,
    `lost` those that its stopped nodes should have.
    """

    engines: EnginesSeen
    kernel: Kernel
    resources: MemoryAndDisk
    topology: TopologySeen
    leftovers: Leftovers
    system: str = "linux"
    files: int = 1 << 30
    needs: TopologyNeeds | None = None
    shortages: tuple[ResourceShortage, ...] = ()
    ports: PortsSeen | None = None
    conf: ConfSeen | None = None
    tables: tuple[NodesConfSeen, ...] = ()
    lost: tuple[MissingNodesConf, ...] = ()


class FixKind(StrEnum):
    """What `--fix` may do. Each can be undone, or repeated without loss."""

    FORGET = "forget"
    REMOVE = "remove"
    CHMOD = "chmod"
    RESUME = "resume"
    END = "end"


@dataclass(frozen=True, slots=True)
class DoctorFix:
    """One thing that `--fix` can do: `command` is the equivalent to type; `why` is the reason.
    `asks` is true if it needs a confirmation."""

    cure: FixKind
    target: str
    command: str
    why: str
    asks: bool = False
    mark: ProcessMark | None = None
    mode: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FixOutcome:
    """A fix that was tried, whether it was done, and if not, why."""

    fix: DoctorFix
    done: bool
    why: str = ""


def fixes_of(facts: DoctorFacts, paused: Mapping[str, int]) -> tuple[DoctorFix, ...]:
    """Return everything safe to do about the findings; `paused` maps own nodes to their pids."""
    return tuple(_fixes(facts.leftovers, paused))


_BARE = "holds no data, and no node"


def _fixes(left: Leftovers, paused: Mapping[str, int]) -> Iterator[DoctorFix]:
    for name, root in left.gone:
        if not any(one.folder.startswith(f"{root}/") for one in left.orphans):
            command, why = f"remove {root} from the list of `redistopo ps`", "its folder is gone"
            yield DoctorFix(FixKind.FORGET, root, command, f"{name}: {why}")
    for folder in left.empty:
        yield DoctorFix(FixKind.REMOVE, folder, remove_folder(folder, no_data_in(folder)), _BARE)
    for file in left.unprotected:
        command, why = (
            f"chmod {file.wanted:o} {file.path}",
            f"others can read it (mode {file.mode:o})",
        )
        yield DoctorFix(FixKind.CHMOD, file.path, command, why, asks=file.yours, mode=file.wanted)
    for name, pid in paused.items():
        why = f"pid {pid} is stopped (SIGSTOP)"
        yield DoctorFix(FixKind.RESUME, name, f"redistopo resume {name}", why, asks=True)
    for orphan in left.orphans:
        if orphan.listed:
            command = end_process(f"-TERM {orphan.mark.pid}")
            why = f"a server in {orphan.folder} that no topology has recorded; it saves first"
            yield DoctorFix(FixKind.END, orphan.folder, command, why, asks=True, mark=orphan.mark)
