"""Checks on what a server keeps on disk: written, and where a start will find it."""

from collections.abc import Iterator

from redistopo.checks.subject import CheckResult, CheckSubject, fail, ok, per_node, skip
from redistopo.model.state.hints import redis_cli_command
from redistopo.model.state.observed import NodeSeen


def kept(subject: CheckSubject) -> Iterator[CheckResult]:
    """Each server that keeps data wrote it the last time it tried, and its log is still there.

    By INFO persistence: aof_last_write_status, aof_last_bgrewrite_status and
    rdb_last_bgsave_status stay "err" until the next success.
    """
    keeping = [node for node in subject.seen.answering if _keeps(node)]
    if not keeping:
        unknown = not any("aof_enabled" in node.info for node in subject.seen.answering)
        yield skip("no node answers") if unknown else ok("no node keeps data, as configured")
        return
    yield from per_node(keeping, _amiss, "what they keep is written", "what it keeps is written")


def _keeps(node: NodeSeen) -> bool:
    return node.info.get("aof_enabled") == "1" or _snapshots(node)


def _snapshots(node: NodeSeen) -> bool:
    return bool((node.config or {}).get("save"))


def _amiss(node: NodeSeen) -> CheckResult | None:
    if node.log_there is False:
        return fail(
            node.name,
            "its append-only log is gone from its folder: the next start would be empty",
            f"write it anew from memory: {redis_cli_command(node)} BGREWRITEAOF",
            settles=True,  # a replica that has just synced writes its first one
        )
    for field, what in (
        ("aof_last_write_status", "its append-only log couldn't be written"),
        ("aof_last_bgrewrite_status", "its append-only log couldn't be rewritten"),
        ("rdb_last_bgsave_status", "its last snapshot failed"),
    ):
        if field.startswith("rdb") and not _snapshots(node):
            continue
        if node.info.get(field, "ok") != "ok":
            hint = "its log says why: a full disk, a folder that is gone or not its own"
            return fail(node.name, f"{what} ({field}:{node.info[field]})", hint)
    return None
