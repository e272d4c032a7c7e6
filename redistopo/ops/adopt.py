"""`init --from`: describes running servers in a topology file, and changes none of them."""

from dataclasses import field, replace
from pathlib import Path

from redistopo.client.connection import Connections
from redistopo.client.discovery import (
    credentials_elsewhere,
    discover,
    monitored_names,
    parse_address,
    with_sentinel_logins,
)
from redistopo.client.observe import observe
from redistopo.client.target import Detail
from redistopo.errors import ExitCode, UsageError
from redistopo.host.files import (
    private_folder,
    read_exactly,
    read_text,
    write_private,
    write_public,
)
from redistopo.host.polling import Deadline
from redistopo.model.planning.adopt import Described, Wanted, describe
from redistopo.model.planning.upgrade import newest_running
from redistopo.model.protocol.credentials import Credentials, Login, TlsFiles, TopologyUser
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.state.observed import Observed
from redistopo.model.topology.project_paths import Layout
from redistopo.model.topology.spec import Topology
from redistopo.ops.init import default_name, different_file
from redistopo.progress import Progress, step
from redistopo.project.load import Project, adopted_plan, checked, layout_of_folder
from redistopo.project.lock import locked
from redistopo.project.passwords import keep_password
from redistopo.project.port_conflicts import topology_in
from redistopo.project.topology_record import adopted_record
from redistopo.project.topology_state_file import (
    load_topology_state,
    node_folder_names,
    save_record,
)
from redistopo.project.trust import trust
from redistopo.quick_dataclass import dataclass
from redistopo.render.topology_file import topology_file

_LOCK_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptRequest:
    """The folder, the address of one of the servers, and how to log in; `name` is that of the
    topology, of Sentinels that of the primary that they monitor; "" for the folder's or theirs."""

    root: Path
    address: str
    access: Login
    name: str = ""
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptResult:
    """The topology in the file, and what couldn't be read; `written` is False if the file already
    had it."""

    path: Path
    topology: Topology
    unknown: tuple[str, ...]
    written: bool
    replaced: bool
    code: ExitCode = field(default=ExitCode.DONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What the servers reported, and the credentials that they accepted."""

    seen: Observed
    credentials: Credentials
    name: str


def adopt(request: AdoptRequest, progress: Progress) -> AdoptResult:
    """Write the topology file of servers that run already, and keep their password beside it.

    Raises UsageError if the folder has another topology; RedistopoError if the servers can't be
    read, or aren't one whole topology. Nothing is written then.
    """
    layout = layout_of_folder(request.root)
    _refuse_started(layout, request.address)
    endpoint = parse_address(request.address)
    with step(progress, f"read the topology around {endpoint}", changes=False):
        read = _read(request, endpoint, layout)
        former = topology_in(read_text(layout.topology))
        wanted = Wanted(
            name=read.name,
            user=request.access.user,
            tls=request.access.tls is not None,
            former=former.adopted.servers if former and former.adopted else {},
        )
        found = describe(read.seen, wanted)
        topology = checked(found.document, f"the topology around {endpoint}")
    return _write(request, layout, read, found, topology)


def _refuse_started(layout: Layout, address: str) -> None:
    record = load_topology_state(layout)
    if (record and not record.adopted) or node_folder_names(layout):
        raise UsageError(
            f"{layout.root} has a topology that redistopo started",
            hint=f"use another folder: redistopo -C NAME init --from {address}",
        )


def _read(request: AdoptRequest, endpoint: Endpoint, layout: Layout) -> _Read:
    with Connections(credentials_elsewhere(request.access, endpoint)) as client:
        names = monitored_names(endpoint, client)
        master = _chosen(names, request) if names else ""
        found = discover(endpoint, client, master)
        client.credentials = with_sentinel_logins(client.credentials, found)
        return _Read(
            seen=observe(found.shape, found.targets, client, Detail.FULL),
            credentials=client.credentials,
            name=master or request.name or default_name(layout),
        )


def _chosen(names: tuple[str, ...], request: AdoptRequest) -> str:
    """The name by which Sentinels monitor the primary, which is the topology's."""
    if request.name in names or (not request.name and len(names) == 1):
        return request.name or names[0]
    given = f", not {request.name}" if request.name else ""
    raise UsageError(
        f"the Sentinels monitor {', '.join(names)}{given}",
        detail="the topology has the name by which Sentinels monitor its primary",
        hint=f"redistopo init --from {request.address} --name {names[0]}",
    )


def _write(
    request: AdoptRequest, layout: Layout, read: _Read, found: Described, topology: Topology
) -> AdoptResult:
    text = topology_file(topology, found.unknown)
    former = read_text(layout.topology)
    written = former is None or topology_in(former) != topology
    if written and former is not None and not request.force:
        raise different_file(layout.topology, former, text)
    with locked(layout, "init", Deadline(_LOCK_SECONDS), lambda _event: None, make=True):
        _keep_credentials(layout, read, topology)
        if written:
            write_public(layout.topology, text)
        trust(layout)  # the user named the servers, in this very command
        plan = adopted_plan(Project(layout=layout, topology=topology))
        leading = read.seen.at(read.seen.named) or read.seen.at(read.seen.primary)
        primary = plan.at(leading.address) if leading and not topology.clustered else None
        record = adopted_record(plan, load_topology_state(layout))
        save_record(
            layout,
            replace(
                record,
                primary=primary.name if primary else "",
                engine=newest_running(read.seen),
            ),
        )
    return AdoptResult(
        path=layout.topology,
        topology=topology,
        unknown=found.unknown,
        written=written,
        replaced=written and former is not None,
    )


def _keep_credentials(layout: Layout, read: _Read, topology: Topology) -> None:
    """Keep the passwords and certificates that the servers accepted in the state folder, readable
    by the user alone."""
    held = read.credentials
    if topology.auth and held.own.password:
        keep_password(layout.password, held.own.password)
    if read.seen.sentinels and (word := held.login_to(read.seen.sentinels[0].endpoint).password):
        keep_password(layout.secret(TopologyUser.SENTINEL), word)
    if held.own.tls is not None:
        _keep_certificates(layout, held.own.tls)


def _keep_certificates(layout: Layout, files: TlsFiles) -> None:
    private_folder(layout.tls.root)
    write_private(layout.tls.ca, read_exactly(Path(files.ca)))
    if files.pem:
        write_private(layout.tls.client, read_exactly(Path(files.pem)))
