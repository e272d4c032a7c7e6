"""What one host of a topology reaches of the nodes on the other hosts."""

from redistopo.model.protocol.endpoint import Endpoint
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PortFailed:
    """A port of a node that couldn't be reached, and the reason."""

    node: str
    endpoint: Endpoint
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HostReach:
    """The number of ports that were tried from `host`, and those that it doesn't reach; `error` is
    why none could be tried from there ("" if they were). `not_at_boot` are units of nodes there
    that should be enabled, and aren't."""

    host: str
    tried: int = 0
    failed: tuple[PortFailed, ...] = ()
    error: str = ""
    not_at_boot: tuple[str, ...] = ()
