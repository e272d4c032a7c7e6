"""The verbs' own results as the public types."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from redistopo.api.results import (
    Action,
    Drill,
    Finding,
    LogLine,
    Node,
    Promotion,
    Setting,
    Started,
    Stopped,
    Verdict,
)
from redistopo.errors import RedistopoError
from redistopo.model.state.finding import failed_findings

if TYPE_CHECKING:
    from redistopo.drill.drill_report import DrillReport, Traffic
    from redistopo.model.protocol.server_log import LogEntry
    from redistopo.model.state import finding as model
    from redistopo.model.state.status_rows import NodeStatus
    from redistopo.ops.down import DownResult
    from redistopo.ops.failover import FailoverResult
    from redistopo.ops.set import SetResult
    from redistopo.ops.up import UpResult
    from redistopo.session.node_action import NodeActionResult


def node(row: "NodeStatus") -> Node:
    """Convert a row of `status`."""
    return Node(
        name=row.name,
        role=row.role.value if row.role else "",
        shard=row.shard,
        host=row.host,
        port=row.port,
        pid=row.pid,
        state=row.state,
        slots=tuple((one.first, one.last) for one in row.slots),
    )


def findings(found: "Iterable[model.Finding]") -> tuple[Finding, ...]:
    """Convert findings."""
    return tuple(
        Finding(
            check=one.check,
            subject=one.subject,
            status=one.status.value,
            evidence=one.evidence,
            hint=str(one.hint),
        )
        for one in found
    )


def verdict(found: "tuple[model.Finding, ...]") -> Verdict:
    """Convert the findings of a `verify`."""
    return Verdict(healthy=not failed_findings(found), findings=findings(found))


def started(result: "UpResult") -> Started:
    """Convert the result of `up`."""
    return Started(
        engine=result.engine,
        changes=tuple(f"{step}: {step.cause}" for step in result.steps),
        findings=findings(result.findings),
        seconds=result.seconds,
    )


def stopped(result: "DownResult") -> Stopped:
    """Convert the result of `down`."""
    return Stopped(nodes=result.stopped, unsaved=result.unsaved, seconds=result.seconds)


def action(result: "NodeActionResult") -> Action:
    """Convert the result of a verb on nodes; raises RedistopoError if a node's action failed."""
    if failed := [one for one in result.nodes if not one.well]:
        raise RedistopoError(
            "; ".join(f"{one.name}: {one.did}" for one in failed), hint=failed[0].hint
        )
    return Action(nodes={one.name: one.did for one in result.nodes}, losses=result.losses)


def promotion(result: "FailoverResult") -> Promotion:
    """Convert the result of `failover`."""
    primary = result.shard.primary
    return Promotion(
        shard=result.shard.number,
        primary=primary.name if primary else "",
        changed=result.handover is not None,
        seconds=result.seconds,
    )


def setting(result: "SetResult") -> Setting:
    """Convert the result of `set`."""
    return Setting(
        directive=result.directive,
        value=result.value,
        live=result.live,
        waiting=result.waiting,
        stopped=result.stopped,
    )


def drill(report: "DrillReport") -> Drill:
    """Convert the report of a drill."""
    return Drill(
        passed=report.passed,
        reasons=report.reasons,
        fault=report.fault,
        target=report.target,
        writes_down=_seconds(report.part("writes")),
        reads_down=_seconds(report.part("reads")),
        acknowledged=report.writes.acknowledged,
        lost=report.writes.lost,
        healed=report.healed,
        roles=dict(report.roles_after),
    )


def _seconds(traffic: "Traffic | None") -> float | None:
    return traffic.unavailable / 1000 if traffic else None


def log_line(entry: "LogEntry") -> LogLine:
    """Convert an entry of a log."""
    return LogLine(node=entry.node, at=entry.at or None, level=entry.level, text=entry.text)
