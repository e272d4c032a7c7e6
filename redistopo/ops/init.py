"""`init`: writes a valid, commented topology file, and nothing else."""

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path

from redistopo.errors import ExitCode, MissingPrerequisite, NoSuchEngine, UsageError
from redistopo.host.files import read_text, write_public
from redistopo.host.made_paths import leaving_nothing
from redistopo.host.ports import ephemeral_range, reserved_ports
from redistopo.model.planning.node_numbers import number_nodes
from redistopo.model.remedies.of_topology import replace_file
from redistopo.model.topology.check_key import TopologyProblem, shape_named
from redistopo.model.topology.exposure import plaintext_warning
from redistopo.model.topology.parse import OPTIONS, topology_file_error
from redistopo.model.topology.parse_hosts import host_list
from redistopo.model.topology.ports import (
    BlockChoice,
    PortBlock,
    choose_block,
    ephemeral_overlap,
    port_block_of,
)
from redistopo.model.topology.project_paths import Layout
from redistopo.model.topology.spec import FORMAT_VERSION, SHAPE_ALIASES, Shape, Topology
from redistopo.progress import Event, EventKind, Progress, note, warn
from redistopo.project.load import (
    checked,
    engine_request,
    is_ephemeral,
    layout_of_folder,
    require_address,
)
from redistopo.project.port_conflicts import port_blocker, topology_in
from redistopo.project.port_reservations import choosing_ports, reserve_ports
from redistopo.project.started_topology import running_nodes
from redistopo.project.trust import may_run, trust
from redistopo.quick_dataclass import dataclass
from redistopo.render.topology_file import topology_file


@dataclass(frozen=True, slots=True, kw_only=True)
class HostsAsked:
    """The hosts to write: a list as ``h1=10.0.0.1,h2=10.0.0.2``, or an inventory and its group;
    None for what isn't given."""

    machines: str | None = None
    inventory: str | None = None
    group: str | None = None
    allow_colocated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InitRequest:
    """What to write, and in which folder; `keys` are the topology file's own, `settings`
    redis.conf's. A key that isn't given gets its default, or keeps the value of an existing
    file. The search for free ports begins at `first_port`, by default at the shape's own."""

    root: Path
    shape: str
    keys: Mapping[str, object]
    settings: tuple[str, ...] = ()
    force: bool = False
    first_port: int = 0
    hosts: HostsAsked = HostsAsked()


@dataclass(frozen=True, slots=True, kw_only=True)
class InitResult:
    """The topology in the file; `written` is False if the file already had it."""

    path: Path
    topology: Topology
    written: bool
    replaced: bool
    ports: PortBlock
    code: ExitCode = field(default=ExitCode.DONE)


def init(request: InitRequest, progress: Progress) -> InitResult:
    """Write the requested topology file.

    If the default ports are in use, or another topology's, the next free block is chosen, with a
    note. The ports are reserved as long as the file has them. Raises UsageError with every
    problem, or if another file exists.
    """
    layout = layout_of_folder(request.root)
    asked = _asked(request, default_name(layout))
    require_address(asked)
    topology_file(asked)  # imports what is slow to import before the others have to wait
    told: list[Event] = []
    try:
        with choosing_ports() as doubt:
            if doubt:
                told.append(_doubtful(doubt))
            return _init(request, layout, asked, told.append)
    finally:
        # not before the lock is free: a stopped terminal would make every other `init` wait
        for event in told:
            progress(event)


def _doubtful(why: str) -> Event:
    text = f"another `init` at this moment may choose the same ports: {why}"
    return Event(kind=EventKind.WARNING, text=text)


def _init(
    request: InitRequest, layout: Layout, topology: Topology, progress: Progress
) -> InitResult:
    found = read_text(layout.topology)
    existing = topology_in(found)
    if topology.hosts is not None:
        pass  # the ports of other machines
    elif "port" not in request.keys:
        topology = replace(topology, port=request.first_port or topology.port)
        topology = _placed(layout, topology, existing, progress)
    else:
        _warn_of_busy(layout, topology, existing, progress)
    if topology.hosts is None:
        _warn_of_ephemeral(topology, progress)
    if "engine" in request.keys and topology.hosts is None and not is_ephemeral(layout):
        _warn_of_missing_engine(topology, progress)
    if risk := plaintext_warning(topology):
        warn(progress, risk)
    text = topology_file(topology)
    written = found is None or existing != topology
    if written and found is not None and not request.force:
        raise different_file(layout.topology, found, text)
    if written:
        if running_nodes(layout):
            warn(progress, "servers of the file replaced run here: redistopo down stops them first")
        with leaving_nothing(layout.topology):
            write_public(layout.topology, text)
        engine = str(request.keys.get("engine", ""))
        named = [engine] if "/" in engine else []
        if topology.hosts or not all(may_run(layout, one) for one in named):
            trust(layout)  # the user named the program or the hosts, in this very command
    reserve_ports(layout.root)
    return InitResult(
        path=layout.topology,
        topology=topology,
        written=written,
        replaced=written and found is not None,
        ports=port_block_of(topology),
    )


def unknown_shape(given: str, verb: str, rest: str = "") -> UsageError:
    """Build the error for what is no shape; `verb` and `rest` are the command around it."""
    near = difflib.get_close_matches(given.lower(), (*Shape, *SHAPE_ALIASES), n=1)
    return UsageError(
        f"{given!r} is no shape",
        detail=f"shapes are {', '.join(Shape)}",
        hint=f"did you mean: {verb} {near[0]}{rest}" if near else f"{verb} cluster{rest}",
    )


def _asked(request: InitRequest, name: str) -> Topology:
    shape = shape_named(request.shape)
    if shape is None:
        raise unknown_shape(request.shape, "redistopo init")
    document: dict[str, object] = {"format": FORMAT_VERSION, "shape": shape.value, "name": name}
    document |= request.keys
    document["redis"] = _settings(request.settings)
    if hosts := _hosts(request.hosts, request.root):
        document["hosts"] = hosts
    topology = checked(document, OPTIONS)
    if topology.hosts and topology.hosts.machines:
        number_nodes(topology)  # whether it can be placed
    return topology


def _hosts(asked: HostsAsked, root: Path) -> dict[str, object]:
    """The [hosts] table; {} for none."""
    found: dict[str, object] = {}
    if asked.machines is not None:
        found, problems = host_list(asked.machines)
        if problems:
            raise topology_file_error(problems, OPTIONS)
    if asked.inventory is not None:
        # the file's own paths begin at its folder
        found["inventory"] = os.path.relpath(asked.inventory, root)
        if Path(asked.inventory).is_absolute():
            found["inventory"] = asked.inventory
    if asked.group is not None:
        found["group"] = asked.group
    return {**found, "allow_colocated": True} if asked.allow_colocated else found


def _settings(settings: tuple[str, ...]) -> dict[str, list[str]]:
    """``directive=value`` as a table; a directive given twice has two lines."""
    found: dict[str, list[str]] = {}
    for text in settings:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise topology_file_error(
                [TopologyProblem(f"--set {text}", "has no '='", "write directive=value")],
                OPTIONS,
            )
        found.setdefault(name.strip(), []).append(value.strip())
    return found


def default_name(layout: Layout) -> str:
    """Return the topology's name if none is given: the folder's, without other characters."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", layout.root.name).strip("-._")
    return name[:63] or "redis"


def _placed(
    layout: Layout, topology: Topology, existing: Topology | None, progress: Progress
) -> Topology:
    """Use the ports that the file already has, or the first free block."""
    if existing is not None and existing.count == topology.count:
        same = replace(topology, port=existing.port, sentinel_port=existing.sentinel_port)
        if existing.shape is topology.shape and port_block_of(same).fits:
            return same
    choice = choose_block(port_block_of(topology), port_blocker(layout.root, topology.host))
    if choice.block is None:
        raise MissingPrerequisite(
            f"no free block of ports from {topology.port} upwards",
            detail=_passed(choice),
            hint="redistopo ps lists your topologies, which reserve ports; "
            "or name a free block: --port N, in Python port=N",
        )
    if choice.passed:
        note(progress, f"ports {choice.block}, since {_passed(choice)}")
    moved = choice.block.first_sentinel if topology.sentinel_port else 0
    return replace(topology, port=choice.block.first, sentinel_port=moved)


def _passed(choice: BlockChoice) -> str:
    first, port, who = choice.passed[0]
    count = len(choice.passed) - 1
    more = f" (and {count} more block{'s' if count > 1 else ''})" if count else ""
    return f"port {port} (of {first}) is {who}{more}"


def _warn_of_busy(
    layout: Layout, topology: Topology, existing: Topology | None, progress: Progress
) -> None:
    """Use a requested port as it is; warn if it is in use now."""
    block = port_block_of(topology)
    running = bool(running_nodes(layout))
    if running and existing is not None and port_block_of(existing) == block:
        return  # busy with this very topology
    blocked = port_blocker(layout.root, topology.host)
    for port in block.all:
        if who := blocked(port):
            warn(
                progress,
                f"port {port} is {who}: `redistopo up` will need it; or use another --port",
            )
            return


def _warn_of_ephemeral(topology: Topology, progress: Progress) -> None:
    span = ephemeral_range()
    block = port_block_of(topology)
    if span and (inside := ephemeral_overlap(block, span, reserved_ports())):
        warn(
            progress,
            f"port {inside[0]} lies in the system's range for outgoing connections "
            f"({span[0]}-{span[1]}): any program may hold it by chance when you need it",
        )


def _warn_of_missing_engine(topology: Topology, progress: Progress) -> None:
    """Name what installs the requested version; the file is written all the same."""
    from redistopo.host.engine_search import choose_engine, how_to_install

    wanted = replace(engine_request(topology.engine), tls=topology.tls)
    if wanted.path or not (wanted.product or wanted.numbers):
        return
    try:
        choose_engine(wanted)
    except NoSuchEngine as error:
        warn(progress, f"{error.message}; to get one: {how_to_install(wanted)}")
    except MissingPrerequisite as error:
        warn(progress, f"{error.message}; {error.hint}")


def different_file(path: Path, found: str, wanted: str) -> UsageError:
    """Build the error for a topology file that is another one than what is asked for."""
    lines = difflib.unified_diff(
        found.splitlines(), wanted.splitlines(), f"{path.name} (there)", "asked for", "", "", 1, ""
    )
    return UsageError(
        f"{path} is there already, and says something else",
        detail="\n".join(lines),
        hint=replace_file("", "", " replaces it; or keep it: redistopo up"),
    )
