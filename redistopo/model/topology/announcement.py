"""Validates what servers give to clients: an address or a name, and ports."""

import ipaddress
from collections.abc import Iterable

from redistopo.model.protocol.endpoint import BUS_OFFSET, LAST_PORT
from redistopo.model.topology.check_key import TopologyProblem
from redistopo.model.topology.spec import Shape, Topology


def announced_host_problems(topology: Topology, *, every: bool) -> Iterable[TopologyProblem]:
    """List what is wrong with `announce_host`: it must be an address where nodes listen, or lead to
    one; with `every`, they listen at every address."""
    given = topology.announce_host
    if every and not given and topology.shape is not Shape.STANDALONE:
        yield TopologyProblem(
            "host",
            f"is {topology.host}, without announce_host",
            "servers give clients one address, which must be one that they can connect to",
            hint="for this machine only: 127.0.0.1; else set announce_host to its address",
        )
    elif topology.announced_name:
        if not topology.clustered:
            yield TopologyProblem(
                "announce_host",
                f"is {given!r}",
                f"with shape {topology.shape}, must be an address: replicas and Sentinels connect "
                "to it too",
            )
        elif ":" in given:
            yield TopologyProblem("announce_host", f"is {given!r}", "is no address and no name")
    elif given:
        yield from _announced_address(topology, every=every)


def _announced_address(topology: Topology, *, every: bool) -> Iterable[TopologyProblem]:
    given = ipaddress.ip_address(topology.announce_host)
    host = ipaddress.ip_address(topology.host)
    problem = ""
    if given.is_unspecified or str(given) != topology.announce_host:
        problem = "must be one address, written as servers do"
    elif given.version != host.version:
        problem = f"must be of the same family as host, {topology.host}"
    elif not every and given != host:
        problem = f"nodes listen at {topology.host} only"
    if problem:
        every_address = "::" if given.version == 6 else "0.0.0.0"  # noqa: S104
        yield TopologyProblem(
            "announce_host",
            f"is {topology.announce_host}",
            problem,
            hint=f'host = "{every_address}" listens at every address',
        )


def client_port_problems(topology: Topology) -> Iterable[TopologyProblem]:
    """List what is wrong with `announce_port`: its ports must not be those of something else here,
    where they would lead to the wrong server."""
    first, size = topology.announce_port, topology.size
    if not first:
        return
    seen = f"is {first}"
    if not topology.clustered:
        yield TopologyProblem(
            "announce_port",
            seen,
            f"with shape {topology.shape}, servers use the port that clients are given, too",
            hint='only shape = "cluster" has ports for clients alone',
        )
    elif first + size - 1 > LAST_PORT:
        yield TopologyProblem(
            "announce_port", seen, f"with {size} nodes, must be at most {LAST_PORT - size + 1}"
        )
    for start, what in ((topology.port, "data"), (topology.port + BUS_OFFSET, "bus")):
        if abs(first - start) < size and first != topology.port:
            yield TopologyProblem(
                "announce_port",
                f"{seen}, so that clients are given other ports of these nodes",
                f"their {what} ports are {start} to {start + size - 1}",
            )
