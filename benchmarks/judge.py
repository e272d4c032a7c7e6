"""Strictly healthy or not: judged with bare redis-py connections, not with redistopo's checks.

Strict: every node reports cluster_state:ok, 16384 slots ok and the expected number of known
nodes; no handshake or fail flag; every bus link connected; the same slot map and the same
roles by every node's own table; every replica has its link up and is online at its primary.
"""

import time
from dataclasses import dataclass, field

from redis import Connection
from redis.exceptions import RedisError

_POLL_SECONDS = 0.01
_BAD_FLAGS = {"fail", "fail?", "handshake", "noaddr"}

Table = frozenset[tuple[str, bool, str, tuple[str, ...]]]
"""What one node believes: (id, is a replica, whose replica, slots) of each node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The nodes that must be healthy: the first ones are shards' primaries to be."""

    ports: tuple[int, ...]
    shards: int
    clustered: bool
    password: str = ""

    @property
    def replicas(self) -> int:
        return len(self.ports) - self.shards

    @property
    def all_ports(self) -> tuple[int, ...]:
        """Data ports, and the bus ports of a cluster."""
        buses = tuple(port + 10000 for port in self.ports) if self.clustered else ()
        return (*self.ports, *buses)


@dataclass(slots=True, kw_only=True)
class Judge:
    """Connections to the nodes, kept between looks."""

    wanted: Wanted
    _open: dict[int, Connection] = field(default_factory=dict)

    def close(self) -> None:
        for connection in self._open.values():
            connection.disconnect()
        self._open.clear()

    def listening(self, port: int) -> bool:
        """Whether a server answers PING there."""
        try:
            return self._ask(port, ("PING",)) == ["PONG"]
        except (RedisError, OSError):
            self._open.pop(port, None)
            return False

    def faults(self) -> list[str]:
        """What is not healthy now, the first fault only; empty when strictly healthy."""
        wanted = self.wanted
        tables: dict[int, Table] = {}
        attached: set[int] = set()
        online: set[int] = set()
        for port in wanted.ports:
            try:
                fault = self._look(port, tables, attached, online)
            except (RedisError, OSError) as error:
                self._open.pop(port, None)
                fault = f"doesn't answer: {error}"
            if fault:
                return [f"{port}: {fault}"]
        if wanted.clustered and len(set(tables.values())) != 1:
            return [f"{len(set(tables.values()))} different slot maps or roles"]
        if len(attached) != wanted.replicas or attached != online:
            return [f"replicas: {len(attached)} linked, {len(online)} online, {wanted.replicas}"]
        return []

    def await_healthy(self, seconds: float) -> float:
        """When it was healthy (the begin of the look that saw it); TimeoutError if never.

        A look ends at the first fault, so polling costs the machine next to nothing.
        """
        end = time.perf_counter() + seconds
        while True:
            began = time.perf_counter()
            found = self.faults()
            if not found:
                return began
            if began > end:
                raise TimeoutError(f"not healthy after {seconds:g} s: {found[0]}")
            time.sleep(_POLL_SECONDS)

    def _look(
        self, port: int, tables: dict[int, Table], attached: set[int], online: set[int]
    ) -> str:
        if self.wanted.clustered:
            state, nodes, text = self._ask(
                port, ("CLUSTER", "INFO"), ("CLUSTER", "NODES"), ("INFO", "replication")
            )
            tables[port], fault = _table(nodes)
            if fault := _state(state, len(self.wanted.ports)) or fault:
                return fault
        else:
            (text,) = self._ask(port, ("INFO", "replication"))
        info = _fields(text)
        if info["role"] == "slave":
            attached.add(port)
            return "" if info.get("master_link_status") == "up" else "its link is down"
        for name, value in info.items():
            if name.startswith("slave") and name[5:].isdigit() and "state=online" in value:
                online.add(int(value.split("port=")[1].split(",")[0]))
        return ""

    def _ask(self, port: int, *commands: tuple[str, ...]) -> list[str]:
        connection = self._open.get(port)
        if connection is None:
            connection = Connection(
                host="127.0.0.1",
                port=port,
                password=self.wanted.password or None,
                protocol=2,
                socket_timeout=5,
                decode_responses=True,
                driver_info=None,
            )
            connection.connect()
            self._open[port] = connection
        connection.send_packed_command(connection.pack_commands(commands))
        return [str(connection.read_response()) for _ in commands]


def _fields(text: str) -> dict[str, str]:
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


def _state(text: str, nodes: int) -> str:
    info = _fields(text)
    expected = {"state": "ok", "slots_ok": "16384", "known_nodes": str(nodes)}
    seen = {name: info.get(f"cluster_{name}", "") for name in expected}
    wrong = [f"cluster_{name}:{seen[name]}" for name in expected if seen[name] != expected[name]]
    return ", ".join(wrong)


def _table(text: str) -> tuple[Table, str]:
    rows = []
    fault = ""
    for line in text.splitlines():
        node, _address, flags, primary, _ping, _pong, _epoch, link, *slots = line.split()
        said = set(flags.split(","))
        if said & _BAD_FLAGS or link != "connected":
            fault = f"sees {node[:8]} as {flags}, {link}"
        rows.append((node, "slave" in said, primary, tuple(sorted(slots))))
    return frozenset(rows), fault
