"""`kill`, `pause` and `resume`: signals, sent only to processes that are proven to be ours."""

import signal
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from redistopo.client.connection import raise_on_error
from redistopo.errors import TimedOut, UsageError
from redistopo.host.host import Process
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.planning.sole_copies import chosen_primaries, sole_copies_on_disk
from redistopo.model.planning.step import join_names
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.model.state.selector import select_nodes
from redistopo.model.topology.project_paths import Layout
from redistopo.progress import Progress, step, warn
from redistopo.quick_dataclass import dataclass
from redistopo.session.node_action import (
    NodeActionResult,
    NodeOutcome,
    finish_action,
    log_of,
    not_done,
    require_words,
    unreached,
    warn_of_losses,
)
from redistopo.session.open import open_session
from redistopo.session.session import Session, SessionRequest

STAYING = frozenset({"SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGCHLD", "SIGURG",
                     "SIGWINCH", "SIGHUP", "SIGPIPE"})  # fmt: skip
"""Signals that don't end a server: the system's default ones, and the two that Redis ignores
(server.c, initServer: SIGHUP and SIGPIPE)."""

_PAUSING = frozenset({"SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU"})


def ends_servers(number: signal.Signals) -> bool:
    """Return whether the signal ends a server."""
    return number.name not in STAYING


def takes_service_away(number: signal.Signals) -> bool:
    """Return whether a server that got the signal serves no more: it ended, or is paused."""
    return ends_servers(number) or number.name in _PAUSING


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRequest:
    """The nodes to signal, by selectors; `seconds` is how long to wait for the effect. With
    `skip_unreachable`, other hosts need not be reached."""

    root: Path
    words: tuple[str, ...]
    seconds: float = 10.0
    skip_unreachable: bool = False


def parse_signal(text: str) -> signal.Signals:
    """Parse the name or number of a signal (``KILL``, ``SIGKILL``, ``kill``, ``9``); raises
    UsageError."""
    word = text.strip().upper()
    with suppress(KeyError, ValueError):
        if word.isdecimal():
            return signal.Signals(int(word))
        return signal.Signals[word if word.startswith("SIG") else f"SIG{word}"]
    raise UsageError(
        f"{text!r} is no signal of this system",
        hint="such as KILL, TERM, INT, SEGV, STOP, CONT or a number",
    )


def kill(request: SignalRequest, number: signal.Signals, progress: Progress) -> NodeActionResult:
    """Send the signal to the selected nodes; if it ends servers, wait until none runs.

    SIGKILL saves nothing; after SIGTERM and SIGINT, a server saves as configured, and keeps
    running if it can't. Stopped nodes stay stopped.
    """
    require_words(request.words, "kill")
    with open_session(_asked(request, "kill"), progress) as session:
        seen, told = session.record_primary(session.observe()), session.progress
        meant = select_nodes(seen, request.words)
        going = [node for node in meant if node.running]
        ends = ends_servers(number)
        lost = warn_of_losses(seen, going, told) if takes_service_away(number) else ()
        ended: frozenset[str] = frozenset()
        if number is signal.SIGCONT:
            _refuse_loss(session, seen, going)
        if going:
            with step(told, f"send {number.name} to {join_names(node.name for node in going)}"):
                deadline = session.deadline if ends else Deadline(0)
                ended = _send(session, going, number, deadline)
        done = [
            unreached(node) or _killed(session.layout, node, number, ended, ends=ends)
            for node in meant
        ]
        return finish_action(session.observe(), done, lost)


def _asked(request: SignalRequest, verb: str) -> SessionRequest:
    return SessionRequest(
        root=request.root,
        lock=verb,
        seconds=request.seconds,
        skip_unreachable=request.skip_unreachable,
    )


def _send(
    session: Session, nodes: Iterable[NodeSeen], number: signal.Signals, deadline: Deadline
) -> frozenset[str]:
    """Send the signal; returns the nodes whose process exited before the deadline, whose record is
    removed."""
    layout, processes = session.layout, session.host.processes
    running = {node.name: one for node in nodes if (one := processes.find(layout, node.name))}
    for process in running.values():
        processes.signal(process, number)
    # a paused process gets SIGKILL at once, and any other signal when it is resumed
    every = tuple(running.values())
    able = [one for one in every if number is signal.SIGKILL or not processes.is_paused(one)]
    left = [*processes.await_end(able, deadline), *(one for one in every if one not in able)]
    ended = frozenset(name for name, process in running.items() if process not in left)
    for name in ended:
        processes.forget(layout, name)
    return ended


def _killed(
    layout: Layout,
    node: NodeSeen,
    number: signal.Signals,
    ended: frozenset[str],
    *,
    ends: bool,
) -> NodeOutcome:
    if not node.running:
        return NodeOutcome(name=node.name, did="doesn't run", changed=False)
    if node.name in ended:
        return NodeOutcome(name=node.name, did=f"ended by {number.name}")
    if not ends:
        return NodeOutcome(name=node.name, did=f"got {number.name}")
    why, hint = "still runs", f"it may be unable to save; {log_of(layout, node.name)}"
    if node.paused:
        why, hint = "is paused: it ends when it is resumed", f"redistopo resume {node.name}"
    return not_done(node.name, f"got {number.name}, and {why}", hint, changed=True)


def pause(request: SignalRequest, progress: Progress) -> NodeActionResult:
    """Pause the processes of the selected nodes (SIGSTOP): connections stay open, commands get no
    reply. Paused nodes stay paused; stopped ones can't be paused."""
    require_words(request.words, "pause")
    with open_session(_asked(request, "pause"), progress) as session:
        seen, told = session.record_primary(session.observe()), session.progress
        meant = select_nodes(seen, request.words)
        going = [node for node in meant if node.running and not node.paused]
        lost = warn_of_losses(seen, going, told)
        if going:
            with step(told, f"pause {join_names(node.name for node in going)}"):
                _hold(session, going, signal.SIGSTOP)
        done = [unreached(node) or _done(node, "paused", already=node.paused) for node in meant]
        return finish_action(session.observe(), done, lost)


def resume(request: SignalRequest, progress: Progress) -> NodeActionResult:
    """Resume the selected nodes, or all paused ones (SIGCONT), and wait until they reply.

    Raises TimedOut if one doesn't reply in time, UsageError if one would be emptied as soon as it
    resumes, because its primary was reset.
    """
    with open_session(_asked(request, "resume"), progress) as session:
        seen, told = session.record_primary(session.observe()), session.progress
        still = tuple(node for node in seen.nodes if node.paused)
        meant = select_nodes(seen, request.words) if request.words else still
        going = [node for node in meant if node.paused]
        _refuse_loss(session, seen, going)
        if going:
            with step(told, f"resume {join_names(node.name for node in going)}"):
                _hold(session, going, signal.SIGCONT)
                _await_answers(session, going)
            _yield(session, going)
        done = [_done(node, "resumed", already=not node.paused) for node in meant]
        return finish_action(session.observe(), done)


def _refuse_loss(session: Session, seen: Observed, going: Iterable[NodeSeen]) -> None:
    """Raise UsageError if one of them has the only copy of data, and would lose it once resumed."""
    still = [node.name for node in going if node.paused]
    if still:
        seen = session.observe(disk=True)
        some = sole_copies_on_disk(session.plan(assume=True), session.state, seen, still)
        # a replica whose primary doesn't run keeps its data: `up` refuses to start that primary
        up = {node.name for node in seen.nodes if node.running}
        chosen_primaries((one for one in some if one.primary in up), ())


def _hold(session: Session, nodes: Iterable[NodeSeen], number: signal.Signals) -> None:
    """Pause or resume all of these processes."""
    layout, processes = session.layout, session.host.processes
    running = {node.name: one for node in nodes if (one := processes.find(layout, node.name))}
    for process in running.values():
        processes.signal(process, number)
    wanted = number is signal.SIGSTOP

    def done(name: str, one: Process) -> bool:
        return processes.is_paused(one) is wanted or processes.find(layout, name) is None

    wait_for(
        lambda: all(done(name, one) for name, one in running.items()) or None,
        session.deadline,
        lambda: "the system has not carried the signal out",
    )


def _await_answers(session: Session, nodes: list[NodeSeen]) -> None:
    wanted = {node.name for node in nodes}
    said: dict[str, str] = {}

    def look() -> bool | None:
        said.clear()
        now = session.observe().nodes
        said.update({one.name: one.error for one in now if one.name in wanted and one.error})
        return None if said else True

    def late() -> TimedOut:
        return TimedOut(
            f"{', '.join(said)} was resumed, but is silent after {session.deadline.seconds:g} s",
            detail="\n".join(f"{name}: {why}" for name, why in said.items()),
            hint=f"wait longer with --timeout; {log_of(session.layout, next(iter(said)))}",
        )

    wait_for(look, session.deadline, late)


def _yield(session: Session, nodes: list[NodeSeen]) -> None:
    """Make a node that still is primary, although the Sentinels named another one in the meantime,
    follow that one: they would wait 8 s before they do so, and writes until then would be lost."""
    seen, progress = session.observe(), session.progress
    names_ = {node.name for node in nodes}
    lead = seen.at(seen.named) if seen.named else None
    if lead is not None and lead.role is Role.PRIMARY and lead.name not in names_:
        for node in seen.answering:
            if node.role is Role.PRIMARY and node.name in names_:
                with step(progress, f"make {node.name} follow the primary {lead.name}"):
                    words = ("REPLICAOF", lead.host, lead.port)
                    reply = session.client.execute(node.endpoint, [words])[0]
                    raise_on_error(reply, "REPLICAOF")
    if tilted := [node.name for node in seen.sentinels if node.tilted and node.name in names_]:
        warn(progress, f"{join_names(tilted)} is in TILT, and takes part in no failover for 30 s")


def _done(node: NodeSeen, did: str, *, already: bool) -> NodeOutcome:
    if not node.running:
        return not_done(node.name, "doesn't run", f"redistopo start {node.name}")
    told = did
    if already:
        told = "was paused already" if did == "paused" else "was not paused"
    return NodeOutcome(name=node.name, did=told, changed=not already)
