"""Checks of persistence: data is written to disk, and the next start will find it."""

from collections.abc import Iterator

from redistopo.checks.check_types import CheckResult, CheckSubject, fail, ok, per_node, skip
from redistopo.model.state.hints import command_prefix
from redistopo.model.state.observed import NodeSeen


def data_on_disk(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that each server with persistence wrote its data, and that its log is in place.

    Source: INFO persistence, where aof_last_write_status, aof_last_bgrewrite_status and
    rdb_last_bgsave_status stay "err" until the next success.
    """
    persistent = [node for node in subject.seen.answering if _is_persistent(node)]
    if not persistent:
        unknown = not any("aof_enabled" in node.info for node in subject.seen.answering)
        yield skip("no node replies") if unknown else ok("persistence is off, as configured")
        return
    yield from per_node(persistent, _write_fault, "data is written to disk")


def _is_persistent(node: NodeSeen) -> bool:
    return node.info.get("aof_enabled") == "1" or _snapshots(node)


def _snapshots(node: NodeSeen) -> bool:
    return bool((node.config or {}).get("save"))


def _write_fault(node: NodeSeen) -> CheckResult | None:
    if node.log_there is False:
        return fail(
            node.name,
            "the append-only log is missing from its folder: the next start would be empty",
            f"rewrite it from memory: {command_prefix(node)} BGREWRITEAOF",
            settles=True,  # a replica that has just synced writes its first log
        )
    for field, what in (
        ("aof_last_write_status", "writing the append-only log failed"),
        ("aof_last_bgrewrite_status", "rewriting the append-only log failed"),
        ("rdb_last_bgsave_status", "the last RDB snapshot failed"),
    ):
        if field.startswith("rdb") and not _snapshots(node):
            continue
        if node.info.get(field, "ok") != "ok":
            hint = "see its log: the disk may be full, or the folder missing or not writable"
            return fail(node.name, f"{what} ({field}:{node.info[field]})", hint)
    return None
