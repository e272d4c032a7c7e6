"""Errors of `up`: what was observed, in which node, and what to type next."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from redistopo.errors import (
    MissingPrerequisite,
    RedistopoError,
    RestartNeeded,
    Unhealthy,
    Unreachable,
)
from redistopo.execute.context import ExecutionContext
from redistopo.host.files import FREE, NO_SPACE
from redistopo.host.server_log import log_tail
from redistopo.model.state.finding import consequences, failed_findings, root_causes
from redistopo.model.state.observed import ProcessState

if TYPE_CHECKING:
    from redistopo.session.health import Verdict


def unhealthy_error(context: ExecutionContext, verdict: "Verdict") -> RedistopoError:
    """Build the error of a topology that runs but failed its checks, or lost a node."""
    from redistopo.execute.early_exit import early_exit_error
    from redistopo.model.connectivity.findings_with_causes import EXPLAINED

    plan, files = context.plan, context.host.files
    gone = [node for node in verdict.seen.nodes if node.process is ProcessState.ABSENT]
    if gone:
        node = plan.node(gone[0].name)
        error = early_exit_error(context.host, plan, node, "before all nodes agreed")
        if error.hint == node.log_hint:  # nothing in its log says why: it was killed
            error.hint = f"redistopo up starts it again; {error.hint}"
        return error
    known = root_causes(verdict.findings)
    # what ended the wait; the others may still settle
    problems = tuple(one for one in known if not one.settles) or known
    shown = [f"{one.check} {one.subject}: {one.evidence}" for one in problems[:8]]
    if len(problems) > len(shown):
        shown.append(f"and {len(problems) - len(shown)} more")
    if follow := consequences(failed_findings(verdict.findings)):
        shown.append(f"and {len(follow)} failures that follow from this: redistopo verify --all")
    detail = "\n".join(shown)
    told = [detail, *(log_tail(files, node.folder.log, 20) for node in plan.nodes)]
    if any(NO_SPACE in one for one in told) or files.disk_full(plan.layout.state):
        return MissingPrerequisite(
            "the servers run, but their disk is full", detail=detail, hint=FREE
        )
    if all(one.check == "config.drift" for one in problems):
        return RestartNeeded(
            "the topology is healthy, but some settings of the topology file need a restart",
            detail=detail,
            hint="restart the servers, replicas first"
            if plan.topology.adopted
            else "for settings that only change at a start: redistopo restart --rolling",
        )
    error = Unhealthy(
        "the servers run, but the topology is not healthy", detail=detail, hint=problems[0].hint
    )
    error.certain = not problems[0].settles and problems[0].check not in EXPLAINED
    return error


@contextmanager
def explaining_ended_servers(context: ExecutionContext) -> Iterator[None]:
    """Report a server that exited with its own last log lines."""
    try:
        yield
    except Unreachable as error:
        from redistopo.execute.early_exit import early_exit_error

        for name, process in context.started.items():
            if process.poll() is not None:
                node = context.plan.node(name)
                raise early_exit_error(
                    context.host, context.plan, node, "while the topology came up"
                ) from error
        raise
