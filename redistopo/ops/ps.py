"""`ps`: lists every topology of this user on this machine, and orphaned servers."""

from contextlib import suppress
from dataclasses import field
from pathlib import Path

from redistopo.errors import ExitCode, RedistopoError
from redistopo.host.process_marks import load_process_mark
from redistopo.host.running_servers import running_servers
from redistopo.host.server_process import find_process
from redistopo.model.topology.project_paths import STATE_FOLDER, Layout
from redistopo.project.registry import registered_topologies
from redistopo.project.topology_state_file import load_topology_state, node_folder_names
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TopologyLine:
    """One topology of this user; `gone` if its folder no longer exists, `on_hosts` if its nodes
    are on other machines, which are not asked."""

    name: str
    shape: str
    root: str
    running: int
    nodes: int
    ports: tuple[int, ...]
    gone: bool = False
    on_hosts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """A server that runs in one of our state folders, but isn't recorded there."""

    pid: int
    folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PsResult:
    """All topologies of this user on this machine, and orphaned servers."""

    topologies: tuple[TopologyLine, ...]
    orphans: tuple[Orphan, ...]
    code: ExitCode = field(default=ExitCode.DONE)


def ps() -> PsResult:
    """List every topology that this user started on this machine, running or not."""
    lines = []
    owned: set[int] = set()
    for entry in registered_topologies():
        layout = Layout(Path(entry.root))
        names = node_folder_names(layout)
        pids = {process.pid for name in names if (process := find_process(layout, name))}
        owned |= pids
        lines.append(
            TopologyLine(
                name=entry.name,
                shape=entry.shape,
                root=entry.root,
                running=len(pids),
                nodes=len(set(names) - _removed(layout)),
                ports=entry.ports,
                gone=not layout.state.is_dir(),
                on_hosts=layout.hosts.exists(),
            )
        )
    orphans = tuple(
        Orphan(pid=server.pid, folder=str(server.folder))
        for server in running_servers()
        if server.pid not in owned
        and STATE_FOLDER in server.folder.parts
        and not _recorded(server.folder, server.pid)
    )
    return PsResult(topologies=tuple(lines), orphans=orphans)


def _removed(layout: Layout) -> set[str]:
    """The nodes that were removed from the topology, whose folders are kept."""
    with suppress(RedistopoError):  # a damaged or newer record: all folders count
        if (state := load_topology_state(layout)) is not None:
            return set(state.removed)
    return set()


def _recorded(folder: Path, pid: int) -> bool:
    """Whether the folder's own topology knows the process, registered here or not."""
    parts = folder.parts
    at = len(parts) - 1 - parts[::-1].index(STATE_FOLDER)
    layout = Layout(Path(*parts[:at]))
    if not layout.marker.exists():
        return False
    mark = load_process_mark(layout.node(folder.name).process)
    if mark is not None and mark.launching:
        return True  # an `up` is at work there
    process = find_process(layout, folder.name)
    return process is not None and process.pid == pid
