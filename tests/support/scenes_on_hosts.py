"""A captured topology as if its nodes were on three hosts."""

import re
from dataclasses import replace
from typing import Any

from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.state.clock import Clock
from redistopo.model.topology.hosts import Hosts, Machine

HOSTS = Hosts(machines=tuple(Machine(name=f"h{n}", address=f"10.0.0.{n}") for n in range(1, 4)))

SPREAD = {"node1": 1, "node2": 2, "node3": 3, "node4": 2, "node5": 3, "node6": 1}
WATCHED = {"node1": 1, "node2": 2, "node3": 3, "sentinel1": 1, "sentinel2": 2, "sentinel3": 3}


def on_hosts(scene: Any, hosts: Hosts = HOSTS, **places: int) -> Any:
    """The scene with each node at the address of its host; the servers know each other by it."""
    known = WATCHED if scene.expected.sentinels else SPREAD
    at = {name: f"10.0.0.{number}" for name, number in {**known, **places}.items()}
    of_port = {node.port: at[node.name] for node in scene.seen.nodes if node.name in at}

    def moved(node: Any) -> Any:
        info = {
            name: re.sub(
                r"^ip=[\d.]+,port=(\d+)", lambda m: f"ip={of_port[int(m[1])]},port={m[1]}", v
            )
            for name, v in node.info.items()
        }
        if "master_port" in info:
            info["master_host"] = of_port[int(info["master_port"])]
        members = tuple(
            replace(one, endpoint=Endpoint(of_port[one.port], one.port)) for one in node.members
        )
        place = Endpoint(of_port[node.port], node.port)
        clock = Clock(ahead=0.001, within=0.002)
        return replace(node, endpoint=place, info=info, members=members, clock=clock)

    return scene._each(moved).expect(hosts=hosts)


def with_clocks(scene: Any, *ahead: float, keys: int = 0) -> Any:
    """The scene on hosts whose clocks are ahead by that, with so many keys with a TTL."""

    def changed(node: Any) -> Any:
        clock = Clock(ahead=ahead[int(node.host[-1]) - 1], within=0.002)
        info = {**node.info, "db0": f"keys=9,expires={keys},avg_ttl=1"}
        return replace(node, clock=clock, info=info)

    return on_hosts(scene)._each(changed)
