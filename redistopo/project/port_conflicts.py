"""Who holds a port: another topology of this user's, started or not, or any program."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from redistopo.errors import MissingPrerequisite, UsageError
from redistopo.host.files import read_text
from redistopo.host.ports import is_free
from redistopo.model.topology.parse import parse_topology, read_toml
from redistopo.model.topology.ports import port_block_of
from redistopo.model.topology.project_paths import Layout
from redistopo.model.topology.spec import Topology
from redistopo.project.port_reservations import reserved
from redistopo.project.registry import registered_topologies


@dataclass(frozen=True, slots=True)
class Blocker:
    """Asked for a port, says who holds it, or "" where it is free."""

    host: str
    reserved: Mapping[int, str]

    def __call__(self, port: int) -> str:
        if port in self.reserved:
            return self.reserved[port]
        return "" if is_free(self.host, port) else "busy"


def port_blocker(root: Path, host: str) -> Blocker:
    """Of ports for the topology in `root`: its own are not held against it.

    A topology that was started keeps its ports until it is wiped, also without its file;
    one that never was keeps them as long as its file is there and names them.
    """
    found: dict[int, str] = {}
    for other in reserved():
        with suppress(MissingPrerequisite):  # a file that we can't read reserves nothing
            topology = topology_in(read_text(Layout(other).topology))
            if topology is not None and other != root:
                told = _reserved(
                    topology.name, other, f"removing its {Layout(other).topology.name}"
                )
                found |= dict.fromkeys(port_block_of(topology).all, told)
    for entry in registered_topologies():
        other = Path(entry.root)
        if other != root and Layout(other).state.is_dir():
            told = _reserved(entry.name, other, "redistopo down --wipe in it")
            found |= dict.fromkeys(entry.ports, told)
    return Blocker(host, found)


def _reserved(name: str, root: Path, way: str) -> str:
    return f"reserved by your topology {name!r} in {root} ({way} frees it)"


def topology_in(text: str | None) -> Topology | None:
    """What a topology file holds; None where there is none, or a broken one."""
    if text is None:
        return None
    try:
        return parse_topology(read_toml(text, ""))[0]
    except UsageError:
        return None
