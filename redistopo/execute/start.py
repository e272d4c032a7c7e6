"""Servers started and ready: they answer with our password, as what they were asked to be."""

import signal
from collections.abc import Iterable

from redistopo.errors import AccessDenied, TimedOut, Unreachable
from redistopo.execute.context import Hands, many
from redistopo.execute.early_exit import ended
from redistopo.execute.slow_wait import patient
from redistopo.host.files import tail
from redistopo.host.interrupt import uninterrupted
from redistopo.host.polling import wait_for
from redistopo.host.process import launch, signal_process
from redistopo.model.planning.plan import NodePlan
from redistopo.model.protocol.credentials import CHANGED
from redistopo.model.protocol.replies import parse_info


def start(hands: Hands, names: Iterable[str]) -> None:
    """All these nodes run and are ready.

    Raises NodeDied at once where one ends early, TimedOut naming those not ready in time.
    """
    nodes = hands.nodes(names)
    with uninterrupted(later=True):
        _launch(hands, nodes)
    await_ready(hands, nodes)


def _launch(hands: Hands, nodes: Iterable[NodePlan]) -> None:
    """All run, and all are known to this run, so that whatever comes next can undo them.

    In a large cluster each one waits, stopped, for the last one to be launched: else those
    that run would spend the machine on trying to reach those that don't, ten times a second.
    Were we killed meanwhile, the next `up` continues them.
    """
    waiting = []
    for node in nodes:
        process = launch(hands.plan.layout, node.name, hands.plan.engine.path)
        hands.started[node.name] = process
        if many(hands.plan):
            signal_process(process, signal.SIGSTOP)
            waiting.append(process)
    for process in waiting:
        signal_process(process, signal.SIGCONT)


def await_ready(hands: Hands, nodes: Iterable[NodePlan]) -> None:
    """Each node answers PONG to our password, has loaded its data, and is in the right mode."""
    pending = {node.name: node for node in nodes}
    said = dict.fromkeys(pending, "no answer yet")

    def look() -> bool | None:
        for name, node in list(pending.items()):
            process = hands.started.get(name)
            if process is not None and process.poll() is not None:
                raise ended(hands.plan, node, f"right after its start (exit code {process.poll()})")
            said[name] = _unready(hands, node)
            if not said[name]:
                del pending[name]
        return None if pending else True

    try:
        wait_for(patient(hands, look), hands.deadline, lambda: "", pause=0.004)
    except TimedOut as error:
        first = next(iter(pending.values()))
        raise TimedOut(
            f"{', '.join(pending)} not ready after {hands.deadline.seconds:g} s",
            detail=f"{first.name}: {said[first.name]}\n{tail(first.folder.log)}".strip(),
            hint=f"its log: {first.folder.log}; --timeout gives it longer",
        ) from error


def _unready(hands: Hands, node: NodePlan) -> str:
    """Why a node isn't ready; "" where it is. PONG alone isn't enough: a server still loading
    or in the wrong mode would answer it too."""
    try:
        pong, info = hands.asker.ask(node.host, node.port, [("PING",), ("INFO",)])
    except Unreachable as error:
        return error.detail
    except AccessDenied as error:
        raise AccessDenied(
            f"{node.name} doesn't accept the password that redistopo has",
            detail=error.detail,
            hint=CHANGED,
        ) from error
    if isinstance(info, Exception) or isinstance(pong, Exception):
        return str(pong if isinstance(pong, Exception) else info)
    fields = parse_info(info)
    process = hands.started.get(node.name)
    if process is not None and fields.get("process_id") != str(process.pid):
        return f"another server (pid {fields.get('process_id')}) answers at {node.address}"
    if fields.get("loading", "0") != "0":
        return "it is loading its data"
    if hands.plan.topology.clustered and fields.get("cluster_enabled") != "1":
        return "it runs without cluster mode"
    return ""
