"""Port conflicts with other topologies of this user, started or not, and other programs."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from redistopo.errors import MissingPrerequisite, UsageError
from redistopo.host.files import read_text
from redistopo.host.ports import is_free
from redistopo.model.remedies.of_topology import wipe
from redistopo.model.topology.parse import parse_topology, read_toml
from redistopo.model.topology.ports import port_block_of
from redistopo.model.topology.project_paths import Layout
from redistopo.model.topology.spec import Topology
from redistopo.project.port_reservations import reserved
from redistopo.project.registry import registered_topologies
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Blocker:
    """Returns the user of a port, or "" if it is free."""

    host: str
    reserved: Mapping[int, str]

    def __call__(self, port: int) -> str:
        if port in self.reserved:
            return self.reserved[port]
        return "" if is_free(self.host, port) else "busy"


def port_blocker(root: Path, host: str) -> Blocker:
    """Build the blocker for the topology in `root`, whose own ports don't count.

    A topology that was started keeps its ports until it is wiped, even without its file; one
    that never was keeps them while its file exists and has them.
    """
    found: dict[int, str] = {}
    for other in reserved():
        with suppress(MissingPrerequisite):  # a file that we can't read reserves nothing
            topology = topology_in(read_text(Layout(other).topology))
            if topology is None or topology.hosts or topology.adopted:
                continue  # no ports of this machine that it would listen on
            if other != root:
                reason = _reserved(
                    topology.name, other, f"removing its {Layout(other).topology.name}"
                )
                found |= dict.fromkeys(port_block_of(topology).all, reason)
    for entry in registered_topologies():
        other = Path(entry.root)
        if other != root and Layout(other).state.is_dir():
            reason = _reserved(entry.name, other, wipe(" in it"))
            found |= dict.fromkeys(entry.ports, reason)
    return Blocker(host, found)


def _reserved(name: str, root: Path, way: str) -> str:
    return f"reserved by your topology {name!r} in {root} ({way} frees it)"


def topology_in(text: str | None) -> Topology | None:
    """Parse a topology file; None if there is none, or it is invalid."""
    if text is None:
        return None
    try:
        return parse_topology(read_toml(text, ""))[0]
    except UsageError:
        return None
