"""How hosts keep their servers: as units of systemd, or as processes."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from redistopo.host.fleet.refusals import refusal
from redistopo.host.local_host import LOCAL
from redistopo.model.protocol.conf import read_conf
from redistopo.model.topology.boot_start import held_back, unit_name
from redistopo.model.topology.hosts import Hosts, Service
from redistopo.model.topology.project_paths import Layout

if TYPE_CHECKING:
    from redistopo.host.fleet.fleet import Fleet
    from redistopo.host.fleet.fleet_file import FleetFile

UnitText = Callable[[str, str], str]
"""The text of the unit of a node, in a folder on its machine, without the mark."""

OLDEST = 240
"""The first version of systemd with ``Type=exec`` and ``StandardOutput=append:`` (its NEWS)."""


def choose_service(hosts: Hosts, machine: str, recorded: str, facts: Mapping[str, Any]) -> Service:
    """Choose how a machine keeps servers: as the topology file says, as it was chosen before, or
    by systemd where that runs and we are root. Raises MissingPrerequisite if the file asks for
    what isn't there."""
    why = _why_no_units(facts)
    if hosts.service:
        if why and hosts.service == Service.SYSTEMD:
            raise refusal(hosts, machine, {"refused": "systemd", "why": why})
        return Service(hosts.service)
    if recorded == Service.PROCESS or why or hosts.is_local(machine):
        return Service.PROCESS
    return Service.SYSTEMD


def _why_no_units(facts: Mapping[str, Any]) -> str:
    """Why a machine can't have units of ours; "" if it can."""
    version = facts["systemd"]
    if not version:
        return f"its process 1 is {facts['init'] or 'unknown'}, and no systemd"
    if version < OLDEST:
        return f"systemd {version} is older than {OLDEST}"
    return "" if facts["uid"] == 0 else f"units take root, and this is user {facts['uid']}"


def kept_by(file: "FleetFile", machine: str) -> Service:
    """Return how a machine keeps servers: machines of an older record keep them as processes."""
    return Service(file.hosts.service or file.services.get(machine) or Service.PROCESS)


def unit_of(fleet: "Fleet", layout: Layout, node: str) -> dict[str, Any]:
    """Return what the module needs to know of a node's unit; without a text, it has none."""
    place, file = fleet.file.places[node], fleet.file
    unit: dict[str, Any] = {"name": unit_name(file.base, node), "id": file.id, "text": ""}
    if kept_by(file, place.machine) is Service.PROCESS or fleet.unit_text is None:
        return unit
    text = fleet.unit_text(node, fleet.remote(node))
    return {**unit, "text": text, "boot": _starts_at_boot(fleet, layout, node)}


def _starts_at_boot(fleet: "Fleet", layout: Layout, node: str) -> bool:
    """Whether a node that is a unit should start with its machine."""
    sentinels = [name for name in fleet.file.places if layout.node(name).sentinel]
    conf = read_conf(LOCAL.files.read(layout.node(node).config) or "")
    data_nodes = len(fleet.file.places) - len(sentinels)
    return not held_back(conf, data_nodes=data_nodes, watched=bool(sentinels))


def units_on(fleet: "Fleet", machine: str) -> dict[str, Any]:
    """Return the units of a machine, as the module's `look` wants them: {} for a machine that keeps
    servers as processes."""
    if kept_by(fleet.file, machine) is Service.PROCESS:
        return {}
    places = fleet.file.places
    there = [name for name, one in places.items() if one.machine == machine]
    names = {name: unit_name(fleet.base, name) for name in there}
    return {"units": {"id": fleet.file.id, "names": names}}


def switched_off(fleet: "Fleet", layout: Layout) -> dict[str, tuple[str, ...]]:
    """Return, by machine, the units of running nodes that should be enabled and aren't."""
    found: dict[str, tuple[str, ...]] = {}
    for node, place in fleet.file.places.items():
        seen = fleet.known(node)
        if seen is None or seen.process is None or seen.at_boot:
            continue
        by_unit = kept_by(fleet.file, place.machine) is Service.SYSTEMD
        if by_unit and _starts_at_boot(fleet, layout, node):
            found[place.machine] = (*found.get(place.machine, ()), unit_name(fleet.base, node))
    return found


def not_at_boot(fleet: "Fleet", node: str) -> None:
    """Queue that a node that was stopped isn't started with its host."""
    place = fleet.place_of(node)
    if place is not None and kept_by(fleet.file, place.machine) is Service.SYSTEMD:
        op = {"op": "unit_off", "name": unit_name(fleet.base, node), "id": fleet.file.id}
        fleet.queue(node, op)
