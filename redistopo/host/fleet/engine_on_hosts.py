"""Finds the server program on the hosts: one path and version on all of them."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from redistopo.errors import MissingPrerequisite
from redistopo.host.fleet.fleet_file import FleetFile
from redistopo.host.fleet.host_results import HostResults
from redistopo.host.fleet.refusals import refusal, unreachable
from redistopo.host.fleet.units import choose_service
from redistopo.model.planning.host_package import machines_lacking
from redistopo.model.protocol.engine import Engine, EngineRequest, parse_banner
from redistopo.model.topology.hosts import Hosts, Service

if TYPE_CHECKING:
    from redistopo.host.fleet.fleet import Fleet

_INSTALL_SECONDS = 600.0


def engine_on_hosts(fleet: "Fleet", request: EngineRequest, hosts: Hosts) -> Engine:
    """Look up the server on all machines: the first that fits, and that all of them have.

    Raises MissingPrerequisite with the machines that have none that fits, or with one that has
    another version than the first.
    """
    names = [one.name for one in hosts.machines]
    found = _facts(fleet, hosts)
    there = {name: _there(found[name]) for name in names}
    fit = {name: [one for one in some if _fits(one, request)] for name, some in there.items()}
    if lacking := [name for name, some in fit.items() if not some]:
        raise _lacking(lacking, there, request, hosts)
    titles = {name: {(one.path, one.title) for one in some} for name, some in fit.items()}
    for first in fit[names[0]]:
        if all((first.path, first.title) in some for some in titles.values()):
            asked = (one.address for one in hosts.machines)
            banner = _engines(found[names[0]])[first.path]
            fleet.file = replace(
                fleet.file,
                engine=first.path,
                banner=banner,
                asked=tuple(asked),
                services=_services(fleet.file, hosts, found),
            )
            return first
    raise _differing({name: some[0] for name, some in fit.items()})


def lacking_package(fleet: "Fleet", request: EngineRequest, hosts: Hosts) -> tuple[str, ...]:
    """Return the machines that need the package of the topology file; asks all of them, unless a
    server is known that fits."""
    if not hosts.package or known_engine(fleet, request, hosts) is not None:
        return ()
    there = {name: _there(one) for name, one in _facts(fleet, hosts).items()}
    fit = {name: [one for one in some if _fits(one, request)] for name, some in there.items()}
    return machines_lacking(fit, hosts.package_product)


def install_package(fleet: "Fleet", hosts: Hosts, names: Collection[str]) -> None:
    """Install the package of the topology file on these machines, on all of them at once."""
    package = hosts.package.partition(":")[2]
    op = {"op": "install", "package": package, "within": _INSTALL_SECONDS}
    for name, one in fleet.run(hosts, {name: [op] for name in names}).items():
        _require(hosts, name, one)


def _facts(fleet: "Fleet", hosts: Hosts) -> Mapping[str, HostResults]:
    """What each machine has; raises the error of one that wasn't reached, or that refused."""
    names = [one.name for one in hosts.machines]
    op = {"op": "facts", "engine": hosts.engine}
    found = fleet.run(hosts, {name: [op] for name in names}, required=names)
    for name, one in found.items():
        _require(hosts, name, one)
    return found


def known_engine(fleet: "Fleet", request: EngineRequest, hosts: Hosts) -> Engine | None:
    """Return the server that was found on all machines before; None if it doesn't fit."""
    known = _engine(fleet.file.engine, fleet.file.banner)
    if known is None or known.path != (hosts.engine or known.path):
        return None
    if not {one.address for one in hosts.machines} <= {*fleet.file.asked}:
        return None
    return known if request.accepts(known.product, known.version) else None


def _services(file: FleetFile, hosts: Hosts, found: Mapping[str, HostResults]) -> dict[str, str]:
    """How each machine keeps its servers; one with nodes whose record says nothing is of an older
    redistopo, and has processes."""
    placed = {one.machine: str(Service.PROCESS) for one in file.places.values()}
    known = {**placed, **file.services}
    return {
        name: choose_service(hosts, name, known.get(name, ""), one.results[0])
        for name, one in found.items()
    }


def _engines(one: HostResults) -> Mapping[str, Any]:
    found: Mapping[str, Any] = one.results[0]["engines"]
    return found


def _there(one: HostResults) -> list[Engine]:
    """The servers of one machine."""
    some = (_engine(path, banner) for path, banner in _engines(one).items())
    return [found for found in some if found]


def _require(hosts: Hosts, name: str, one: HostResults) -> None:
    """Raise the error of a machine that wasn't reached, or that refused the operation."""
    if one.unreachable or one.failed:
        raise unreachable(hosts, name, one)
    if "refused" in one.results[0]:
        raise refusal(hosts, name, one.results[0])


def _fits(one: Engine, request: EngineRequest) -> bool:
    return one.supported and request.accepts(one.product, one.version)


def _lacking(
    names: list[str], there: Mapping[str, list[Engine]], request: EngineRequest, hosts: Hosts
) -> MissingPrerequisite:
    """The error of machines without a server that fits."""
    which = f"host {names[0]} has" if len(names) == 1 else f"hosts {', '.join(names)} have"
    wanted = hosts.engine or request.text
    seen = [f"{name}: {one.title} at {one.path}" for name in names for one in there[name]]
    return MissingPrerequisite(
        f"{which} no server that fits engine = {wanted}"
        if seen
        else f"{which} no server: {hosts.engine or 'redis-server or valkey-server'}",
        detail="\n".join(seen) or "looked on PATH and in /usr/local/bin and /usr/bin",
        hint=f"redistopo up installs {hosts.package} there, then the same command again"
        if hosts.package and not seen
        else "install one there (apt-get install redis-server), or set engine in [hosts]",
    )


def _differing(chosen: Mapping[str, Engine]) -> MissingPrerequisite:
    """The error of the first machine that has another server than the first machine."""
    (first, mine), *others = chosen.items()
    title = (mine.path, mine.title)
    name, other = next((n, one) for n, one in others if (one.path, one.title) != title)
    return MissingPrerequisite(
        f"host {name} has another server than {first}",
        detail=f"{first}: {mine.title} at {mine.path}\n{name}: {other.title} at {other.path}",
        hint="install the same server on all hosts, or set engine in [hosts] to its path",
    )


def _engine(path: str, banner: str) -> Engine | None:
    found = parse_banner(banner)
    if found is None:
        return None
    return Engine(product=found[0], version=found[1], path=path, source="hosts")
