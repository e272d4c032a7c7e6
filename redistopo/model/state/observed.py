"""Snapshots: every node observed once, so that many checks can judge the same state."""

import re
from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum

from redistopo.model.protocol.credentials import AccessProbe
from redistopo.model.protocol.endpoint import Addressed, Endpoint, format_address
from redistopo.model.protocol.replies import ClusterNodesLine, count_keys, parse_pairs
from redistopo.model.protocol.sentinel_replies import MonitoredPrimary, latest_address
from redistopo.model.state.announced import Announced
from redistopo.model.state.clock import Clock
from redistopo.model.state.disk import DiskSeen
from redistopo.model.state.host_reach import HostReach
from redistopo.model.state.unix_socket import UnixSocketSeen
from redistopo.model.state.write_probe_result import WriteProbeResult
from redistopo.model.topology.spec import Shape
from redistopo.quick_dataclass import dataclass


class Role(StrEnum):
    """The role of a node (servers still print master and slave)."""

    PRIMARY = "primary"
    REPLICA = "replica"
    SENTINEL = "sentinel"


class ProcessState(StrEnum):
    """The state of the process that we recorded."""

    RUNNING = "running"
    ABSENT = "absent"
    NOT_OURS = "not ours"  # a topology that we didn't start: its processes aren't inspected


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaLink(Addressed):
    """A replica as its primary lists it (INFO replication, slaveN).

    `lag` is the number of seconds since its last acknowledgement; it sends one each second.
    """

    state: str
    offset: int
    lag: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSeen(Addressed):
    """One node at one moment: its replies, without any conclusions.

    `error` is why it didn't reply ("" if it did); `config` (CONFIG GET), `anonymous` (the reply to
    a client without a password), `listening` (addresses, from the kernel) and `access_probe` are
    None if they weren't inspected (`access_probe` also without TLS and ACL); `held_by` is the
    program that uses the ports of an absent node; `paused` is by SIGSTOP; `moved_from` is the
    project's folder when the node was started ("" if it hasn't moved), and paths below it in
    `config` are translated to the current one; `refused` maps a query to the error that the server
    replied with, `failover_refusals` the commands that a Sentinel needs to the errors it would get
    (None if they weren't tried); `hello_clients` is how many clients subscribe to the channel of
    Sentinels, as each of them does; `users` is ACL LIST, empty if unknown; `folder_lost` is whether
    its folder was removed or replaced while it ran; `log_damage` is why a start would not find all
    of the append-only log that it writes, "" if it would, None if unknown; `watches` are the
    primaries that a Sentinel monitors, whose settings are its `config`; `disk` is its folder, None
    if it wasn't read; `elsewhere` is where a process in its folder listens that doesn't at its
    port; `socket` is what is at its Unix socket's path; `printed` are the endpoints and ids that it
    gives to clients of a cluster; `sent` are our commands before this INFO; `clock` is its host's,
    None if unknown; `host_error` is why that host wasn't reached ("" if it was, or wasn't tried).
    """

    name: str
    process: ProcessState = ProcessState.NOT_OURS
    pid: int = 0
    paused: bool = False
    folder_lost: bool = False
    disk: DiskSeen | None = None
    log_damage: str | None = None
    held_by: str = ""
    moved_from: str = ""
    users: tuple[str, ...] = ()
    error: str = ""
    host_error: str = ""
    info: Mapping[str, str] = field(default_factory=dict)
    sent: int = 0
    clock: Clock | None = None
    cluster: Mapping[str, str] = field(default_factory=dict)
    members: tuple[ClusterNodesLine, ...] = ()
    printed: tuple[tuple[Endpoint, str], ...] = field(default=(), repr=False)
    watches: tuple[MonitoredPrimary, ...] = ()
    config: Mapping[str, str] | None = None
    refused: Mapping[str, str] = field(default_factory=dict)
    failover_refusals: Mapping[str, str] | None = None
    hello_clients: int = 0
    anonymous: str | None = None
    access_probe: AccessProbe | None = None
    listening: tuple[str, ...] | None = None
    socket: UnixSocketSeen | None = None
    elsewhere: tuple[str, ...] = ()
    myself: ClusterNodesLine | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        own = next((one for one in self.members if one.myself), None)  # once: checks need it often
        object.__setattr__(self, "myself", own)

    @property
    def config_refused(self) -> str:
        """The error that CONFIG GET got; "" if it was answered, or not sent."""
        return self.refused.get("CONFIG GET", "")

    @property
    def on_disk(self) -> DiskSeen:
        """Its folder; raises LookupError if the snapshot was taken without disks."""
        if self.disk is None:
            raise LookupError(f"the snapshot has no disk of {self.name}")
        return self.disk

    @property
    def holds_keys(self) -> bool:
        """Whether it has keys: live where it answers, else on disk."""
        return self.keys > 0 if self.answers else self.on_disk.has_keys

    @property
    def answers(self) -> bool:
        return not self.error and bool(self.info)

    @property
    def ending(self) -> bool:
        """Whether SHUTDOWN waits for its replicas (INFO server, since Redis 7.0)."""
        return "shutdown_in_milliseconds" in self.info

    @property
    def running(self) -> bool:
        """Whether its process runs; that of a server that we didn't start, if it replies."""
        replies = self.process is ProcessState.NOT_OURS and self.answers
        return replies or self.process is ProcessState.RUNNING

    @property
    def id(self) -> str:
        """Its id in the cluster, otherwise that of its process."""
        me = self.myself
        return me.id if me else self.info.get("run_id", "")

    @property
    def role(self) -> Role | None:
        """Its role as it reports it; None if it didn't reply."""
        # Valkey calls it server_mode, unless it is set to be compatible
        if "sentinel" in (self.info.get("redis_mode"), self.info.get("server_mode")):
            return Role.SENTINEL
        reported = self.info.get("role")
        return {"master": Role.PRIMARY, "slave": Role.REPLICA}.get(reported or "")

    @property
    def is_sentinel(self) -> bool:
        """Whether it is a Sentinel: as it reports or, if it doesn't reply, by its name (a
        Sentinel never changes its role)."""
        if self.role is None:
            return re.fullmatch(r"sentinel[0-9]+", self.name) is not None
        return self.role is Role.SENTINEL

    @property
    def tilted(self) -> bool:
        """Whether it is a Sentinel in TILT mode, taking no part in failovers until 30 s after
        its clock is normal again (redis.io, High availability with Redis Sentinel)."""
        return self.info.get("sentinel_tilt", "0") != "0"

    @property
    def follows(self) -> str:
        """Address of the primary that a replica follows, as the replica reports it."""
        if self.role is not Role.REPLICA:
            return ""
        return format_address(self.info.get("master_host", ""), self.info.get("master_port", ""))

    @property
    def ports(self) -> frozenset[int]:
        """The port at which it was queried, and the one at which it listens, which its primary
        lists: another one, where ports are mapped."""
        listens = self.info.get("tcp_port", "")
        return frozenset({self.port, int(listens) if listens.isdecimal() else self.port})

    @property
    def link_up(self) -> bool:
        return self.info.get("master_link_status") == "up"

    @property
    def engine(self) -> str:
        """``Valkey 8.1.8``, as it reports itself."""
        if version := self.info.get("valkey_version"):
            return f"Valkey {version}"
        version = self.info.get("redis_version")
        return f"Redis {version}" if version else ""

    @property
    def offset(self) -> int:
        """Bytes of the replication stream: produced by a primary, processed by a replica."""
        name = "slave_repl_offset" if self.role is Role.REPLICA else "master_repl_offset"
        return int(self.info.get(name, 0))

    @property
    def replicas(self) -> tuple[ReplicaLink, ...]:
        """The replicas that this node lists."""
        found = []
        listed = int(self.info.get("connected_slaves", 0))
        for name, value in self.info.items() if listed else ():
            number = name[5:] if name.startswith("slave") and len(name) < 15 else ""
            if not number.isdecimal() or int(number) >= listed:
                continue
            pairs = parse_pairs(value)
            found.append(
                ReplicaLink(
                    endpoint=Endpoint(pairs.get("ip", ""), int(pairs.get("port", 0))),
                    state=pairs.get("state", ""),
                    offset=int(pairs.get("offset", 0)),
                    lag=int(pairs.get("lag", 0)),
                )
            )
        return tuple(found)

    @property
    def keys(self) -> int:
        """Keys in all databases (INFO keyspace)."""
        return count_keys(self.info)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """All nodes, observed in one round; `announced`, `write_probes` and `host_reach` are None if
    they weren't tried."""

    shape: Shape
    nodes: tuple[NodeSeen, ...]
    announced: tuple[Announced, ...] | None = None
    write_probes: tuple[WriteProbeResult, ...] | None = None
    host_reach: tuple[HostReach, ...] | None = None
    _by_address: Mapping[str, NodeSeen] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # once: checks look up each node's view of each other one
        found = {node.address: node for node in reversed(self.nodes)}
        object.__setattr__(self, "_by_address", found)

    @property
    def running(self) -> tuple[NodeSeen, ...]:
        """The nodes whose process runs."""
        return tuple(node for node in self.nodes if node.running)

    @property
    def answering(self) -> tuple[NodeSeen, ...]:
        return tuple(node for node in self.nodes if node.answers)

    @property
    def engine(self) -> str:
        """The server, as the first replying node reports it; "" if none replies."""
        return next((node.engine for node in self.answering), "")

    @property
    def engines(self) -> tuple[str, ...]:
        """The servers, as all replying nodes report them."""
        return tuple(dict.fromkeys(filter(None, (node.engine for node in self.answering))))

    @property
    def sentinels(self) -> tuple[NodeSeen, ...]:
        """The Sentinels that reply."""
        return tuple(node for node in self.answering if node.role is Role.SENTINEL)

    @property
    def named(self) -> str:
        """Address of the primary that the Sentinels name; "" if none does."""
        watches = (watch for node in self.sentinels for watch in node.watches)
        return latest_address((watch.address, watch.epoch) for watch in watches)

    @property
    def named_watches(self) -> tuple[MonitoredPrimary, ...]:
        """What each Sentinel reports of its primary (of the first, if it monitors several)."""
        return tuple(node.watches[0] for node in self.sentinels if node.watches)

    @property
    def primary(self) -> str:
        """The name of a replication's one answering primary; "" for none or several."""
        found = [node.name for node in self.answering if node.role is Role.PRIMARY]
        return found[0] if len(found) == 1 else ""

    @property
    def nodes_confs(self) -> dict[str, str]:
        """Address -> text of each node's nodes.conf on disk, where there is one."""
        return {node.address: text for node in self.nodes if (text := node.on_disk.nodes_conf)}

    def at(self, address: str) -> NodeSeen | None:
        """Return the node with that address."""
        return self._by_address.get(address)
