"""FleetHost: the machines of a topology over several hosts, as one Host."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from redistopo.errors import MissingPrerequisite, RedistopoError
from redistopo.host.fleet.engine_on_hosts import (
    engine_on_hosts,
    install_package,
    known_engine,
    lacking_package,
)
from redistopo.host.fleet.fleet import Fleet
from redistopo.host.fleet.fleet_file import FleetFile, Place, load_fleet_file, new_fleet_file
from redistopo.host.fleet.fleet_files import FleetFiles
from redistopo.host.fleet.fleet_processes import FleetProcesses
from redistopo.host.fleet.units import UnitText, kept_by
from redistopo.host.host import Files, LogFiles, Ports, Processes
from redistopo.host.local_host import LOCAL
from redistopo.host.log_files import Names
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.engine import Engine, EngineRequest
from redistopo.model.state.unix_socket import UnixSocketSeen
from redistopo.model.topology.hosts import Hosts
from redistopo.model.topology.project_paths import Layout
from redistopo.progress import Progress, note, warn

if TYPE_CHECKING:
    from redistopo.model.planning.plan import NodePlan
    from redistopo.model.planning.resource_limits import Limits
    from redistopo.model.planning.room import Room

_UNLIMITED = 1 << 30

_LEAST_WAIT = 15.0
"""Servers connect and agree within their node timeout, however long the runs of Ansible took."""


class FleetHost:
    """Dispatches by node and path to the machines; what concerns none of them is done here."""

    def __init__(self, layout: Layout, file: FleetFile) -> None:
        self.fleet = Fleet(layout, file)
        self.processes: Processes = FleetProcesses(self.fleet)
        self.files: Files = FleetFiles(self.fleet)
        self.ports: Ports = _FleetPorts(self.fleet)

    def report(self, progress: Progress) -> None:
        """Report which machines a run of Ansible still waits for, if it takes long, and which ones
        are left out."""

        def waiting(left: Sequence[str], done: Sequence[str]) -> None:
            hosts = "host" if len(left) == 1 else "hosts"
            note(progress, f"still waiting for {hosts} {', '.join(left)}; done: {', '.join(done)}")

        def left_out(error: RedistopoError) -> None:
            warn(progress, f"{error.message}; it is left out")

        def missing(name: str, why: str) -> None:
            note(progress, f"host {name} can't be reached by SSH: {why}")

        self.fleet.ansible.waiting, self.fleet.ansible.missing = waiting, missing
        self.fleet.left_out = left_out

    @property
    def least_wait(self) -> float:
        """How many seconds are left at least for servers that were just started."""
        return _LEAST_WAIT

    def refresh(self, since: float) -> None:
        self.fleet.look_since(since)

    def limits(self, needed: int) -> "Limits":  # noqa: ARG002  counted on this machine only
        """Return no limits: those of the hosts are reported when a server meets them."""
        from redistopo.model.planning.resource_limits import Limits

        return Limits(files=_UNLIMITED, server_files=_UNLIMITED, tasks=None)

    def room(self, folder: Path) -> "Room":
        """Return what is left on the node's machine, of a path of ours on this one."""
        from redistopo.model.planning.room import Room

        place = self.fleet.located(folder)
        if place is None:
            return LOCAL.room(folder)
        seen = self.fleet.seen(place[0])
        return Room(memory=seen.memory, disk=seen.free)

    def there(self, path: Path) -> str:
        """Return the path on its machine of a file below the state folder."""
        return self.fleet.there(path)

    def flush(self) -> None:
        """Do what is queued."""
        self.fleet.flush()

    def claim(self, verb: str, *, partly: bool = False) -> None:
        """Lock the machines for a verb that changes the topology."""
        self.fleet.claim(verb, partly=partly)

    def reach(self) -> None:
        """Lock the machines at once; raises Unreachable if one isn't reached."""
        self.fleet.reach()

    def release(self) -> None:
        """Do what is queued, and release the machines."""
        self.fleet.release()

    def place(self, hosts: Hosts, nodes: "Iterable[NodePlan]", unit_text: UnitText) -> None:
        """Use the machines of a plan, and the units of its nodes."""
        self.fleet.unit_text = unit_text
        places = {
            node.name: Place(machine=node.machine, host=node.host, ports=node.ports)
            for node in nodes
        }
        self.fleet.place(hosts, places)

    @property
    def services(self) -> Mapping[str, str]:
        """How each machine keeps its servers, as it was chosen."""
        return {name: kept_by(self.fleet.file, name) for name in self.fleet.file.services}

    def known_engine(self, request: EngineRequest, hosts: Hosts) -> Engine | None:
        """Return the server that was found on the machines before, if it fits."""
        return known_engine(self.fleet, request, hosts)

    def engine(self, request: EngineRequest, hosts: Hosts) -> Engine:
        """Return the server that is installed on every machine; raises MissingPrerequisite."""
        return engine_on_hosts(self.fleet, request, hosts)

    def lacking_package(self, request: EngineRequest, hosts: Hosts) -> tuple[str, ...]:
        """Return the machines that need the package of the topology file."""
        return lacking_package(self.fleet, request, hosts)

    def install_package(self, hosts: Hosts, names: Collection[str]) -> None:
        """Install it on these machines."""
        install_package(self.fleet, hosts, names)

    @property
    def asked(self) -> Collection[str]:
        """The addresses of the machines that are known to have the server."""
        return self.fleet.file.asked

    def has_copies(self, nodes: Collection[str]) -> bool:
        """Return whether the files of these nodes are known to be as they are here."""
        return all(map(self.fleet.copies.current, nodes))

    def set_aside(self) -> None:
        """Put the nodes' folders on their machines aside."""
        from redistopo.host.fleet.set_aside import set_aside

        set_aside(self.fleet)

    def put_back(self) -> None:
        """Put them back."""
        from redistopo.host.fleet.set_aside import put_back

        put_back(self.fleet)

    def drop_aside(self) -> None:
        """Remove what was put aside."""
        from redistopo.host.fleet.set_aside import drop_aside

        drop_aside(self.fleet)

    def send(self, node: str, paths: Sequence[Path]) -> None:
        """Copy these text files of the state folder to the node's machine."""
        self.fleet.send(node, paths)

    def facts(self) -> Mapping[str, object]:
        """Return each machine's memory, boot, Python and servers, or why it wasn't reached."""
        machines = dict.fromkeys(one.machine for one in self.fleet.file.places.values())
        engine = self.fleet.file.hosts.engine
        found, missed = self.fleet.ask(
            {name: {"op": "facts", "engine": engine} for name in machines}
        )
        return {name: found.get(name, missed.get(name, "")) for name in machines}

    def logs(self, layout: Layout, names: Names) -> LogFiles:  # noqa: ARG002
        """Return copies of the logs' ends, which grow as the logs do."""
        from redistopo.host.fleet.fleet_logs import FleetLogs

        return FleetLogs(self.fleet, names)

    def wipe(self) -> None:
        """Remove the topology's folder on every machine."""
        self.fleet.wipe()


class _FleetPorts:
    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def _taken(self, endpoint: Endpoint) -> str:
        for node, place in self._fleet.file.places.items():
            if place.host == endpoint.host and endpoint.port in place.ports:
                return self._fleet.seen(node).taken.get(endpoint.port, "")
        return ""

    def is_free(self, endpoint: Endpoint) -> bool:
        return not self._taken(endpoint)

    def holder(self, endpoint: Endpoint) -> str:
        return self._taken(endpoint)

    def listening(
        self,
        port_by_pid: Mapping[int, int],  # noqa: ARG002
    ) -> Mapping[int, tuple[str, ...]] | None:
        """None: pids and ports of several machines aren't distinct."""
        return None

    def unix_socket(self, path: Path) -> UnixSocketSeen:
        return UnixSocketSeen(path=str(path))


def fleet_of(layout: Layout) -> FleetHost | None:
    """Return the machines of a topology that was planned over several hosts; None for others."""
    file = load_fleet_file(layout)
    return FleetHost(layout, file) if file is not None else None


def new_fleet(layout: Layout, hosts: Hosts, topology: str) -> FleetHost:
    """Return the machines of a topology that wasn't planned before."""
    if not hosts.machines:
        raise MissingPrerequisite("the topology file names no hosts")
    return FleetHost(layout, new_fleet_file(hosts, topology))
