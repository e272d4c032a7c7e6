"""The project that a verb works on: its folder, topology, plan and password."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from redistopo.errors import MissingPrerequisite, UntrustedFolder, UsageError
from redistopo.host.files import absolute, read_text
from redistopo.host.ports import has_address
from redistopo.model.protocol.engine import Engine, EngineRequest, parse_request
from redistopo.model.topology.hosts import Hosts
from redistopo.model.topology.parse import parse_topology, read_toml, salvage, topology_file_error
from redistopo.model.topology.project_paths import Layout
from redistopo.model.topology.spec import Topology
from redistopo.model.topology.validate import validate
from redistopo.project.registry import registered_topologies
from redistopo.project.trust import require_trust, require_trusted_inventory
from redistopo.quick_dataclass import dataclass

if TYPE_CHECKING:
    from redistopo.model.planning.plan import Plan

_MOST_NAMED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A folder with a valid topology file."""

    layout: Layout
    topology: Topology


def layout_of_folder(root: Path) -> Layout:
    """Return the layout of a project folder; absolute, so that servers find it from anywhere."""
    try:
        return Layout(absolute(root).resolve())
    except (OSError, RuntimeError) as error:
        raise UsageError(f"{root} can't be resolved", detail=str(error)) from error


def load_project(root: Path) -> Project:
    """Load the project in a folder.

    Raises UsageError if there is no topology file, or with all of its problems.
    """
    layout = layout_of_folder(root)
    text = read_text(layout.topology)
    if text is None:
        raise _no_topology(layout)
    known = _recorded_names(layout) if "nodes" in text else ()
    topology = read_topology(text, layout.topology.name, known)
    if topology.hosts is not None and topology.hosts.inventory:
        path = layout.root / topology.hosts.inventory
        topology = _with_inventory(topology, topology.hosts, layout)
        if problems := validate(topology, known):
            source = f"{layout.topology.name}, with the machines of {path},"
            raise topology_file_error(problems, source)
    return Project(layout=layout, topology=topology)


def _with_inventory(topology: Topology, hosts: Hosts, layout: Layout) -> Topology:
    """The topology with the machines of its inventory: as they were planned last, if the inventory
    is older, because Ansible takes a second to read it. An inventory may be a program: it is read
    only in a folder that is trusted."""
    from redistopo.host.fleet.fleet_file import load_fleet_file
    from redistopo.host.fleet.read_inventory import machines_in

    path = layout.root / hosts.inventory
    hosts = replace(hosts, inventory=str(path))
    last = load_fleet_file(layout)
    same = last is not None and (last.hosts.inventory, last.hosts.group) == (str(path), hosts.group)
    if last is not None and same and _is_older(path, layout.hosts):
        return replace(topology, hosts=replace(hosts, machines=last.hosts.machines))
    require_trusted_inventory(layout, str(path))
    return replace(topology, hosts=replace(hosts, machines=machines_in(path, hosts.group)))


def _is_older(path: Path, than: Path) -> bool:
    try:
        return path.stat().st_mtime_ns <= than.stat().st_mtime_ns
    except OSError:
        return False


def _recorded_names(layout: Layout) -> tuple[str, ...]:
    """The names of all nodes that there are or were: a table of the file may be of any of them."""
    from redistopo.project.topology_state_file import load_topology_state

    with suppress(UsageError):  # of a newer redistopo
        if record := load_topology_state(layout):
            return (*record.names, *record.removed)
    return ()


def _no_topology(layout: Layout) -> UsageError:
    """The error of a folder without a topology file, with the topologies that `ps` lists."""
    name = layout.topology.name
    known = [one for one in registered_topologies() if (Path(one.root) / name).exists()]
    return UsageError(
        f"there is no {name} in {layout.root}",
        detail="\n".join(f"{one.name}: {one.shape} in {one.root}" for one in known[:_MOST_NAMED]),
        hint="create one: redistopo init cluster"
        + (f"; or use one of these: redistopo -C {known[0].root} VERB" if known else ""),
    )


def read_topology(text: str, source: str, known: Collection[str] = ()) -> Topology:
    """Parse a topology file; raises UsageError with all problems."""
    return checked(read_toml(text, source), source, known)


def checked(document: Mapping[str, object], source: str, known: Collection[str] = ()) -> Topology:
    """Validate a document; raises UsageError with all problems.

    Valid keys are checked together even if others are invalid. `known` are names of nodes that a
    formed topology has or had.
    """
    topology, problems = parse_topology(document)
    rest = topology or salvage(document, problems)
    keys = {problem.key for problem in problems}
    found = validate(rest, known) if rest is not None else ()
    problems = (*problems, *(one for one in found if one.key not in keys))
    if topology is None or problems:
        raise topology_file_error(problems, source)
    return topology


def plan_of(project: Project, engine: str = "", *, assume: bool = False) -> "Plan":
    """Make the project's plan; `engine`, of an option, overrides the file's.

    Raises MissingPrerequisite if no matching server is installed, and UntrustedFolder if the file's
    is a program of a folder that isn't trusted; with `assume`, an engine is assumed then, and
    nothing is run.
    """
    # verbs that only observe need no engine
    from redistopo.host.engine_search import assumed_engine, choose_engine
    from redistopo.model.planning.plan_nodes import make_plan
    from redistopo.project.numbered_nodes import numbered_nodes

    request = engine_request(engine or project.topology.engine)
    option = bool(engine) or is_ephemeral(project.layout)
    request = replace(request, tls=project.topology.tls, option=option)
    if not engine and request.path:
        try:
            require_trust(project.layout, request.path)
        except UntrustedFolder:
            if not assume:
                raise
            why = f"assumed: {request.path} isn't trusted yet (redistopo up --trust)"
            numbered = numbered_nodes(project.topology, project.layout)
            return make_plan(project.topology, project.layout, request.assumed, why, numbered)
    choice = assumed_engine(request) if assume else choose_engine(request)
    return plan_with(project, choice.engine, choice.why)


def is_ephemeral(layout: Layout) -> bool:
    """Return whether the topology ends with a program: its file isn't the user's."""
    from redistopo.host.owner_watcher import MARKER

    return (layout.root / MARKER).exists()


def adopted_plan(project: Project) -> "Plan":
    """Make the plan of adopted servers, with the engine that they were last seen with."""
    from redistopo.project.topology_state_file import load_topology_state

    record = load_topology_state(project.layout)
    request = parse_request(record.engine) if record else None
    if request is None or not request.numbers:
        request = engine_request(project.topology.engine)
    return plan_with(project, replace(request.assumed, source="adopted"), "adopted servers run it")


def plan_with(project: Project, engine: Engine, why: str) -> "Plan":
    """Make the project's plan with an engine; raises UsageError if it can't announce what the
    topology file has."""
    from redistopo.model.planning.plan_nodes import make_plan
    from redistopo.project.numbered_nodes import numbered_nodes

    topology, layout = project.topology, project.layout
    _refuse_announcement(topology, engine)
    return make_plan(topology, layout, engine, why, numbered_nodes(topology, layout))


def require_address(topology: Topology) -> None:
    """Raise MissingPrerequisite if this machine doesn't have the topology's address; one over
    several machines has theirs."""
    if topology.hosts is not None:
        return
    for key, host in (("host", topology.host), ("announce_host", topology.address)):
        if not has_address(host):
            raise MissingPrerequisite(
                f"this machine has no address {host}",
                hint=f"change `{key}` in the topology file, for example to 127.0.0.1",
            )


def _refuse_announcement(topology: Topology, engine: Engine) -> None:
    """Raise UsageError if the engine can't announce a name, or ports for clients."""
    if topology.announce_port and not engine.announces_client_ports:
        raise UsageError(
            f"{engine.title} can't announce other ports to clients (announce_port)",
            detail="it announces one port to clients, replicas and other nodes; Valkey 9.0 and "
            "later can announce another one to clients alone",
            hint='set engine = "valkey 9", or remove announce_port',
        )
    if topology.announced_name and not engine.knows("cluster-announce-hostname"):
        raise UsageError(
            f"{engine.title} can't announce the name {topology.announced_name}",
            detail="nodes have names since Redis 7.0",
            hint="set announce_host to an address, or another engine",
        )


def engine_request(text: str) -> EngineRequest:
    """Parse a requested engine; raises UsageError if it is invalid."""
    request = parse_request(text)
    if request is None:
        raise UsageError(
            f"{text!r} is not a valid engine",
            hint='use "auto", a version such as "7.2" or "valkey 9", or the path of a server',
        )
    return request
