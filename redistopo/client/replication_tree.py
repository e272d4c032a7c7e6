"""The whole tree of a replication, from any of its nodes: a replica may have replicas itself."""

import re
from collections.abc import Callable, Iterator
from dataclasses import field

from redistopo.errors import AccessDenied, BadReply, Unreachable
from redistopo.host.tcp import numeric
from redistopo.model.protocol.endpoint import LAST_PORT, Endpoint
from redistopo.model.protocol.replies import parse_pairs
from redistopo.quick_dataclass import dataclass

Ask = Callable[[Endpoint], dict[str, str]]
"""Return a node's INFO; raises Unreachable, BadReply or AccessDenied."""

_MOST_NODES = 1000


@dataclass(slots=True)
class _Tree:
    """What was asked: addresses in the order of the tree, and the run ids of the servers, since
    one server may be known by several addresses; `silent` are those that can't be asked."""

    ask: Ask
    found: list[Endpoint] = field(default_factory=list)
    servers: set[str] = field(default_factory=set)
    silent: set[Endpoint] = field(default_factory=set)

    def info(self, endpoint: Endpoint) -> dict[str, str]:
        """A node's INFO; empty if it can't be asked: the checks report what is wrong with it."""
        try:
            return self.ask(endpoint)
        except (Unreachable, BadReply, AccessDenied):
            self.silent.add(endpoint)
            return {}

    def add(self, endpoint: Endpoint, info: dict[str, str]) -> None:
        """Add a node, unless that server is there already, and the replicas below it."""
        waiting: list[tuple[Endpoint, dict[str, str] | None]] = [(endpoint, info)]
        while waiting and len(self.found) < _MOST_NODES:
            one, known = waiting.pop()
            if one in self.found:
                continue
            known = self.info(one) if known is None else known
            server = known.get("run_id", "")
            if server in self.servers:
                continue
            self.found.append(one)
            self.servers |= {server} if server else set()
            waiting += [(replica, None) for replica in reversed(list(replicas_in(known)))]


def replication_around(
    endpoint: Endpoint, info: dict[str, str], ask: Ask, announced: Endpoint | None = None
) -> list[Endpoint]:
    """Return all nodes of the replication that a node belongs to, its first primary first.

    `info` is the node's INFO, `announced` the address that it announces: if nothing replies there,
    it is known by its own alone.
    """
    tree = _Tree(ask)
    top, above, passed = endpoint, info, [endpoint]
    while above.get("role") == "slave":
        port = port_in(above.get("master_port", ""))
        upper = numeric(Endpoint(above.get("master_host", ""), port))
        if upper in passed or len(passed) >= _MOST_NODES:
            break  # nodes that follow each other, or a chain without an end
        passed.append(upper)
        top, above = upper, tree.info(upper)
    tree.add(top, above)
    tree.add(endpoint, info)  # where nothing lists it: its primary can't be asked
    if announced in tree.silent and announced in tree.found and endpoint in tree.found:
        tree.found.remove(announced)
    return tree.found


def replicas_in(info: dict[str, str]) -> Iterator[Endpoint]:
    """Yield the replicas that a node lists in its INFO."""
    for name, value in info.items():
        pairs = parse_pairs(value) if re.fullmatch(r"slave[0-9]{1,9}", name) else {}
        if pairs.get("ip"):
            yield Endpoint(pairs["ip"], port_in(pairs.get("port", "")))


def port_in(text: str) -> int:
    """Parse a port in INFO; raises BadReply for anything else."""
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 0 < int(text) <= LAST_PORT:
        raise BadReply("INFO has an invalid port", detail=repr(text)[:200])
    return int(text)
