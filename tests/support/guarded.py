"""Three Sentinels that find all well, around a captured replication."""

from dataclasses import replace
from typing import Any

from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.sentinel_replies import MonitoredPrimary, Peer
from redistopo.model.state.observed import NodeSeen, Observed, ProcessState
from redistopo.model.topology.spec import Shape

NAMES = ("sentinel1", "sentinel2", "sentinel3")
FIRST = 26379


def guarded(seen: Observed) -> Observed:
    """The same nodes, with Sentinels that watch the first one."""
    nodes = (*seen.nodes, *(sentinel(name, seen) for name in NAMES))
    return replace(seen, shape=Shape.SENTINEL, nodes=nodes)


def sentinel(name: str, seen: Observed) -> NodeSeen:
    """One of the three, that watches the first of these nodes."""
    number = NAMES.index(name)
    flags = frozenset({"sentinel"})
    ports = {other: FIRST + n for n, other in enumerate(NAMES)}
    port = ports[name]
    data = seen.nodes
    return NodeSeen(
        name=name,
        endpoint=Endpoint("127.0.0.1", port),
        process=ProcessState.RUNNING,
        pid=9000 + number,
        info={"redis_mode": "sentinel", "process_id": str(9000 + number)},
        anonymous="NOAUTH Authentication required.",
        listening=("127.0.0.1",),
        config={"quorum": "2"},
        watches=(
            MonitoredPrimary(
                name="project",
                endpoint=data[0].endpoint,
                flags=frozenset({"master"}),
                epoch=3,
                settings={"quorum": "2", "down-after-milliseconds": "5000"},
                replicas=tuple(
                    Peer(id=one.name, endpoint=one.endpoint, flags=frozenset({"slave"}))
                    for one in data[1:]
                ),
                sentinels=tuple(
                    Peer(id=other, endpoint=Endpoint("127.0.0.1", at), flags=flags, hello_age=500)
                    for other, at in ports.items()
                    if at != port
                ),
                quorum="OK 3 usable Sentinels. Quorum and failover authorization can be reached",
            ),
        ),
    )


def edited(seen: Observed, name: str, **fields: Any) -> Observed:
    """The node with other fields."""
    nodes = tuple(replace(one, **fields) if one.name == name else one for one in seen.nodes)
    return replace(seen, nodes=nodes)


def without(seen: Observed, *names: str) -> Observed:
    """The snapshot with nodes whose process ended."""
    for name in names:
        gone = {"process": ProcessState.ABSENT, "pid": 0, "error": "its process isn't running"}
        seen = edited(seen, name, info={}, watches=(), **gone)
    return seen


def silent(seen: Observed, *names: str) -> Observed:
    """The snapshot with nodes that didn't answer."""
    for name in names:
        seen = edited(seen, name, info={}, members=(), error="refused")
    return seen


def told_by(seen: Observed, *names: str, **fields: Any) -> Observed:
    """These Sentinels say something else of their primary."""
    for node in seen.nodes:
        if node.name in names:
            watch = replace(node.watches[0], **fields)
            seen = edited(seen, node.name, watches=(watch,))
    return seen
