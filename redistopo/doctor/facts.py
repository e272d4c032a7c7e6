"""What `doctor` found out, before anything is judged: one frozen type for each area."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from redistopo.doctor.conf_access import AccessSettings, loopback
from redistopo.doctor.conf_startup import StartupVerdict
from redistopo.doctor.firewall import FirewallSeen
from redistopo.host.kernel_settings import Kernel
from redistopo.host.machine_facts import MemoryAndDisk
from redistopo.model.planning.resource_limits import ResourceShortage
from redistopo.model.protocol.engine import Engine, Version
from redistopo.model.protocol.nodes_conf import NodesConf
from redistopo.model.state.record import ProcessMark


def pid_in(holder: str) -> str:
    """The pid of ``nginx (pid 5)``; "" where a holder has none."""
    found = re.search(r"pid ([0-9]+)", holder, re.ASCII)
    return found[1] if found else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnginesSeen:
    """The servers of this machine, and the one that `up` would take, if any; `lacking` says why
    there is none. `tls` is whether the topology file asks for it; `mended` maps a server's path
    to the CVEs that its package's changelog names."""

    found: tuple[Engine, ...] = ()
    chosen: Engine | None = None
    lacking: str = ""
    install: str = ""
    tls: bool = False
    fixed_cves: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopologyNeeds:
    """What the topology of this folder takes: `nodes` servers that hold data, their maxmemory
    (None where one has no limit), the longest `backlog`; whether they write to disk."""

    nodes: int = 0
    maxmemory: int | None = None
    backlog: int = 511
    saves: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PortSeen:
    """One port of the topology: what for, and who else holds it ("" for nobody)."""

    port: int
    use: str
    holder: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortsSeen:
    """All ports of the topology file, in words as `block`, and the range that the system hands
    out; `astray` is its host where this machine doesn't have that address."""

    ports: tuple[PortSeen, ...] = ()
    block: str = ""
    running: bool = False
    foreign_host: str = ""
    span: tuple[int, int] | None = None
    inside: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanSeen:
    """A server that works in a state folder, with what names it for good; `listed` where this
    user's list of topologies, or the folder that is looked at, has that folder's project."""

    mark: ProcessMark
    folder: str
    listed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPermission:
    """A file or folder that others may read, with its mode and the one it should have; `yours`
    where the user made it, not we."""

    path: str
    mode: int
    wanted: int
    yours: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftovers:
    """What earlier runs left: `gone` is topologies (name, root) on the list whose folder isn't
    there; `empty` folders of nodes that the topology no longer has, without data."""

    gone: tuple[tuple[str, str], ...] = ()
    orphans: tuple[OrphanSeen, ...] = ()
    empty: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    loose: tuple[OpenPermission, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NodesConfSeen:
    """The nodes.conf of one node of a cluster; `stopped` that its server doesn't run."""

    name: str
    path: str
    table: NodesConf
    stopped: bool

    @property
    def id(self) -> str:
        return next(one.id for one in self.table.entries if "myself" in one.flags)

    @property
    def known(self) -> frozenset[str]:
        """The ids of all others that it knows."""
        return frozenset(one.id for one in self.table.entries) - {self.id}


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingNodesConf:
    """A stopped node of a formed cluster without a nodes.conf to start with, and `why`."""

    name: str
    path: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PortReply:
    """Who answers at one of the configuration's ports: `said` is what a client without a
    password got, `version` and `config` the server's own word where it lets one in,
    `listening` the addresses by the system (None where it doesn't tell), `holder` the program.
    """

    port: int
    at: str
    reply: str = ""
    holder: str = ""
    listening: tuple[str, ...] | None = None
    version: Version | None = None
    config: str = ""

    @property
    def asks_here(self) -> bool:
        """Whether it asks for a password as a server does, and is on this machine: nobody else
        is told the file's. One that was copied from elsewhere may bind another's address."""
        if not self.reply.startswith("NOAUTH"):
            return False
        return loopback(self.at) or self.at in (self.listening or ())


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfSeen:
    """A redis.conf that was given, `locked` with its aclfile read where that could be.

    `unread` are includes that couldn't be read, with why, and `start_relative` those that count from the
    folder in which a server is started. `starting` is what the servers here make of it;
    `astray` has addresses that it binds and this machine doesn't have.
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
    """What there is of a topology in the folder. `ENDED`: its servers ended by themselves."""

    NO_FILE = "no topology file"
    BROKEN = "broken topology file"
    NEVER = "never started"
    STOPPED = "stopped"
    ENDED = "ended"
    RUNNING = "running"


@dataclass(frozen=True, slots=True, kw_only=True)
class TopologySeen:
    """The folder's topology, or the one around `connect`; `trouble` and `hint` say why it can't
    be looked at."""

    name: str
    started: TopologyPresence
    nodes: int = 0
    connect: str = ""
    trouble: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorFacts:
    """Everything but what the servers of the topology themselves say, which `verify` asks.

    `files` is how many a server may open; `tables` the whole ones of a cluster, `lost`
    those that its stopped nodes should have.
    """

    engines: EnginesSeen
    kernel: Kernel
    room: MemoryAndDisk
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
    """What `--fix` may do. Each is undone or repeated without loss."""

    FORGET = "forget"
    REMOVE = "remove"
    CHMOD = "chmod"
    RESUME = "resume"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorFix:
    """One thing that `--fix` would do: `command` is the same, as one would type it; `why` what
    it is for. `asks` marks those that are done only when somebody says yes."""

    cure: FixKind
    target: str
    command: str
    why: str
    asks: bool = False
    mark: ProcessMark | None = None
    mode: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FixOutcome:
    """One cure that was tried, whether it was done, and if not, why."""

    fix: DoctorFix
    done: bool
    why: str = ""


def fixes_of(facts: DoctorFacts, paused: Mapping[str, int]) -> tuple[DoctorFix, ...]:
    """All that is safe to do about what was found; `paused` maps nodes of ours to their pids."""
    left = facts.leftovers
    found = [
        DoctorFix(
            cure=FixKind.FORGET,
            target=root,
            command=f"take {root} off the list of `redistopo ps`",
            why=f"{name}: its folder is gone",
        )
        for name, root in left.gone
        if not any(one.folder.startswith(f"{root}/") for one in left.orphans)
    ]
    found += [
        DoctorFix(
            cure=FixKind.REMOVE, target=one, command=f"rm -r {one}", why="holds no data, and no node"
        )
        for one in left.empty
    ]
    found += [
        DoctorFix(
            cure=FixKind.CHMOD,
            target=one.path,
            command=f"chmod {one.wanted:o} {one.path}",
            why=f"others may read it (mode {one.mode:o})",
            asks=one.yours,
            mode=one.wanted,
        )
        for one in left.loose
    ]
    found += [
        DoctorFix(
            cure=FixKind.RESUME,
            target=name,
            command=f"redistopo resume {name}",
            why=f"pid {pid} is stopped (SIGSTOP)",
            asks=True,
        )
        for name, pid in paused.items()
    ]
    found += [
        DoctorFix(
            cure=FixKind.END,
            target=one.folder,
            command=f"kill -TERM {one.mark.pid}",
            why=f"a server in {one.folder} that no topology has on record; it saves first",
            asks=True,
            mark=one.mark,
        )
        for one in left.orphans
        if one.listed
    ]
    return tuple(found)
