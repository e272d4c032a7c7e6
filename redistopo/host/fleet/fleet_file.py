"""The machines of a topology as it was last planned, beside its record: `down` needs no topology
file, and a topology file's other machines are noticed."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, field, replace
from typing import Any

from redistopo.host.files import private_folder, read_json, write_private
from redistopo.model.topology.hosts import Hosts, Machine
from redistopo.model.topology.project_paths import Layout
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a node is: its machine, its address and ports there."""

    machine: str
    host: str
    ports: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetFile:
    """The `id` in the marker on every host, the folder `base` there, the machines, the nodes'
    places, and the server's program with its banner; `asked` are the addresses of the machines
    that have it. `services` is how each machine keeps its servers, as it was chosen."""

    id: str
    base: str
    hosts: Hosts
    places: Mapping[str, Place] = field(default_factory=dict)
    engine: str = ""
    banner: str = ""
    asked: tuple[str, ...] = ()
    services: Mapping[str, str] = field(default_factory=dict)


def new_fleet_file(hosts: Hosts, topology: str) -> FleetFile:
    """Return the file of a topology that is planned for the first time."""
    return FleetFile(id=secrets.token_hex(8), base=hosts.folder(topology), hosts=hosts)


def load_fleet_file(layout: Layout) -> FleetFile | None:
    """Load it; None for a topology of this machine only, or if it is damaged."""
    values = read_json(layout.hosts)
    try:
        return _fleet_file(values) if values is not None else None
    except (KeyError, TypeError):
        return None


def _fleet_file(values: dict[str, Any]) -> FleetFile:
    hosts = dict(values["hosts"])
    machines = tuple(Machine(**one) for one in hosts.pop("machines"))
    found = FleetFile(**{**values, "hosts": Hosts(**hosts, machines=machines)})
    places = {
        name: Place(**{**one, "ports": tuple(one["ports"])})
        for name, one in values["places"].items()
    }
    asked = values.get("asked", [one.host for one in places.values()])
    return replace(found, places=places, asked=tuple(asked))


def save_fleet_file(layout: Layout, file: FleetFile) -> None:
    """Write it if it changed; requires the lock."""
    if load_fleet_file(layout) != file:
        private_folder(layout.hosts.parent)
        write_private(layout.hosts, json.dumps(asdict(file), indent=1) + "\n")
