"""Finding out what `doctor` judges: the machine, the folder, a configuration, what is left over."""

import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from redistopo.doctor.conf_includes import loopback
from redistopo.doctor.conf_reader import read_conf_file
from redistopo.doctor.distro_backports import cves_fixed_by_package
from redistopo.doctor.facts import (
    DoctorFacts,
    EnginesSeen,
    Leftovers,
    MissingNodesConf,
    NodesConfSeen,
    OrphanSeen,
    PortSeen,
    PortsSeen,
    TopologyNeeds,
    TopologyPresence,
    TopologySeen,
)
from redistopo.doctor.leftover_cleanup import holds_no_data, open_permissions
from redistopo.doctor.vulnerabilities import vulnerabilities_of
from redistopo.errors import (
    MissingPrerequisite,
    RedistopoError,
    Unreachable,
    UntrustedFolder,
    UsageError,
)
from redistopo.host.engine_search import choose_engine, find_engines, install_hint
from redistopo.host.kernel_settings import kernel_of, kernel_settings
from redistopo.host.limits import process_limits
from redistopo.host.listening_sockets import port_holders
from redistopo.host.local_host import LOCAL
from redistopo.host.machine_facts import memory_and_disk
from redistopo.host.node_disk import read_disk
from redistopo.host.package_managers import detect_machine
from redistopo.host.ports import ephemeral_range, has_address, reserved_ports
from redistopo.host.process_marks import load_process_mark
from redistopo.host.running_servers import running_servers
from redistopo.host.server_process import find_process
from redistopo.model.planning.nodes_conf_repair import nodes_conf_damage
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.plan_nodes import make_plan
from redistopo.model.planning.resource_limits import resource_shortages
from redistopo.model.planning.server_packages import server_packages
from redistopo.model.protocol.conf import memory_bytes
from redistopo.model.protocol.engine import Engine
from redistopo.model.protocol.nodes_conf import parse_nodes_conf
from redistopo.model.state.record import TopologyState
from redistopo.model.topology.ports import ephemeral_overlap, port_block_of
from redistopo.model.topology.project_paths import Layout
from redistopo.model.topology.spec import Persistence
from redistopo.ops.ps import ps
from redistopo.project.load import engine_request
from redistopo.project.numbered_nodes import numbered_nodes
from redistopo.project.passwords import password_path
from redistopo.project.port_conflicts import port_blocker
from redistopo.project.topology_state_file import node_folder_names
from redistopo.project.trust import require_trust
from redistopo.quick_dataclass import dataclass
from redistopo.session.open import open_session
from redistopo.session.session import Session, SessionRequest

_ENOUGH_TASKS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The folder's plan, None without a valid topology file, and the state of its topology."""

    session: Session
    plan: Plan | None
    topology: TopologySeen
    running: frozenset[str] = frozenset()

    @property
    def layout(self) -> Layout:
        return self.session.layout

    @property
    def here(self) -> bool:
        """Whether the nodes run on this machine, not on other hosts."""
        return self.plan is None or self.plan.topology.hosts is None


def facts(root: Path, connect: str, config: Path | None) -> DoctorFacts:
    """Collect everything except the replies of the topology's servers; nothing is changed.

    With `connect` the folder's own topology is ignored. Raises RedistopoError for a configuration
    that can't be read.
    """
    asked = SessionRequest(root=root, needs_file=False, needs_started=False, needs_topology=False)
    with open_session(asked) as session:
        return _facts(_elsewhere(session, connect) if connect else _here(session), config)


def _facts(found: Found, config: Path | None) -> DoctorFacts:
    seen = find_engines(tls=True)
    wanted = _engines(found, seen)
    conf = read_conf_file(config, _first(wanted)) if config is not None else None
    machine = process_limits(_ENOUGH_TASKS)
    made = found.plan if found.here else None
    return DoctorFacts(
        engines=wanted,
        kernel=kernel_of(kernel_settings()),
        resources=memory_and_disk(found.layout.state if found.plan else found.layout.root),
        topology=found.topology,
        leftovers=_leftovers(found),
        system=sys.platform,
        files=machine.server_files,
        needs=_needs(made) if made else None,
        shortages=resource_shortages(made, [node.name for node in made.nodes], machine)
        if made
        else (),
        ports=_ports(found, made) if made else None,
        conf=conf,
        tables=tuple(_tables(found)),
        lost=tuple(_lost(found)),
    )


def _elsewhere(session: Session, connect: str) -> Found:
    seen = TopologySeen(name=connect, presence=TopologyPresence.RUNNING, connect=connect)
    return Found(session=session, plan=None, topology=seen)


def _here(session: Session) -> Found:
    layout = session.layout
    try:
        request = engine_request(session.topology.engine)
        engine = request.assumed  # its ports, nodes and settings are the same with any
        numbered = numbered_nodes(session.topology, layout)
        made = make_plan(session.topology, layout, engine, "assumed", numbered)
        running, state = _state(session)
        nodes = len(session.rendered) or len(made.nodes)
    except (UsageError, MissingPrerequisite) as error:
        # what can't be read is there
        there = isinstance(error, MissingPrerequisite) or layout.topology.exists()
        seen = TopologySeen(
            name=layout.root.name,
            presence=TopologyPresence.BROKEN if there else TopologyPresence.NO_FILE,
            trouble=f"{error.message}: {error.detail}" if error.detail else error.message,
            hint=error.hint,
        )
        return Found(session=session, plan=None, topology=seen)
    seen = TopologySeen(name=made.topology.name, presence=state, nodes=nodes)
    return Found(session=session, plan=made, topology=seen, running=running)


def _state(session: Session) -> tuple[frozenset[str], TopologyPresence]:
    """Which nodes run. Without any: a node that was stopped by us has no mark left."""
    layout, rendered = session.layout, session.rendered
    running = frozenset(name for name in rendered if _runs(session, name))
    if running:
        return running, TopologyPresence.RUNNING
    if not rendered:
        return running, TopologyPresence.NEVER
    marks = (load_process_mark(layout.node(name).process) for name in rendered)
    return running, TopologyPresence.ENDED if any(marks) else TopologyPresence.STOPPED


def _runs(session: Session, name: str) -> bool:
    """Whether a node's server runs; False on a host that isn't reached, which `verify` names."""
    with suppress(Unreachable):
        return session.host.processes.find(session.layout, name) is not None
    return False


def _engines(found: Found, seen: tuple[Engine, ...]) -> EnginesSeen:
    topology = found.plan.topology if found.plan and found.here else None
    tls = bool(topology and topology.tls)
    request = engine_request(topology.engine if topology else "auto")
    chosen, lacking = None, ""
    try:
        if request.path:
            require_trust(found.session.layout, request.path)
        chosen = choose_engine(replace(request, tls=tls), seen).engine
    except (MissingPrerequisite, UntrustedFolder) as error:
        lacking = f"{error.message}: {error.detail}" if error.detail else error.message
    return EnginesSeen(
        found=seen,
        chosen=chosen,
        lacking=lacking,
        install=install_hint(),
        shape=topology.shape if topology else None,
        tls=tls,
        newer=_newer(chosen, seen, tls=tls) if chosen else "",
        local=topology is None or loopback(topology.host),
        auth=topology is None or topology.auth,
        elsewhere=not found.here,
        fixed_cves={one.path: cves_fixed_by_package(one) for one in seen},
    )


def _newer(chosen: Engine, seen: tuple[Engine, ...], *, tls: bool) -> str:
    """How to use a later server of the same product, which loads the data that there is: one that
    is here, else that of a package."""
    choose = 'engine = "{} {}.{}" in redistopo.toml'
    for one in seen:
        later = one.product is chosen.product and one.version > chosen.version
        if later and not vulnerabilities_of(one) and (one.tls or not tls):
            used = choose.format(one.product.value, one.version.major, one.version.minor)
            return f"{one.title} is here: {used}"
    for package in server_packages(detect_machine()):
        one = package.engine
        later = one.product is chosen.product and one.version > chosen.version
        if later and not vulnerabilities_of(one) and (one.tls or not tls):
            used = choose.format(one.product.value, one.version.major, one.version.minor)
            return f"{one.title}: {package.command}; then {used}"
    return ""


def _first(wanted: EnginesSeen) -> list[Engine]:
    """Return one server of each release, the chosen one first."""
    one_each: dict[str, Engine] = {}
    for engine in (*([wanted.chosen] if wanted.chosen else []), *wanted.found):
        one_each.setdefault(engine.title, engine)
    return list(one_each.values())


def _needs(made: Plan) -> TopologyNeeds:
    sizes = [
        memory_bytes(node.directives.get("maxmemory", ("0",))[-1].lower()) or 0
        for node in made.data
    ]
    queues = [node.directives.get("tcp-backlog", ("511",))[-1] for node in made.nodes]
    return TopologyNeeds(
        nodes=len(made.data),
        maxmemory=sum(sizes) if all(sizes) else None,
        backlog=max(int(one) if one.isdecimal() else 511 for one in queues),
        saves=made.topology.persistence is not Persistence.NONE,
    )


def _ports(found: Found, made: Plan) -> PortsSeen:
    topology = made.topology
    span, reserved = ephemeral_range(), reserved_ports()
    block = port_block_of(topology)
    inside = ephemeral_overlap(block, span, reserved)
    if missing := [one for one in (topology.host, topology.address) if not has_address(one)]:
        return PortsSeen(foreign_host=missing[0], span=span, inside=inside)
    blocked = port_blocker(found.layout.root, topology.host)
    told: dict[int, tuple[str, str]] = {}
    for node in made.nodes:
        for port in node.ports:
            use = "data" if port == node.port else "bus"
            use = "Sentinel" if node in made.sentinels else use
            told[port] = (use, "" if node.name in found.running else blocked(port))
    busy = port_holders([port for port, (_use, who) in told.items() if who == "busy"])
    ports = tuple(
        PortSeen(port=port, use=use, holder=busy.get(port, who))
        for port, (use, who) in told.items()
    )
    return PortsSeen(
        ports=ports,
        block=str(block),
        running=bool(found.running),
        span=span,
        reserved=reserved,
        inside=inside,
    )


def _leftovers(found: Found) -> Leftovers:
    listed = ps()
    known = {one.pid: one for one in running_servers()}
    roots = {str(found.layout.root), *(one.root for one in listed.topologies)}
    empty, kept = ((), ()) if found.topology.connect else unplanned(found.session)
    given = None
    with suppress(RedistopoError):
        given = password_path(found.plan.topology, found.layout) if found.plan else None
    return Leftovers(
        gone=tuple((one.name, one.root) for one in listed.topologies if one.gone),
        orphans=tuple(
            OrphanSeen(
                mark=known[one.pid].mark,
                folder=one.folder,
                listed=any(one.folder.startswith(f"{root}/") for root in roots),
            )
            for one in listed.orphans
            if one.pid in known
        ),
        empty=empty,
        kept=kept,
        unprotected=open_permissions(found.layout, given) if not found.topology.connect else (),
    )


def _record(session: Session) -> TopologyState | None:
    with suppress(RedistopoError):
        return session.state
    return None


def unplanned(session: Session) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Folders of nodes that the record doesn't contain and in which no server runs: those without,
    and those with files that a server left."""
    layout, record = session.layout, _record(session)
    if record is None or session.host is not LOCAL:  # here are copies of configurations only
        return (), ()
    planned = {*record.names}
    folders = [
        layout.node(name)
        for name in node_folder_names(layout)
        if name not in planned and find_process(layout, name) is None
    ]
    empty = tuple(str(one.root) for one in folders if holds_no_data(one))
    return empty, tuple(str(one.root) for one in folders if not holds_no_data(one))


def _tables(found: Found) -> Iterator[NodesConfSeen]:
    if found.plan is None or not found.plan.topology.clustered:
        return
    for node in found.plan.nodes:
        text = None
        with suppress(Unreachable):
            text = found.session.host.files.read(node.folder.table)
        table = parse_nodes_conf(text, node.address) if text else None
        if table is not None:
            stopped = node.name not in found.running
            path = str(node.folder.table)
            yield NodesConfSeen(name=node.name, path=path, table=table, stopped=stopped)


def _lost(found: Found) -> Iterator[MissingNodesConf]:
    """Nodes that could not start: a node that was never started has no nodes.conf to lose."""
    record = _record(found.session)
    if found.plan is None or not found.plan.topology.clustered:
        return
    if record is None or not record.formed:
        return
    recorded, files = {*record.names}, found.session.host.files
    for node in found.plan.nodes:
        if node.name not in recorded - found.running:
            continue
        with suppress(Unreachable):
            if why := nodes_conf_damage(read_disk(files, node.folder), node.address):
                yield MissingNodesConf(name=node.name, path=str(node.folder.table), why=why)
