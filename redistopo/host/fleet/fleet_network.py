"""The network between the machines: what each of them reaches, and a partition of one of them."""

from collections.abc import Collection, Mapping
from ipaddress import ip_address
from typing import Any

from redistopo.errors import UsageError
from redistopo.host.fleet.conversation import Op
from redistopo.host.fleet.fleet import Fleet
from redistopo.host.fleet.fleet_file import Place
from redistopo.host.fleet.host_results import HostResults
from redistopo.host.fleet.refusals import unreachable
from redistopo.host.fleet.units import kept_by, switched_off
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.state.host_reach import HostReach, PortFailed
from redistopo.model.topology.hosts import Service
from redistopo.quick_dataclass import dataclass

_REACH_SECONDS = 2.0


def reach_of(fleet: Fleet) -> tuple[HostReach, ...]:
    """Connect from each machine to the ports of all nodes on the others, in one run; with units of
    systemd, a second one looks whether they are enabled."""
    places = fleet.file.places
    ends = {
        machine: {
            (one.host, port): name
            for name, one in places.items()
            if one.machine != machine
            for port in one.ports
        }
        for machine in dict.fromkeys(one.machine for one in places.values())
    }
    ops: dict[str, Op] = {
        machine: {"op": "reach", "endpoints": list(some), "seconds": _REACH_SECONDS}
        for machine, some in ends.items()
    }
    found, missed = fleet.ask(ops)
    off: Mapping[str, tuple[str, ...]] = {}
    if any(kept_by(fleet.file, machine) is Service.SYSTEMD for machine in ends):
        fleet.look_again()
        off = switched_off(fleet, fleet.layout)
    return tuple(
        HostReach(host=machine, error=missed[machine])
        if machine in missed
        else HostReach(
            host=machine,
            tried=len(some),
            failed=_failed(found[machine], some),
            not_at_boot=off.get(machine, ()),
        )
        for machine, some in ends.items()
    )


def _failed(
    result: Mapping[str, Any], names: Mapping[tuple[str, int], str]
) -> tuple[PortFailed, ...]:
    return tuple(
        PortFailed(node=names[host, port], endpoint=Endpoint(host, port), why=why)
        for host, port, why in result["failed"]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPartition:
    """A partition of one machine from the others: TCP from or to the topology's ports there is
    dropped, both ways. SSH and clients elsewhere are not affected."""

    fleet: Fleet
    machine: str

    def refuse(self) -> None:
        """Raise MissingPrerequisite if the machine doesn't allow it, which takes root."""
        self._perform({**self._op("cut"), "seconds": 0})

    def cut(self, seconds: float) -> None:
        """Begin it; the machine itself ends it after so many seconds, if nothing else does."""
        self._perform({**self._op("cut"), "seconds": round(seconds)})

    def heal(self) -> None:
        """End it; does nothing if there is none."""
        self._perform(self._op("heal"))

    def _perform(self, op: Op) -> None:
        _found, missed = self.fleet.ask({self.machine: op})
        if why := missed.get(self.machine):
            raise unreachable(self.fleet.file.hosts, self.machine, HostResults(unreachable=why))

    def _op(self, name: str) -> Op:
        places = self.fleet.file.places.values()
        others = dict.fromkeys(one.host for one in places if one.machine != self.machine)
        ports = sorted({port for one in places for port in one.ports})
        table = f"redistopo_{self.fleet.file.id[:12]}"
        where = {"base": self.fleet.base, "name": table}
        return {"op": name, **where, "others": list(others), "ports": ports}


def host_partition(fleet: Fleet, nodes: Collection[str]) -> HostPartition:
    """Return the partition of the machine of these nodes, which are all that it has.

    Raises UsageError for a part of a machine's nodes, and for machines that are this one.
    """
    places = fleet.file.places
    machine = next(places[name].machine for name in nodes)
    there = [name for name, one in places.items() if one.machine == machine]
    _refuse_loopback(places)
    if left := [name for name in there if name not in nodes]:
        raise UsageError(
            f"{', '.join(nodes)} can't be cut off without {', '.join(left)} on host {machine}",
            hint=f"redistopo drill host {machine} --fault partition",
        )
    return HostPartition(fleet=fleet, machine=machine)


def _refuse_loopback(places: Mapping[str, Place]) -> None:
    for one in places.values():
        if ip_address(one.host).is_loopback:
            raise UsageError(
                f"host {one.machine} is this machine ({one.host}): it can't be cut off",
                hint="--fault freeze, or kill",
            )


def heal_partitions(fleet: Fleet, nodes: Collection[str]) -> None:
    """End the partition of the machines of these nodes; raises Unreachable."""
    places = fleet.file.places
    for machine in dict.fromkeys(places[name].machine for name in nodes if name in places):
        HostPartition(fleet=fleet, machine=machine).heal()
