"""Starts servers, and waits until they reply with our password, in the planned mode."""

import signal
from collections.abc import Iterable, Mapping, Sequence

from redistopo.errors import AccessDenied, BadReply, MissingPrerequisite, TimedOut, Unreachable
from redistopo.execute.context import ExecutionContext
from redistopo.execute.slow_wait import reporting_slow_wait
from redistopo.host.interrupts import interrupts_deferred
from redistopo.host.polling import Deadline, wait_for
from redistopo.host.server_log import log_tail
from redistopo.model.planning.plan import NodePlan
from redistopo.model.planning.step import NodeSettings, join_names
from redistopo.model.protocol.credentials import credentials_changed_hint
from redistopo.model.protocol.replies import parse_info

_END_SECONDS = 10.0


def start(
    context: ExecutionContext,
    names: Iterable[str],
    settings: Mapping[str, NodeSettings],
) -> None:
    """Start these nodes, with `settings` in place of their files' until all nodes agree, and wait
    until they are ready.

    Raises NodeDied at once if one exits early, TimedOut with those not ready in time, and
    MissingPrerequisite if the time is over before all are started.
    """
    nodes = context.nodes(names)
    with interrupts_deferred(later=True):
        # over several hosts, runs of Ansible may have used up the time before, and do so again
        context.deadline.leave(context.host.least_wait)
        _launch(context, nodes, settings)
        context.host.flush()
        context.deadline.leave(context.host.least_wait)
    context.on_launch()
    await_ready(context, nodes)


def _launch(
    context: ExecutionContext, nodes: Sequence[NodePlan], settings: Mapping[str, NodeSettings]
) -> None:
    """Start all nodes and register them in this run, so that a later failure can undo it.

    In a large cluster each one is paused until the last one is started: otherwise those that run
    would load the machine with attempts to reach the others, ten times a second. If this process is
    killed in between, the next `up` resumes them.

    Raises MissingPrerequisite at the deadline: nothing is wrong with the nodes that would have to
    be explained.
    """
    processes, waiting = context.host.processes, []
    for started, node in enumerate(nodes):
        if context.deadline.over:
            raise MissingPrerequisite(
                "this machine is too slow, or too busy, for the time limit",
                detail=f"{started} of {len(nodes)} nodes were started within "
                f"{context.deadline.seconds:g} s",
                hint="wait longer with --timeout, or start fewer nodes",
            )
        mine = {name: value for name, value in settings.get(node.name, {}).items() if value}
        process = processes.start(context.plan.layout, node.name, context.plan.engine.path, mine)
        if mine:
            context.hurried[node.name] = {*mine}
        context.started[node.name] = process
        if context.plan.crowded:
            processes.signal(process, signal.SIGSTOP)
            waiting.append(process)
    for process in waiting:
        processes.signal(process, signal.SIGCONT)


def await_ready(context: ExecutionContext, nodes: Iterable[NodePlan]) -> None:
    """Wait until each node replies PONG to our password, has loaded its data, and is in the right
    mode."""
    pending = {node.name: node for node in nodes}
    said = dict.fromkeys(pending, "no reply yet")

    def look() -> bool | None:
        for name, node in list(pending.items()):
            process = context.started.get(name)
            if process is not None and process.poll() is not None:
                from redistopo.execute.early_exit import early_exit_error

                _refuse_script(context, node)
                raise early_exit_error(
                    context.host,
                    context.plan,
                    node,
                    f"right after its start (exit code {process.poll()})",
                )
            if context.deadline.over:  # each node that doesn't reply takes as long as a reply may
                continue
            said[name] = _unready(context, node)
            if not said[name]:
                del pending[name]
        return None if pending else True

    try:
        wait_for(reporting_slow_wait(context, look), context.deadline, pause=0.004)
    except TimedOut as error:
        first = next(iter(pending.values()))
        log = log_tail(context.host.files, first.folder.log)
        raise TimedOut(
            f"{join_names(pending)} not ready after {context.deadline.seconds:g} s",
            detail=f"{first.name}: {said[first.name]}\n{log}".strip(),
            hint=f"{first.log_hint}; wait longer with --timeout",
        ) from error


def _unready(context: ExecutionContext, node: NodePlan) -> str:
    """Why a node isn't ready; "" if it is. PONG alone isn't enough: a server still loading
    or in the wrong mode would answer it too."""
    try:
        pong, info = context.client.execute(node.endpoint, [("PING",), ("INFO",)])
    except Unreachable as error:
        return error.detail
    except AccessDenied as error:
        raise AccessDenied(
            f"{node.name} rejects redistopo's password",
            detail=error.detail,
            hint=credentials_changed_hint(),
        ) from error
    for command, reply in (("PING", pong), ("INFO", info)):
        if isinstance(reply, Exception):
            return _refused(node, command, str(reply))
    fields = parse_info(str(info))
    process = context.started.get(node.name)
    if process is not None and fields.get("process_id") != str(process.pid):
        _refuse_script(context, node)
        return f"another server (pid {fields.get('process_id')}) replies at {node.address}"
    if fields.get("loading", "0") != "0":
        return "it is loading its data"
    if context.plan.topology.clustered and fields.get("cluster_enabled") != "1":
        return "it runs without cluster mode"
    return ""


def _refused(node: NodePlan, command: str, reply: str) -> str:
    """Return the reply; raises BadReply for a command that the node doesn't know: waiting can't
    change that."""
    if "unknown command" not in reply:
        return reply
    raise BadReply(
        f"{node.name} doesn't know {command}, which redistopo needs",
        detail=reply.partition(", with args")[0],
        hint=f"remove `rename-command {command}` from [redis] and from files that it includes, "
        f"then: redistopo up; if the node still runs: redistopo restart {node.name}",
    )


def _refuse_script(context: ExecutionContext, node: NodePlan) -> None:
    """End the servers of an engine that is a script and doesn't become the server, and raise
    MissingPrerequisite: such a server gets no signal, and outlives its script."""
    processes, layout = context.host.processes, context.plan.layout
    server = processes.server_of_script(layout, node.name)
    if server is None:
        return
    scripts = [one for one in context.started.values() if one.poll() is None]
    for script in scripts:
        processes.signal(script, signal.SIGKILL)
    processes.await_end(scripts, Deadline(_END_SECONDS))
    looked = 0
    while looked < 2:  # one that detaches itself at this moment is seen the second time
        below = (processes.server_of_script(layout, name) for name in context.started)
        servers = [one for one in below if one is not None]
        for one in servers:
            processes.signal(one, signal.SIGTERM)
        processes.await_end(servers, Deadline(_END_SECONDS))
        looked = 0 if servers else looked + 1
    engine = context.plan.engine.path
    raise MissingPrerequisite(
        f"{engine} does not become the server: it starts it as another process",
        detail=f"{node.name}: pid {context.started[node.name].pid} was started, the server is pid "
        f"{server.pid}; signals would not reach it, so it was stopped again",
        hint=f"write exec before the server's command in {engine}, without & or --daemonize",
    )
