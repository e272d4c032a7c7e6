"""The plan of a topology over several hosts, with the server that is installed there."""

from redistopo.errors import UsageError
from redistopo.host.fleet.fleet_host import FleetHost, new_fleet
from redistopo.host.fleet.run_ansible import require_ansible
from redistopo.host.host import Host
from redistopo.model.planning.plan import Plan
from redistopo.project.load import Project, engine_request, plan_with


def plan_on_hosts(
    project: Project, host: Host, engine: str, *, assume: bool
) -> tuple[FleetHost, Plan]:
    """Return all hosts of the topology, and its plan on them.

    With `assume`, an engine is assumed where none is known, and no host is asked. Raises
    MissingPrerequisite without Ansible, or if a host has no server that fits.
    """
    hosts, layout = project.topology.hosts, project.layout
    if hosts is None:
        raise UsageError("the topology file names no hosts")
    require_ansible()
    found = host if isinstance(host, FleetHost) else new_fleet(layout, hosts, project.topology.name)
    request = engine_request(engine or project.topology.engine)
    chosen = found.known_engine(request, hosts)
    if chosen is None:
        chosen = request.assumed if assume else found.engine(request, hosts)
    plan = plan_with(project, chosen, "found on the hosts")
    found.place(hosts, plan.nodes)
    return found, plan
