"""`move`: other ports, another address or another folder, with the same nodes, ids and data."""

import errno
import time
from collections.abc import Iterable
from dataclasses import field, replace
from pathlib import Path

from redistopo.errors import ExitCode, MissingPrerequisite, RedistopoError, UsageError
from redistopo.execute.handover import HandoverResult
from redistopo.host.files import private_folder, read_exactly, rewrite, write_errors
from redistopo.model.topology.parse import OPTIONS
from redistopo.model.topology.ports import port_block_of
from redistopo.model.topology.project_paths import STATE_FOLDER, TOPOLOGY_FILE, Layout
from redistopo.model.topology.spec import Persistence, Topology
from redistopo.ops.down import DownRequest, down
from redistopo.ops.restart_work import Restarted, RestartWork
from redistopo.ops.rolling_move import refuse_move, roll_move, rolling_move
from redistopo.ops.up import UpRequest, up
from redistopo.progress import Progress, step
from redistopo.project.job_file import save_job
from redistopo.project.load import (
    Project,
    layout_of_folder,
    load_project,
    read_topology,
    require_address,
)
from redistopo.project.port_conflicts import port_blocker
from redistopo.project.port_reservations import choosing_ports, reserve_ports
from redistopo.project.started_topology import running_nodes
from redistopo.project.trust import is_trusted, trust
from redistopo.project.unfinished_changes import refuse_unfinished
from redistopo.quick_dataclass import dataclass
from redistopo.session.live_change import change_request
from redistopo.session.open import open_session
from redistopo.session.readdress_file import with_addresses
from redistopo.session.session import SessionRequest
from redistopo.session.slot_job import new_job
from redistopo.snapshot.stored import FOLDER

_OURS = (STATE_FOLDER, TOPOLOGY_FILE, FOLDER)
"""What is moved to another folder; other files of the user stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveRequest:
    """Where to: the first data port, the address, the folder; `restart` stops all running nodes,
    and starts them again. `seconds` is the time limit, without `restart` of each node."""

    root: Path
    port: int = 0
    host: str = ""
    to: Path | None = None
    restart: bool = False
    seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveResult:
    """Where the topology is now, and whether it runs there; `restarted` and `handovers` are what
    was done, in order, to nodes that moved one by one."""

    root: Path
    host: str
    ports: str
    runs: bool
    restarted: tuple[Restarted, ...] = ()
    handovers: tuple[HandoverResult, ...] = ()
    seconds: float
    code: ExitCode = field(default=ExitCode.DONE)


def move(request: MoveRequest, progress: Progress) -> MoveResult:
    """Move a topology; its nodes have the same names, ids and data.

    Stopped nodes get their new addresses at the next `up`, running ones one by one, each primary
    after a planned failover. Raises UsageError if nodes run and can't move so, RedistopoError if a
    port, the address or the folder can't be used.
    """
    began = time.monotonic()
    layout = layout_of_folder(request.root)
    before = load_project(layout.root).topology
    now = replace(
        before,
        port=request.port or before.port,
        host=request.host or before.host,
        sentinel_port=_sentinel_port(before, request),
    )
    target = layout_of_folder(request.to) if request.to else layout
    if before.hosts is not None and request.host:
        raise UsageError(
            "each host has an address of its own",
            hint=f"change it in {layout.topology.name}, while its nodes are stopped; "
            "then: redistopo up",
        )
    if now == before and target.root == layout.root:
        raise UsageError(
            "the topology is there already", hint="name a change: --port, --host or --dir"
        )
    running = _running(layout)
    refuse_unfinished(layout)
    if running and not request.restart and not request.to:
        work = _roll(request, before, now, progress)
        host, ports = _place(target, now)
        return MoveResult(
            root=target.root,
            host=host,
            ports=ports,
            runs=True,
            restarted=tuple(work.restarted),
            handovers=tuple(work.handovers),
            seconds=time.monotonic() - began,
        )
    _refuse(request, layout, target, running)
    with choosing_ports():
        text = _text(layout, before, now)
        own = port_block_of(before).all if running and before.host == now.host else ()
        _refuse_busy(layout, now.host, sorted({*port_block_of(now).all} - {*own}))
        if running:
            down(DownRequest(root=layout.root, seconds=request.seconds), progress)
        _write(layout, target, text, progress)
        reserve_ports(target.root)
    if running:
        up(UpRequest(root=target.root, seconds=request.seconds), progress)
    host, ports = _place(target, now)
    return MoveResult(
        root=target.root,
        host=host,
        ports=ports,
        runs=bool(running),
        seconds=time.monotonic() - began,
    )


def _place(target: Layout, now: Topology) -> tuple[str, str]:
    """Its address and ports; over several hosts, all addresses, and the ports that nodes have
    there."""
    if now.hosts is None:
        return now.host, str(port_block_of(now))
    with open_session(SessionRequest(root=target.root, needs_started=False)) as session:
        nodes = session.plan(assume=True).nodes
    ports = [node.port for node in nodes]
    hosts = dict.fromkeys(node.host for node in nodes)
    return ", ".join(hosts), f"{min(ports)}-{max(ports)}"


def _running(layout: Layout) -> tuple[str, ...]:
    with open_session(SessionRequest(root=layout.root, needs_started=False)) as session:
        return running_nodes(layout, session.host)


def _roll(request: MoveRequest, before: Topology, now: Topology, progress: Progress) -> RestartWork:
    """Move running nodes one by one, once nothing is in the way."""
    words = [("--port", str(request.port or "")), ("--host", request.host)]
    arguments = tuple(word for pair in words if pair[1] for word in pair)
    with open_session(change_request("move", request.root, request.seconds), progress) as session:
        layout, plan = session.layout, session.plan()
        text, was = _text(layout, before, now), read_exactly(layout.topology)
        session.use(Project(layout=layout, topology=now))
        made = rolling_move(session, request.seconds)
        restart = f"redistopo move {' '.join(arguments)} --restart"
        with choosing_ports():
            refuse_move(made, plan, restart)
            here = (node for node in made.plan.nodes if not node.machine)
            _refuse_busy(layout, now.host, (port for node in here for port in node.ports))
            job = new_job("move", arguments, made.work.now.seen, ())
            save_job(layout, replace(job, file_before=was))
            rewrite(layout.topology, text, was)
            reserve_ports(layout.root)
        roll_move(session, made)
    return made.work


def _sentinel_port(before: Topology, request: MoveRequest) -> int:
    """Sentinels keep their distance from the data ports."""
    if not (before.sentinel_port and request.port):
        return before.sentinel_port
    return before.sentinel_port + request.port - before.port


def _refuse(request: MoveRequest, layout: Layout, target: Layout, running: Iterable[str]) -> None:
    if (names := ", ".join(running)) and not request.restart:
        raise UsageError(
            f"nodes are running, and their folder can't be moved then: {names}",
            hint="add --restart, which stops and starts them; or stop them first: redistopo down",
        )
    if names and load_project(layout.root).topology.persistence is Persistence.NONE:
        raise UsageError(
            "a restart would lose the data: persistence is none",
            hint="start a copy elsewhere: redistopo clone DIR; then stop this one: redistopo down",
        )
    if target.root == layout.root:
        return
    if target.root.is_relative_to(layout.state):
        raise UsageError(f"{target.root} is in the state folder", hint="name another folder")
    there = {one.name for one in target.root.iterdir()} if target.root.is_dir() else set()
    left = {name for name in _OURS if (layout.root / name).exists()}
    # a move that was interrupted left a part of ours in each folder
    if target.root.is_file() or there - set(_OURS) or there & left:
        raise UsageError(
            f"{target.root} is not empty",
            detail=", ".join(sorted(there)[:5]),
            hint="name an empty folder, or one that doesn't exist yet",
        )


def _text(layout: Layout, before: Topology, now: Topology) -> str:
    """The topology file with the new addresses; raises UsageError if they are impossible."""
    require_address(now)
    text = with_addresses(read_exactly(layout.topology), before, now)
    read_topology(text, OPTIONS)
    return text


def _refuse_busy(layout: Layout, host: str, ports: Iterable[int]) -> None:
    """Raise MissingPrerequisite if another program, or another topology, has a port."""
    blocked = port_blocker(layout.root, host)
    for port in ports:
        if holder := blocked(port):
            raise MissingPrerequisite(
                f"port {port} is {holder}",
                detail="nothing was changed",
                hint="name other ports: redistopo move --port N",
            )


def _write(layout: Layout, target: Layout, text: str, progress: Progress) -> None:
    asked = SessionRequest(root=layout.root, lock="move", needs_started=False)
    with open_session(asked, progress):
        before = read_exactly(layout.topology)
        if text != before:
            rewrite(layout.topology, text, before)
    if target.root == layout.root:
        return
    trusted = is_trusted(layout)
    # without the lock, whose file moves too
    with step(progress, f"move to {target.root}"):
        if not target.root.exists():
            private_folder(target.root)
        if trusted:
            trust(target)
        for name in _OURS:
            if (layout.root / name).exists():
                _rename(layout.root / name, target.root / name)


def _rename(path: Path, to: Path) -> None:
    try:
        path.rename(to)
    except OSError as error:
        if error.errno == errno.EXDEV:
            raise RedistopoError(
                f"{to.parent} is on another file system",
                detail="a folder can only be moved on the same one",
                hint="copy the data: redistopo clone DIR; then redistopo down in this folder",
            ) from error
        with write_errors(to):
            raise
