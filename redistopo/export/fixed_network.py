"""The network of an exported cluster's containers, in which each node has an address of its own."""

from collections.abc import Mapping
from hashlib import sha256

from redistopo.model.planning.plan import Plan
from redistopo.quick_dataclass import dataclass

_BEFORE = 10
"""Addresses before that of the first node: the gateway has one."""

_HALF = 128
"""The second half of the network is for containers without an address of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedNetwork:
    """What Compose configures; `prefix` is the default of SUBNET, with which all else begins.

    A node of a cluster finds the others after a restart by the addresses in its nodes.conf, and
    Docker assigns free addresses in the order in which containers start.
    """

    prefix: str
    subnet: str
    gateway: str
    others: str
    addresses: Mapping[str, str]


def fixed_network(project: str, plan: Plan) -> FixedNetwork:
    """Return the network of a project: private (RFC 1918), and outside of Docker's own pools."""
    second, third, *_ = sha256(project.encode()).digest()
    second = _HALF + second % _HALF
    last = {node.name: _BEFORE + node.number for node in plan.nodes}
    small = max(last.values()) < _HALF
    prefix = f"10.{second}.{third}" if small else f"10.{second}"
    start = f"${{SUBNET:-{prefix}}}"
    zero, bits = ("", 24) if small else (".0", 16)
    return FixedNetwork(
        prefix=prefix,
        subnet=f"{start}{zero}.0/{bits}",
        gateway=f"{start}{zero}.1",
        others=f"{start}.{_HALF}{zero}/{bits + 1}",
        addresses={
            name: f"{start}.{number}" if small else f"{start}.{number // 256}.{number % 256}"
            for name, number in last.items()
        },
    )
