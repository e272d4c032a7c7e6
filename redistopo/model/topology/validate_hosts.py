"""Validates the machines of a topology over several hosts, together with its other keys."""

import difflib
import ipaddress
from collections.abc import Iterator

from redistopo.model.protocol.engine import parse_request
from redistopo.model.topology.check_key import TopologyProblem
from redistopo.model.topology.hosts import Hosts, Machine
from redistopo.model.topology.parse_hosts import PIN
from redistopo.model.topology.spec import Topology


def validate_hosts(topology: Topology, hosts: Hosts) -> Iterator[TopologyProblem]:
    """Yield every problem of the machines, those of an inventory only once it was read."""
    seen: dict[str, str] = {}
    families = {_version(one) for one in hosts.machines} - {0}
    for one in hosts.machines:
        key = f"hosts.{one.name}.address"
        yield from _address(topology, key, one)
        if len(families) > 1 and _version(one) == 6:
            allowed = "the addresses of all machines must be of one family, IPv4 or IPv6"
            yield TopologyProblem(key, f"is {one.address}", allowed)
        if other := seen.get(one.address):
            yield TopologyProblem(
                key,
                f"is {one.address}, as of {other}",
                "each machine has an address of its own",
                hint=f"if {other} and {one.name} are one machine, remove one of them",
            )
        seen.setdefault(one.address, one.name)
    yield from _pins(hosts)
    yield from _package(topology, hosts)


def _package(topology: Topology, hosts: Hosts) -> Iterator[TopologyProblem]:
    asked = parse_request(topology.engine)
    if hosts.package and asked and asked.product not in (None, hosts.package_product):
        has = f"it has {hosts.package_product.label}, and engine is {topology.engine}"
        yield TopologyProblem("hosts.package", f"is {hosts.package}", has)


def _version(machine: Machine) -> int:
    try:
        return ipaddress.ip_address(machine.address).version
    except ValueError:
        return 0


def _address(topology: Topology, key: str, machine: Machine) -> Iterator[TopologyProblem]:
    try:
        address = ipaddress.ip_address(machine.address)
    except ValueError:
        allowed = "must be one IP address, such as 10.0.0.1"
        yield TopologyProblem(key, f"is {machine.address!r}", allowed)
        return
    if address.is_unspecified or str(address) != machine.address or "%" in machine.address:
        yield TopologyProblem(
            key, f"is {machine.address}", "must be one address, written as servers do"
        )
    elif not topology.auth and not address.is_loopback:
        yield TopologyProblem(
            "auth",
            f"is false while {machine.name} is {machine.address}",
            "a server without a password may only bind a loopback address",
        )


def _pins(hosts: Hosts) -> Iterator[TopologyProblem]:
    names = [one.name for one in hosts.machines]
    for node, name in hosts.pins.items() if names else ():
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            yield TopologyProblem(
                f"nodes.{node}.{PIN}",
                f"is {name!r}",
                f"must be one of {', '.join(names)}",
                hint=f"did you mean {near[0]}?" if near else "",
            )
