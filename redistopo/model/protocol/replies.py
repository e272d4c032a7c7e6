"""Server replies parsed into values: INFO, CLUSTER INFO and CLUSTER NODES.

Formats: redis.io, commands INFO and CLUSTER NODES; the same in Redis 6.2 to 8.2 and
Valkey 7.2 to 9.1, except for the optional parts noted below.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from functools import cached_property, lru_cache

from redistopo.errors import BadReply
from redistopo.model.protocol.endpoint import BUS_OFFSET, LAST_PORT, Addressed, Endpoint
from redistopo.model.protocol.slots import SLOT_COUNT, SlotRange
from redistopo.quick_dataclass import dataclass

NO_REPLY = "no reply"
"""The text that stands for a reply that never came begins so."""

_NUMBER = re.compile(r"-?[0-9]{1,19}")
_NUMBERS = frozenset(
    {
        "process_id", "connected_slaves", "master_port", "master_repl_offset", "slave_repl_offset",
        "repl_backlog_size", "master_last_io_seconds_ago", "used_memory", "connected_clients",
        "instantaneous_ops_per_sec", "uptime_in_seconds", "cluster_my_epoch",
        "cluster_current_epoch", "sync_full", "total_commands_processed",
    }
)  # fmt: skip

_NODE_ID = re.compile(r"[0-9a-f]{40}")
_ADDRESS = re.compile(r"(?P<host>.*):(?P<port>[0-9]{1,5})(?:@(?P<bus>[0-9]{1,5}))?")
_RANGE = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_OPEN_SLOT = re.compile(r"\[([0-9]{1,5})-([<>])-([0-9a-f]{40})\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSlot:
    """A slot that is being moved: `move` is "migrating to" or "importing from" the `node` id."""

    slot: int
    move: str
    node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterNodesLine(Addressed):
    """One line of CLUSTER NODES: a node's view of another node (or of itself).

    `replied` is whether it has ever sent a PONG; `linked` is whether the outgoing bus link to it
    is up; `pinged` is when the PING was sent that it hasn't answered, in milliseconds (0: none).
    """

    id: str
    bus_port: int
    flags: frozenset[str]
    primary_id: str
    replied: bool
    epoch: int
    linked: bool
    slots: tuple[SlotRange, ...]
    open_slots: tuple[OpenSlot, ...]
    pinged: int = field(default=0, compare=False)

    # cached: one object stands for the same line of all nodes, a hundred times in each check

    @cached_property
    def myself(self) -> bool:
        return "myself" in self.flags

    @cached_property
    def replica(self) -> bool:
        return "slave" in self.flags or "replica" in self.flags

    @cached_property
    def primary(self) -> bool:
        return "master" in self.flags or "primary" in self.flags

    @cached_property
    def failing(self) -> bool:
        """Whether it is flagged PFAIL or FAIL."""
        return "fail" in self.flags or "fail?" in self.flags

    @cached_property
    def lost(self) -> bool:
        """Whether it has no address any more: another node has its address, with another id."""
        return "noaddr" in self.flags or not self.port

    @cached_property
    def unknown(self) -> bool:
        """Whether it can't be reached yet, or any more, or has no clear role."""
        roleless = self.primary == self.replica
        return "handshake" in self.flags or "noaddr" in self.flags or roleless


def settles_nothing(reply: str) -> bool:
    """Return whether a reply doesn't tell if the client would be let in: there was none, or the
    server doesn't know the command, which it looks for before it asks for a password."""
    return reply.startswith(NO_REPLY) or "unknown command" in reply.lower()


def parse_info(text: str) -> dict[str, str]:
    """Parse INFO or CLUSTER INFO into field -> value, without section titles and blank lines."""
    fields = [line for line in _lines(text) if ":" in line and line[0] != "#"]
    found = dict(line.split(":", 1) for line in fields)
    if text.strip() and not found:
        raise BadReply("INFO has no field", detail=text[:200])
    # each query of a node has a hundred fields, of which a handful are numbers that are used
    for name, value in found.items():
        if name in _NUMBERS or name.startswith(("slave", "db")):
            _check_numbers(name, value)
    return found


def _lines(text: str) -> list[str]:
    """Split at newlines only; a path may contain other line boundaries of Python's splitlines."""
    return text.replace("\r\n", "\n").removesuffix("\r").split("\n")


def _check_numbers(name: str, value: str) -> None:
    """Raise BadReply if a field that is used as a number isn't one."""
    numbers = [value] if name in _NUMBERS else []
    if name.startswith(("slave", "db")) and re.fullmatch(r"(?:slave|db)[0-9]+", name):
        pairs = parse_pairs(value)
        numbers = [pairs[one] for one in ("port", "offset", "lag", "keys") if one in pairs]
    for number in numbers:
        if not _NUMBER.fullmatch(number):
            raise BadReply(f"INFO has no number in {name}", detail=f"{name}:{value}"[:200])


def parse_pairs(text: str) -> dict[str, str]:
    """Parse ``ip=127.0.0.1,port=7001,state=online``, INFO's format of replicas and keyspaces."""
    return dict(part.split("=", 1) for part in text.split(",") if "=" in part)


def parse_nodes(text: str) -> tuple[ClusterNodesLine, ...]:
    """Parse CLUSTER NODES; raises BadReply for anything else."""
    members = tuple(_member(line) for line in _lines(text) if line.strip())
    if sum(member.myself for member in members) != 1:
        raise BadReply("CLUSTER NODES doesn't name exactly one node as myself", detail=text[:400])
    return members


def at_listening_ports(members: Iterable[ClusterNodesLine]) -> tuple[ClusterNodesLine, ...]:
    """Return the members at the ports at which they listen, where clients are given others.

    Source: valkey.conf, cluster-announce-client-port; the bus port is never replaced.
    """
    return tuple(
        replace(one, endpoint=Endpoint(one.host, one.bus_port - BUS_OFFSET))
        if one.bus_port > BUS_OFFSET
        else one
        for one in members
    )


# In a cluster of 100 nodes each reports 100 lines per snapshot, which differ in the times of PING
# and PONG: hence caches, and one object for the same line of all nodes.

_SHARED_LENGTH = 1000
"""The longest line that is kept; of a primary with many ranges of slots, or of no server."""


def _member(line: str) -> ClusterNodesLine:
    try:
        *head, ping, pong, rest = line.split(" ", 6)
        read = _without_times if len(line) <= _SHARED_LENGTH else _without_times.__wrapped__
        found = read(" ".join((*head, rest)), replied=int(pong) > 0)
        return found if ping == "0" else replace(found, pinged=int(ping))
    except ValueError as error:
        raise BadReply(
            f"CLUSTER NODES has a line that can't be read ({error})", detail=line
        ) from error


@lru_cache(maxsize=4096)
def _without_times(line: str, *, replied: bool) -> ClusterNodesLine:
    node_id, address, flags, primary, epoch, link, *slots = line.split(" ")
    if not _NODE_ID.fullmatch(node_id):
        raise ValueError("no node id")
    if link not in ("connected", "disconnected"):
        raise ValueError("no link state")
    endpoint, bus_port = _place(address)
    return ClusterNodesLine(
        id=node_id,
        endpoint=endpoint,
        bus_port=bus_port,
        flags=_flags(flags),
        primary_id="" if primary == "-" else primary,
        replied=replied,
        epoch=int(epoch),
        linked=link == "connected",
        slots=tuple(slot_range(part) for part in slots if part and part[0] != "["),
        open_slots=tuple(_open(part) for part in slots if part and part[0] == "["),
    )


@lru_cache(maxsize=4096)
def _place(address: str) -> tuple[Endpoint, int]:
    """The endpoint and the bus port of ``127.0.0.1:7000@17000``."""
    # since 7.0 ",hostname" may follow, since 7.2 ",shard-id=..." in nodes.conf
    where = _ADDRESS.fullmatch(address.split(",", 1)[0])
    if where is None:
        raise ValueError("no address")
    port, bus = int(where["port"]), int(where["bus"] or 0)
    if max(port, bus) > LAST_PORT:
        raise ValueError("no port")
    return Endpoint(where["host"], port), bus


@lru_cache(maxsize=256)
def _flags(text: str) -> frozenset[str]:
    return frozenset(text.split(","))


@lru_cache(maxsize=4096)
def slot_range(text: str) -> SlotRange:
    """Parse a slot range (``0-5460``, ``8000``); raises ValueError for anything else."""
    parts = _RANGE.fullmatch(text)
    found = SlotRange(int(parts[1]), int(parts[2] or parts[1])) if parts else None
    if found is None or not found.first <= found.last < SLOT_COUNT:
        raise ValueError(f"no slot range: {text}")
    return found


def _open(text: str) -> OpenSlot:
    found = _OPEN_SLOT.fullmatch(text)
    if found is None:
        raise ValueError(f"no open slot: {text}")
    move = "migrating to" if found[2] == ">" else "importing from"
    return OpenSlot(slot=int(found[1]), move=move, node=found[3])


def keys_by_database(info: Mapping[str, str], kind: str = "keys") -> dict[int, int]:
    """Return the number of keys of each database that has any (INFO keyspace); with `kind`
    "expires", of those with a TTL."""
    return {
        int(name[2:]): int(parse_pairs(value).get(kind, 0))
        for name, value in sorted(info.items())
        if name.startswith("db") and re.fullmatch(r"db[0-9]+", name)
    }


def count_keys(info: Mapping[str, str]) -> int:
    """Return the number of keys in all databases (INFO keyspace)."""
    return sum(keys_by_database(info).values())


def count_expiring(info: Mapping[str, str]) -> int:
    """Return the number of keys with a TTL in all databases (INFO keyspace)."""
    return sum(keys_by_database(info, "expires").values())
