"""A topology over several hosts: its plan, with the server that is installed there, and what the
hosts themselves can reach."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from redistopo.errors import UsageError
from redistopo.host.fleet.fleet_host import FleetHost, new_fleet
from redistopo.host.fleet.run_ansible import require_ansible
from redistopo.host.host import Host
from redistopo.host.polling import Deadline
from redistopo.model.planning.host_package import HostPackage
from redistopo.model.planning.plan import Plan
from redistopo.model.protocol.engine import EngineRequest
from redistopo.model.state.host_reach import HostReach
from redistopo.model.topology.hosts import Hosts
from redistopo.progress import Progress, step
from redistopo.project.load import Project, engine_request, plan_with
from redistopo.project.trust import require_trusted_hosts
from redistopo.render.unit_on_host import unit_on_host
from redistopo.session.session import Session


def use_places(host: Host, plan: Plan) -> None:
    """Use the machines of a plan from now on."""
    if plan.topology.hosts is not None and isinstance(host, FleetHost):
        host.place(plan.topology.hosts, plan.nodes, partial(unit_on_host, plan))


def services_of(host: Host) -> Mapping[str, str]:
    """Return how each host keeps servers; {} where that isn't known yet."""
    return host.services if isinstance(host, FleetHost) else {}


def reach_from_hosts(host: Host) -> tuple[HostReach, ...] | None:
    """Return what each host reaches of the others, by one run of Ansible; None for a topology on
    this machine."""
    if not isinstance(host, FleetHost):
        return None
    from redistopo.host.fleet.fleet_network import reach_of

    return reach_of(host.fleet)


def plan_on_hosts(
    project: Project, host: Host, progress: Progress, engine: str, *, assume: bool
) -> tuple[FleetHost, Plan]:
    """Return all hosts of the topology, and its plan on them.

    With `assume`, an engine is assumed where none is known, no host is asked, and no Ansible is
    needed. Otherwise raises MissingPrerequisite without Ansible, or if a host has no server that
    fits.
    """
    found, hosts, request = _opened(project, host, engine, ask=not assume)
    found.report(progress)
    chosen, why = found.known_engine(request, hosts), "found on the hosts"
    if chosen is None and assume:
        why = "assumed: no host was asked yet"
    if chosen is None:
        chosen = request.assumed if assume else found.engine(request, hosts)
    plan = plan_with(project, chosen, why)
    found.place(hosts, plan.nodes, partial(unit_on_host, plan))
    return found, plan


def package_needed(session: Session, engine: str = "", *, ask: bool) -> HostPackage | None:
    """Return the package that `up` installs first, with the hosts that need it; None for none.

    Without `ask` these are the hosts that were not asked yet for their server.
    """
    hosts = session.topology.hosts
    if hosts is None or not hosts.package:
        return None
    found, hosts, request = _opened(session.project, session.host, engine, ask=ask)
    session.host = found
    if ask:
        names = found.lacking_package(request, hosts)
    else:
        names = tuple(one.name for one in hosts.machines if one.address not in found.asked)
    return HostPackage(package=hosts.package, hosts=names, asked=ask) if names else None


def install_needed(session: Session, engine: str, seconds: float) -> None:
    """Install the package of the topology file on the hosts that need it; the time limit of the
    session, `seconds`, begins after that."""
    needed = package_needed(session, engine, ask=True)
    if needed is None:
        return
    found, hosts, _request = _opened(session.project, session.host, engine, ask=True)
    with step(session.progress, f"install {needed.package} on {', '.join(needed.hosts)}"):
        found.install_package(hosts, needed.hosts)
    session.deadline = Deadline(seconds)


def _opened(
    project: Project, host: Host, engine: str, *, ask: bool
) -> tuple[FleetHost, Hosts, EngineRequest]:
    """The machines of the project, its [hosts] table, and the server that it needs; with `ask`,
    raises the error of what prevents asking them."""
    hosts, layout = project.topology.hosts, project.layout
    if hosts is None:
        raise UsageError("the topology file names no hosts")
    if hosts.inventory:  # Ansible would look for it in the current folder
        hosts = replace(hosts, inventory=str(layout.root / hosts.inventory))
    if ask:
        require_trusted_hosts(layout, hosts)
        require_ansible()
    found = host if isinstance(host, FleetHost) else new_fleet(layout, hosts, project.topology.name)
    request = engine_request(engine or project.topology.engine)
    if request.path:  # of every machine
        hosts = replace(hosts, engine=request.path)
    return found, hosts, request
