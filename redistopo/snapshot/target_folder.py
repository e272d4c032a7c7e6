"""The folder in which a snapshot is restored: its topology file with free ports, and no data of
others in the way."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from redistopo.errors import MissingPrerequisite, UsageError
from redistopo.host.files import (
    private_folder,
    read_json,
    read_text,
    remove,
    write_errors,
    write_private,
    write_public,
)
from redistopo.host.host import Host
from redistopo.model.topology.hosts import Hosts
from redistopo.model.topology.ports import choose_block, port_block_of
from redistopo.model.topology.project_paths import Layout
from redistopo.model.topology.spec import Topology
from redistopo.progress import Progress, note
from redistopo.project.load import read_topology
from redistopo.project.port_conflicts import port_blocker
from redistopo.project.port_reservations import choosing_ports, reserve_ports
from redistopo.project.started_topology import running_nodes
from redistopo.project.state_folder import refuse_foreign
from redistopo.project.topology_state_file import load_topology_state, node_folder_names
from redistopo.session.readdress_file import with_addresses


def require_own_folder(layout: Layout) -> None:
    """Raise UsageError unless the folder is a project, is empty or doesn't exist yet."""
    root = layout.root
    if root.is_symlink() or (root.exists() and not root.is_dir()):
        raise UsageError(f"{root} is not a folder", hint="name another one")
    refuse_foreign(layout)
    there = sorted(one.name for one in root.iterdir()) if root.is_dir() else []
    if there and not layout.topology.is_file():
        raise UsageError(
            f"{root} is not empty, and not a project of redistopo",
            detail=f"it has {', '.join(there[:5])}",
            hint="name an empty folder, or one that doesn't exist yet",
        )


def has_data(layout: Layout) -> bool:
    """Return whether the folder has a topology that was started."""
    return bool(load_topology_state(layout) or node_folder_names(layout) or running_nodes(layout))


def refuse_data(layout: Layout, hint: str, detail: str = "") -> None:
    """Raise UsageError if the folder has a topology that was started."""
    if has_data(layout):
        raise UsageError(
            f"{layout.root} has data already: nothing was changed", detail=detail, hint=hint
        )


def write_topology(
    layout: Layout, text: str, progress: Progress, source: Layout | None = None
) -> Topology:
    """Write the topology file into a folder that has none, with the next free ports if its own are
    in use, and reserve them. Over several hosts, the folder there is another one too; an inventory
    is that of the project `source`."""
    wanted = read_topology(text, "the snapshot's redistopo.toml")
    with choosing_ports():
        choice = choose_block(port_block_of(wanted), _blocker(layout, wanted))
        if choice.block is None:
            raise MissingPrerequisite(
                f"no free block of ports from {wanted.port} upwards",
                hint="free some ports, or write a redistopo.toml into that folder first",
            )
        moved = choice.block.first_sentinel if wanted.sentinel_port else 0
        placed = replace(wanted, port=choice.block.first, sentinel_port=moved)
        placed = replace(placed, hosts=_hosts_beside(wanted, layout, source))
        write_public(layout.topology, with_addresses(text, wanted, placed))
        reserve_ports(layout.root)
    if choice.passed:
        note(progress, f"ports {choice.block}: those of the snapshot's topology are in use")
    return placed


def _blocker(layout: Layout, wanted: Topology) -> Callable[[int], str]:
    """What has a port; on other hosts, which aren't asked, the first topology has its own."""
    blocked = port_blocker(layout.root, wanted.host)
    own = port_block_of(wanted).all if wanted.hosts is not None else ()
    return lambda port: "of the first topology" if port in own else blocked(port)


def _hosts_beside(wanted: Topology, layout: Layout, source: Layout | None) -> Hosts | None:
    """The hosts of a second topology beside the first one."""
    if wanted.hosts is None:
        return None
    inventory = wanted.hosts.inventory
    if inventory and source is not None:
        inventory = str(source.root / inventory)
    base = f"{wanted.hosts.folder(wanted.name)}-{layout.root.name}"
    return replace(wanted.hosts, base=base, inventory=inventory)


def put_aside(layout: Layout, host: Host) -> None:
    """Put the data of stopped nodes aside; needs the lock. What a restore that was killed has put
    aside stays, and what it placed is removed."""
    elsewhere = aside(layout).exists() or layout.nodes.is_dir()
    _put_aside_here(layout)
    if elsewhere:
        host.set_aside()


def _put_aside_here(layout: Layout) -> None:
    if aside(layout).exists():
        _drop_nodes(layout)
        return
    if text := read_text(layout.record):
        write_private(_record_aside(layout), text)
    if layout.nodes.is_dir():
        with write_errors(layout.nodes):
            layout.nodes.rename(aside(layout))
    _drop_nodes(layout)


def staged(layout: Layout) -> Path:
    """Return an empty folder for the new nodes' folders, which `put_staged` moves to their place:
    what is there is complete at any moment."""
    folder = layout.state / "nodes.restored"
    remove(folder, missing_ok=True)
    private_folder(folder)
    return folder


def put_staged(layout: Layout) -> None:
    """Move the new nodes' folders to the place of those that were put aside."""
    remove(layout.nodes, missing_ok=True)
    with write_errors(layout.nodes):
        (layout.state / "nodes.restored").rename(layout.nodes)


def former_id(layout: Layout) -> str:
    """Return the id of the topology whose data was put aside; "" if there was none."""
    return str((read_json(_record_aside(layout)) or {}).get("id", ""))


def put_back(layout: Layout, host: Host) -> None:
    """Undo `put_aside`; needs the lock, and that no node runs."""
    if aside(layout).exists():
        host.put_back()
    _drop_nodes(layout)
    if aside(layout).exists():
        with write_errors(layout.nodes):
            aside(layout).rename(layout.nodes)
    if text := read_text(_record_aside(layout)):
        write_private(layout.record, text)
    remove(_record_aside(layout), missing_ok=True)


def drop_aside(layout: Layout, host: Host) -> None:
    """Remove what was put aside, or staged."""
    if aside(layout).exists():
        host.drop_aside()
    for path in (aside(layout), _record_aside(layout), layout.state / "nodes.restored"):
        remove(path, missing_ok=True)


def aside(layout: Layout) -> Path:
    """Return where the nodes' folders are while a restore replaces them."""
    return layout.state / "nodes.before-restore"


def _record_aside(layout: Layout) -> Path:
    return layout.state / "record.before-restore.json"


def _drop_nodes(layout: Layout) -> None:
    for path in (layout.record, layout.nodes, layout.state / "stopped"):
        remove(path, missing_ok=True)
