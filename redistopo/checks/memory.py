"""The check of memory: a server at its limit that refuses writes."""

from collections.abc import Iterator

from redistopo.checks.check_types import CheckResult, CheckSubject, fail, per_node, unknown
from redistopo.model.protocol.replies import parse_pairs
from redistopo.model.remedies.of_servers import set_live
from redistopo.model.remedies.remedy import joined
from redistopo.model.state.hints import command_prefix
from redistopo.model.state.observed import NodeSeen, Role

_MIB = 1024 * 1024


def full(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that no primary has reached its maxmemory with nothing to evict.

    Source: evict.c, getMaxmemoryState and performEvictions; a replica ignores maxmemory.
    """
    refused = {
        probe.primary for probe in subject.seen.write_probes or () if is_out_of_memory(probe.error)
    }

    def judge(node: NodeSeen) -> CheckResult | None:
        if lacking := [field for field in ("maxmemory", "used_memory") if field not in node.info]:
            evidence = f"how full it is, is unknown: INFO has no {' and no '.join(lacking)}"
            return unknown(node.name, evidence)
        limit = _number(node, "maxmemory")
        used = _number(node, "used_memory") - _number(node, "mem_not_counted_for_evict")
        full_now = used > limit and not _evicts(node)
        if not limit or not (full_now or node.address in refused):
            return None
        policy = node.info.get("maxmemory_policy", "noeviction")
        evidence = f"refuses writes: {_mebibytes(used)} used, maxmemory {_mebibytes(limit)}, "
        return fail(node.name, f"{evidence}maxmemory-policy {policy}", _raise_limit(node, used))

    primaries = (node for node in subject.seen.answering if node.role is Role.PRIMARY)
    yield from per_node(primaries, judge, "maxmemory isn't reached, or keys are evicted")


def is_out_of_memory(error: str) -> bool:
    """Whether a client's error says that the server is full (OOM)."""
    return error.startswith("OOM ") or "used memory > 'maxmemory'" in error


def _evicts(node: NodeSeen) -> bool:
    """Whether the policy finds a key to evict."""
    policy = node.info.get("maxmemory_policy", "noeviction")
    if not policy.startswith("volatile-"):
        return policy != "noeviction" and node.keys > 0
    pairs = [parse_pairs(value) for name, value in node.info.items() if name.startswith("db")]
    return any(one.get("expires", "0") != "0" for one in pairs)


def _number(node: NodeSeen, field: str) -> int:
    text = node.info.get(field, "")
    return int(text) if text.isascii() and text.isdecimal() else 0


def _mebibytes(size: int) -> str:
    return f"{size / _MIB:.1f} MiB"


def _raise_limit(node: NodeSeen, used: int) -> str:
    """How to raise the limit, to twice of what is used."""
    value = f"{-(-2 * used // _MIB)}mb"
    prefix = command_prefix(node)
    if prefix.startswith("redistopo"):
        return f"delete keys, or raise the limit: redistopo set maxmemory={value}"
    return joined("delete keys, or raise the limit: ", set_live(prefix, "maxmemory", value))
