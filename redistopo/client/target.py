"""The servers of a snapshot, and how much is asked of each."""

from enum import IntEnum

from redistopo.host.host import Host
from redistopo.host.local_host import LOCAL
from redistopo.model.protocol.endpoint import Addressed
from redistopo.model.topology.project_paths import Layout
from redistopo.quick_dataclass import dataclass


class Detail(IntEnum):
    """How much to query of each node; more detail costs more time."""

    PROCESS = 0  # whether it runs
    HEALTH = 1  # INFO and CLUSTER NODES
    FULL = 2  # also its configuration, access control and listening addresses


@dataclass(frozen=True, slots=True, kw_only=True)
class Target(Addressed):
    """A server to observe; `layout` is None for one that we didn't start, otherwise its process
    and files are on `machine`. It gives clients the ports for them, if `maps_ports`."""

    name: str
    ports: tuple[int, ...] = ()
    maps_ports: bool = False
    layout: Layout | None = None
    machine: Host = LOCAL
