"""Several machines of one topology: the [hosts] table of the topology file."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import field
from enum import StrEnum

from redistopo.model.protocol.engine import Product
from redistopo.quick_dataclass import dataclass

DEFAULT_BASE = "/var/lib/redistopo"
"""The folder on each machine below which a topology's folder is, by the topology's name."""

LOCAL = "local"
"""The value of `ssh` of a machine that is this one."""


class Service(StrEnum):
    """How a machine keeps its servers."""

    SYSTEMD = "systemd"
    PROCESS = "process"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One machine: its `name` in the topology file or the inventory, the `address` that servers
    bind and clients connect to, and its failure `zone` ("" for none).

    With `drain`, new nodes are placed on others, and its nodes go first.
    `user` and `port` are those of SSH, "" and 0 for what SSH's own configuration says; `ssh` is
    the address for SSH if it differs from `address`.
    """

    name: str
    address: str
    zone: str = ""
    user: str = ""
    port: int = 0
    ssh: str = ""
    drain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """The machines of a topology, and how servers are kept there.

    `inventory` is the path of Ansible's inventory with the machines of `group`; "" if `machines`
    are from the topology file itself. `base` is the topology's folder on each machine, "" for
    DEFAULT_BASE and the topology's name. `service` is how servers are kept, "systemd" or
    "process"; "" for systemd where it runs. `engine` is the server's program on each machine; ""
    for the one that is found there; `package` is what brings it where none fits, "" for none.
    `allow_colocated` permits nodes of a shard, or Sentinels, to
    share a machine; `pins` are the machines of nodes that the file places itself, by node.
    """

    machines: tuple[Machine, ...] = ()
    inventory: str = ""
    group: str = "redis"
    user: str = ""
    become: bool = False
    base: str = ""
    service: str = ""
    engine: str = ""
    package: str = ""
    allow_colocated: bool = False
    pins: Mapping[str, str] = field(default_factory=dict)

    def folder(self, topology: str) -> str:
        """Return the topology's folder on each machine."""
        return self.base or f"{DEFAULT_BASE}/{topology}"

    @property
    def package_product(self) -> Product:
        """The product of `package`, by its name."""
        name = self.package.partition(":")[2]
        return Product.VALKEY if name.startswith("valkey") else Product.REDIS

    def is_local(self, machine: str) -> bool:
        """Return whether a machine is this one; those that aren't known are not."""
        return any(one.name == machine and one.ssh == LOCAL for one in self.machines)

    @property
    def draining(self) -> frozenset[str]:
        """The names of the machines that are being emptied."""
        return frozenset(one.name for one in self.machines if one.drain)

    def machine(self, name: str) -> Machine:
        """Return the machine with that name; raises KeyError if there is none."""
        for one in self.machines:
            if one.name == name:
                return one
        raise KeyError(name)


def machine_names(machines: Iterable[Machine]) -> dict[str, str]:
    """Map the address of each machine to its name."""
    return {one.address: one.name for one in machines}


def majority_holder(machines: Iterable[str]) -> str:
    """Return the machine without which the others have no majority; "" for none.

    `machines` are those of the voters, one for each: of a cluster's primaries, or of Sentinels.
    """
    held = Counter(machines)
    if not held:
        return ""
    name, most = held.most_common(1)[0]
    return name if held.total() - most < held.total() // 2 + 1 else ""
