"""Checks of persistence: data is written to disk, and the next start will find it."""

from collections.abc import Iterator

from redistopo.checks.check_types import (
    CheckResult,
    CheckSubject,
    fail,
    ok,
    per_node,
    skip,
    unknown,
)
from redistopo.model.protocol.aof import rewrites_log
from redistopo.model.state.hints import allow_command_hint, command_prefix
from redistopo.model.state.observed import NodeSeen


def data_on_disk(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that each server with persistence wrote its data, and that its log is in place.

    Source: INFO persistence, where aof_last_write_status, aof_last_bgrewrite_status and
    rdb_last_bgsave_status stay "err" until the next success.
    """
    holders = [node for node in subject.seen.answering if "aof_enabled" in node.info]
    if not holders:
        yield skip("no node replies")
        return
    results = [result for node in holders if (result := _write_fault(node) or _unread(node))]
    persistent = [node for node in holders if _is_persistent(node)]
    yield from results
    if not persistent and not results:
        yield ok("persistence is off, as configured")
    elif not results:
        yield from per_node(persistent, lambda _node: None, "data is written to disk")


def _is_persistent(node: NodeSeen) -> bool:
    return node.info.get("aof_enabled") == "1" or bool(_snapshots(node))


def _snapshots(node: NodeSeen) -> bool | None:
    """Whether it takes snapshots; None if its configuration can't be read."""
    if node.config_refused:
        return None
    return bool((node.config or {}).get("save"))


def _unread(node: NodeSeen) -> CheckResult | None:
    """Report that nobody knows whether snapshots are configured, if no log is written either."""
    if _is_persistent(node) or not node.config_refused:
        return None
    unsaved = node.info.get("rdb_changes_since_last_save", "?")
    evidence = f"whether it takes snapshots is unknown: CONFIG GET: {node.config_refused}; "
    evidence += f"{unsaved} changes since the last one, no append-only log"
    return unknown(node.name, evidence, allow_command_hint(node, "CONFIG", node.config_refused))


def _write_fault(node: NodeSeen) -> CheckResult | None:
    if node.log_damage:
        return fail(
            node.name,
            f"its append-only log is damaged: {node.log_damage}: the next start would lose keys",
            f"rewrite it from memory: {command_prefix(node)} BGREWRITEAOF",
            settles=rewrites_log(node.info),  # a replica that has just synced writes its first log
        )
    for field, what in (
        ("aof_last_write_status", "writing the append-only log failed"),
        ("aof_last_bgrewrite_status", "rewriting the append-only log failed"),
        ("rdb_last_bgsave_status", "the last RDB snapshot failed"),
    ):
        # a BGSAVE by hand may have failed where no snapshots are configured
        if field.startswith("rdb") and _snapshots(node) is False:
            continue
        if node.info.get(field, "ok") != "ok":
            hint = "see its log: the disk may be full, or the folder missing or not writable"
            hint += "; until a snapshot succeeds it may refuse writes (MISCONF)" * ("rdb" in field)
            return fail(node.name, f"{what} ({field}:{node.info[field]})", hint)
    return None
