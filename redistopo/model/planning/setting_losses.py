"""What the service loses by a directive's new value, shown before it is set; pure."""

from collections.abc import Callable, Collection, Iterable, Iterator

from redistopo.model.protocol.conf import effective_value, memory_bytes
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.state.shards import ShardSeen, shards_of

_MIB = 1024 * 1024


def setting_losses(
    directive: str, lines: tuple[str, ...], seen: Observed, names: Collection[str]
) -> tuple[str, ...]:
    """Describe what these nodes would lose by that value; empty for nothing."""
    value = effective_value(directive, lines)
    if directive == "maxclients":
        return tuple(_without_clients(value, (one for one in seen.answering if one.name in names)))
    judge = _JUDGES.get(directive)
    shards = (one for one in shards_of(seen) if one.primary and one.primary.name in names)
    found = (judge(value, one.primary, one) for one in shards if judge and one.primary)
    return tuple(filter(None, found))


def _full(value: str, primary: NodeSeen, _shard: ShardSeen) -> str:
    """Source: evict.c, getMaxmemoryState; a replica ignores maxmemory."""
    limit = memory_bytes(value.lower()) or 0
    used = _number(primary, "used_memory") - _number(primary, "mem_not_counted_for_evict")
    if not 0 < limit < used:
        return ""
    policy = primary.info.get("maxmemory_policy", "noeviction")
    does = "refuses writes" if policy == "noeviction" else "evicts keys, or refuses writes,"
    return f"{primary.name} {does} at once: {_mib(used)} used, maxmemory {_mib(limit)}, {policy}"


def _few_replicas(value: str, primary: NodeSeen, shard: ShardSeen) -> str:
    linked = sum(node.link_up for node in shard.replicas)
    if not value.isdecimal() or int(value) <= linked:
        return ""
    count = "1 replica is" if linked == 1 else f"{linked} replicas are"
    return f"{primary.name} refuses writes: {count} linked, it would require {value}"


def _no_snapshots(value: str, primary: NodeSeen, _shard: ShardSeen) -> str:
    if value or primary.info.get("aof_enabled") != "0":
        return ""
    return f"{primary.name} keeps nothing on disk: its keys are gone when it ends"


_JUDGES: dict[str, Callable[[str, NodeSeen, ShardSeen], str]] = {
    "maxmemory": _full,
    "min-replicas-to-write": _few_replicas,
    "save": _no_snapshots,
}


def _without_clients(value: str, nodes: Iterable[NodeSeen]) -> Iterator[str]:
    """Source: networking.c, acceptCommonHandler; clients that are connected stay."""
    for node in nodes:
        count = _number(node, "connected_clients")
        if value.isdecimal() and count >= int(value):
            yield f"{node.name} refuses new clients: {count} are connected, maxclients {value}"


def _number(node: NodeSeen, field: str) -> int:
    text = node.info.get(field, "")
    return int(text) if text.isascii() and text.isdecimal() else 0


def _mib(size: int) -> str:
    return f"{size / _MIB:.1f} MiB" if size >= _MIB / 10 else f"{size} bytes"
