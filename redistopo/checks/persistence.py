"""Checks of persistence: data is written to disk, and the next start will find it."""

import shlex
from collections.abc import Iterator
from pathlib import Path

from redistopo.checks.check_types import (
    CheckResult,
    CheckSubject,
    fail,
    ok,
    per_node,
    skip,
    unknown,
)
from redistopo.model.protocol.aof import log_is_absent, rewrites_log
from redistopo.model.protocol.data_files import NAMES
from redistopo.model.remedies.of_machine import move_aside
from redistopo.model.remedies.of_topology import end_node
from redistopo.model.remedies.remedy import joined
from redistopo.model.state.hints import allow_command_hint, command_prefix
from redistopo.model.state.observed import NodeSeen


def data_on_disk(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that each server with persistence wrote its data, and that its log is in place.

    Source: INFO persistence, where aof_last_write_status, aof_last_bgrewrite_status and
    rdb_last_bgsave_status stay "err" until the next success.
    """
    answering = subject.seen.answering
    holders = [node for node in answering if not node.is_sentinel]
    if not holders:
        yield skip("no node replies")
        return
    results = [
        result
        for node in holders
        if (result := _lost_folder(node, answering) or _write_fault(node) or _unread(node))
    ]
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
    if lacking := [name for name in ("aof_enabled", *_STATUS) if name not in node.info]:
        evidence = "whether its data is written to disk is unknown: "
        return unknown(node.name, f"{evidence}INFO has no {' and no '.join(lacking)}")
    if _is_persistent(node) or not node.config_refused:
        return None
    unsaved = node.info.get("rdb_changes_since_last_save", "?")
    evidence = f"whether it takes snapshots is unknown: CONFIG GET: {node.config_refused}; "
    evidence += f"{unsaved} changes since the last one, no append-only log"
    return unknown(node.name, evidence, allow_command_hint(node, "CONFIG", node.config_refused))


def _lost_folder(node: NodeSeen, others: tuple[NodeSeen, ...]) -> CheckResult | None:
    """Report a node that writes to a folder that is no longer there."""
    if not node.folder_lost or node.is_sentinel:
        return None
    lead = next((one for one in others if one.address == node.follows), None)
    sound = lead is not None and not lead.folder_lost
    return fail(
        node.name,
        "its folder was removed while it runs: it has its data in memory only, and the next start "
        "would not find it",
        joined(end_node(node.name, "nothing that its primary has"), ", then redistopo up")
        if sound
        else _rescue(lead or node, others),
    )


def _rescue(lead: NodeSeen, others: tuple[NodeSeen, ...]) -> str:
    """How the data of a primary that lost its folder is kept: by a replica that has its own, or in
    a snapshot, because a cluster's node ends as soon as it can't write its nodes.conf
    (cluster_legacy.c, clusterSaveConfigOrDie)."""
    replicas = [one for one in others if one.follows == lead.address]
    if heir := next((one for one in replicas if one.link_up and not one.folder_lost), None):
        return f"redistopo failover {heir.name}, then redistopo up"
    folder, config = Path(lead.info.get("config_file", "")).parent, lead.config or {}
    snapshot = folder / config.get("dbfilename", NAMES["dbfilename"])
    save = f"redistopo cli {lead.name} -- --rdb {shlex.quote(str(snapshot))}"
    if lead.info.get("aof_enabled") == "1" and not log_is_absent(lead.log_damage or ""):
        kind = "appenddirname" if "appenddirname" in config else "appendfilename"
        aside = move_aside(folder / config.get(kind, NAMES[kind]), ".old")
        save = joined(aside, f"; {save}")
    names = " ".join(one.name for one in (lead, *replicas))
    end = end_node(names, f"what {lead.name} writes after the snapshot")
    return joined("save its memory: ", save, "; then ", end, ", then redistopo up")


_STATUS = {
    "aof_last_write_status": "writing the append-only log failed",
    "aof_last_bgrewrite_status": "rewriting the append-only log failed",
    "rdb_last_bgsave_status": "the last RDB snapshot failed",
}
"""Fields of INFO that are "ok", or tell what failed."""


def _write_fault(node: NodeSeen) -> CheckResult | None:
    if node.log_damage:
        return fail(
            node.name,
            f"its append-only log is damaged: {node.log_damage}: the next start would lose keys",
            f"rewrite it from memory: {command_prefix(node)} BGREWRITEAOF",
            settles=rewrites_log(node.info),  # a replica that has just synced writes its first log
        )
    for field, what in _STATUS.items():
        # a BGSAVE by hand may have failed where no snapshots are configured
        if field.startswith("rdb") and _snapshots(node) is False:
            continue
        if node.info.get(field, "ok") != "ok":
            hint = "see its log: the disk may be full, or the folder missing or not writable"
            hint += "; until a snapshot succeeds it may refuse writes (MISCONF)" * ("rdb" in field)
            return fail(node.name, f"{what} ({field}:{node.info[field]})", hint)
    return None
