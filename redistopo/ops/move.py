"""`move`: other ports, another address or another folder, with the same nodes, ids and data."""

import errno
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from redistopo.errors import ExitCode, MissingPrerequisite, RedistopoError, UsageError
from redistopo.host.files import private_folder, read_exactly, rewrite, write_errors
from redistopo.model.topology.ports import port_block_of
from redistopo.model.topology.project_paths import STATE_FOLDER, TOPOLOGY_FILE, Layout
from redistopo.model.topology.spec import Persistence, Topology
from redistopo.ops.down import DownRequest, down
from redistopo.ops.up import UpRequest, up
from redistopo.progress import Progress, step
from redistopo.project.load import layout_of_folder, load_project, read_topology, require_address
from redistopo.project.port_conflicts import port_blocker
from redistopo.project.port_reservations import choosing_ports, reserve_ports
from redistopo.project.started_topology import running_nodes
from redistopo.project.unfinished_changes import refuse_unfinished
from redistopo.session.open import open_session
from redistopo.session.readdress_file import with_addresses
from redistopo.session.session import SessionRequest
from redistopo.snapshot.stored import FOLDER

_OURS = (STATE_FOLDER, TOPOLOGY_FILE, FOLDER)
"""What is moved to another folder; other files of the user stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveRequest:
    """Where to: the first data port, the address, the folder; `restart` stops running nodes, and
    starts them again."""

    root: Path
    port: int = 0
    host: str = ""
    to: Path | None = None
    restart: bool = False
    seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveResult:
    """Where the topology is now, and whether it runs there."""

    root: Path
    host: str
    ports: str
    runs: bool
    seconds: float
    code: ExitCode = field(default=ExitCode.DONE)


def move(request: MoveRequest, progress: Progress) -> MoveResult:
    """Move a topology; its nodes have the same names, ids and data.

    Stopped nodes get their new addresses at the next `up`. Raises UsageError if nodes run and
    aren't to be restarted, RedistopoError if a port, the address or the folder can't be used.
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
    if now == before and target.root == layout.root:
        raise UsageError(
            "the topology is there already", hint="name a change: --port, --host or --dir"
        )
    running = running_nodes(layout)
    refuse_unfinished(layout)
    _refuse(request, layout, target, running)
    with choosing_ports():
        text = _text(layout, before, now)
        _refuse_busy(layout, before, now, running=bool(running))
        if running:
            down(DownRequest(root=layout.root, seconds=request.seconds), progress)
        _write(layout, target, text, progress)
        reserve_ports(target.root)
    if running:
        up(UpRequest(root=target.root, seconds=request.seconds), progress)
    return MoveResult(
        root=target.root,
        host=now.host,
        ports=str(port_block_of(now)),
        runs=bool(running),
        seconds=time.monotonic() - began,
    )


def _sentinel_port(before: Topology, request: MoveRequest) -> int:
    """Sentinels keep their distance from the data ports."""
    if not (before.sentinel_port and request.port):
        return before.sentinel_port
    return before.sentinel_port + request.port - before.port


def _refuse(request: MoveRequest, layout: Layout, target: Layout, running: Iterable[str]) -> None:
    if (names := ", ".join(running)) and not request.restart:
        raise UsageError(
            f"nodes are running, and servers can't change their addresses: {names}",
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
    read_topology(text, layout.topology.name)
    return text


def _refuse_busy(layout: Layout, before: Topology, now: Topology, *, running: bool) -> None:
    """Raise MissingPrerequisite if another program, or another topology, has a port."""
    own = set(port_block_of(before).all) if running and before.host == now.host else set()
    blocked = port_blocker(layout.root, now.host)
    for port in port_block_of(now).all:
        if port not in own and (holder := blocked(port)):
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
    # without the lock, whose file moves too
    with step(progress, f"move to {target.root}"):
        if not target.root.exists():
            private_folder(target.root)
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
