"""Cluster formation by ``redis-cli --cluster create``."""

from redistopo.errors import RedistopoError, TimedOut
from redistopo.execute.context import ExecutionContext
from redistopo.execute.hurry import hurry
from redistopo.execute.slow_wait import patience, still_waiting
from redistopo.host.host import Program
from redistopo.host.server_log import log_tail
from redistopo.model.planning.step import Step
from redistopo.model.protocol.credentials import login_options


def form_by_cli(context: ExecutionContext, one: Step) -> None:
    """Create the cluster with redis-cli, which chooses the primary of each replica.

    redis-cli itself waits forever for nodes that can't meet: it is stopped at the deadline.
    Raises TimedOut, or RedistopoError if it failed.
    """
    hurry(context, one.settings)
    program = _creation(context)
    slow = (patience(context), lambda: still_waiting(context))
    try:
        code = context.host.processes.run(program, context.deadline, slow)
    except TimedOut as error:
        raise TimedOut(
            f"redis-cli --cluster create did not end within {context.deadline.seconds:g} s",
            detail=log_tail(context.host.files, program.log, 6),
            hint='wait longer with --timeout, or set formation = "instant" in the topology file; '
            f"its full output: {program.log}",
        ) from error
    if code != 0:
        raise RedistopoError(
            f"redis-cli --cluster create failed (exit code {code})",
            detail=log_tail(context.host.files, program.log, 6),
            hint=f"its full output: {program.log}",
        )


def _creation(context: ExecutionContext) -> Program:
    """The first addresses become primaries. An empty password is omitted, or redis-cli would
    send AUTH."""
    plan, own = context.plan, context.credentials.own
    # redis-cli takes no brackets: the port is after the last colon
    addresses = [f"{node.host}:{node.port}" for node in plan.nodes]
    words = ("--cluster", "create", *addresses, "--cluster-replicas", str(plan.topology.replicas))
    return Program(
        argv=(plan.engine.cli, *words, "--cluster-yes", *login_options(own)),
        log=plan.layout.formation_log,
        mark=plan.layout.formation,
        secrets={"REDISCLI_AUTH": own.password} if own.password else {},
    )
