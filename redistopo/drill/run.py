"""Runs a drill: load, fault, recovery, repair, check."""

import time
from contextlib import ExitStack, suppress
from dataclasses import replace

from redistopo.client.app_entry_point import LoadRequest
from redistopo.drill.assemble_report import assemble_report
from redistopo.drill.drill_report import DrillReport, TimelineKind, TimelineMoment
from redistopo.drill.drill_request import (
    DrillOutcome,
    DrillSetup,
    detection_seconds,
    election_seconds,
    election_timeout,
    too_few_replicas_left,
)
from redistopo.drill.fault_injection import FaultInjection
from redistopo.drill.load_generator import LoadGenerator
from redistopo.drill.observer import ObservedServers, Observers
from redistopo.drill.server_log_events import LogEvent, parse_log_events
from redistopo.drill.takeovers import last_flagged
from redistopo.drill.timeline import ServerEvents, SourcedEvent, merge_events
from redistopo.errors import RedistopoError, TimedOut
from redistopo.host.polling import Deadline, wait_for
from redistopo.host.server_log import size_of, written_since
from redistopo.model.state.drill_fault import Fault
from redistopo.model.state.observed import Role
from redistopo.model.state.shards import shards_of
from redistopo.progress import step, warn
from redistopo.session.restore_roles import restore_roles

_WARM_SECONDS = 10.0
_BEFORE_SECONDS = 1.0
_AFTER_SECONDS = 1.0
_CHECK_SECONDS = 20.0
_SERVED_SECONDS = 10.0
_MAX_OBSERVERS = 12


def run_drill(
    setup: DrillSetup, injection: FaultInjection, load_request: LoadRequest
) -> DrillReport:
    """Run a drill, repair the topology, delete the load's keys, and return the report.

    If the topology does not become healthy again, that is in the report, and nothing is raised.
    """
    context, outcome = setup.context, DrillOutcome()
    logs = {node.name: size_of(node.folder.log) for node in context.plan.nodes}
    with ExitStack() as stack:
        load = stack.enter_context(LoadGenerator(load_request))
        observers = stack.enter_context(Observers(_servers_to_observe(setup), context.credentials))
        _warm(setup, load)
        with step(context.progress, _fault_text(setup)):
            injection.inject()
        _wait_for_recovery(setup, injection, load, observers, outcome)
        _repair(setup, injection, load, outcome)
        load.stop()
        seen = load.check(_CHECK_SECONDS)
        if setup.request.restore_roles:
            _restore(setup, injection, outcome)
        _delete_keys(setup, load)
    events = ServerEvents(
        clock=injection.clock,
        victims=setup.victim_names,
        logs=(*_log_events(setup, logs), *_in_wall_time(injection, observers.sentinel_events)),
        observed=_in_wall_time(injection, observers.changes),
    )
    outcome.moments += merge_events(events)
    return assemble_report(setup, injection, seen, outcome)


def _delete_keys(setup: DrillSetup, load: LoadGenerator) -> None:
    try:
        load.clean(_CHECK_SECONDS)
    except RedistopoError as error:
        warn(setup.context.progress, f"keys of the drill may be left: {error.message}")


def _servers_to_observe(setup: DrillSetup) -> ObservedServers:
    """Choose replicas of the affected shards, then others; an isolated node still replies to us."""
    hurt = setup.victim_names
    near = [
        node
        for shard in shards_of(setup.seen)
        if any(one.name in hurt for one in shard.nodes)
        for node in shard.nodes
    ]
    rest = [node for node in setup.seen.answering if node not in near]
    able = [
        node
        for node in (*near, *rest)
        if node.name not in hurt or setup.request.fault is Fault.PARTITION
    ]
    asked = [node for node in able if node.role is not Role.SENTINEL][:_MAX_OBSERVERS]
    return ObservedServers(
        observers={node.name: node.endpoint for node in asked},
        sentinels={node.name: node.endpoint for node in able if node not in asked},
        names=_ids(setup),
        victims=hurt,
        clustered=setup.context.plan.topology.clustered,
    )


def _ids(setup: DrillSetup) -> dict[str, str]:
    """Map ids and addresses of nodes to their names."""
    found = {node.address: node.name for node in setup.seen.nodes}
    found |= {node.myself.id: node.name for node in setup.seen.answering if node.myself}
    peers = (
        peer for node in setup.seen.sentinels for watch in node.watches for peer in watch.sentinels
    )
    return found | {peer.id: found.get(peer.address, peer.address) for peer in peers}


def _warm(setup: DrillSetup, load: LoadGenerator) -> None:
    request = setup.request
    with step(
        setup.context.progress, f"load: {request.clients} clients, {request.rate} operations/s"
    ):
        if why := load.warm(_WARM_SECONDS):
            if not request.force:
                raise RedistopoError(
                    "the load's clients get no replies, before any fault was injected",
                    detail=why,
                    hint="redistopo verify shows why",
                )
            warn(setup.context.progress, why)
        _wait(_BEFORE_SECONDS)


def _wait(seconds: float) -> None:
    with suppress(TimedOut):
        wait_for(lambda: None, Deadline(seconds), lambda: "")


def _fault_text(setup: DrillSetup) -> str:
    names = ", ".join(node.name for node in setup.victims)
    return f"{setup.request.fault.value} {names}: {setup.request.fault.story}"


def _wait_for_recovery(
    setup: DrillSetup,
    injection: FaultInjection,
    load: LoadGenerator,
    observers: Observers,
    outcome: DrillOutcome,
) -> None:
    """Wait until replicas have taken over and clients are served, or the timeout is reached."""
    deadline = Deadline(election_timeout(setup))
    writes = max(1, min(20, setup.request.rate // 25))
    candidates = [
        {one.name for one in takeover.candidates} for takeover in setup.preflight.takeovers
    ]
    quiet = Deadline(detection_seconds(setup))

    def recovered() -> bool | None:
        promoted = {name for name, one in observers.changes if one.kind is TimelineKind.PROMOTED}
        outcome.taken_over = all(not promoted.isdisjoint(some) for some in candidates)
        if candidates and not outcome.taken_over:
            _leave_for_election(setup, injection, observers, deadline)
            return None
        if not candidates and not quiet.over:
            return None
        if too_few_replicas_left(setup):
            return True  # no write succeeds before the old primary is back
        return load.served(injection.at, writes=writes) or None

    what = "a replica takes over" if candidates else "clients are served"
    try:
        with step(setup.context.progress, f"wait until {what}"):
            wait_for(recovered, deadline, lambda: "")
    except TimedOut:
        unseen = "clients are not served"
        if candidates and not outcome.taken_over:
            unseen = "no replica was seen to take over"
        seconds = int(time.monotonic() - injection.at)
        text = f"{unseen} within {seconds} s, so the drill repairs the topology"
        outcome.moments.append(_moment(injection, TimelineKind.NOTE, text))
    outcome.waited = time.monotonic() - injection.at
    _wait(_AFTER_SECONDS)


def _leave_for_election(
    setup: DrillSetup, injection: FaultInjection, observers: Observers, deadline: Deadline
) -> None:
    """Once the victims are flagged as failing, leave the election its time: on a busy machine they
    are flagged late."""
    seen = (event for _name, event in (*observers.changes, *observers.sentinel_events))
    since = [event for event in seen if event.at >= injection.at]
    flagged = last_flagged((one.primary for one in setup.preflight.takeovers), since)
    if flagged is not None and setup.preflight.failover:
        deadline.leave(flagged + election_seconds(setup) - time.monotonic())


def _moment(injection: FaultInjection, kind: TimelineKind, text: str) -> TimelineMoment:
    return TimelineMoment(at=time.monotonic() - injection.at, source="drill", text=text, kind=kind)


def _repair(
    setup: DrillSetup, injection: FaultInjection, load: LoadGenerator, outcome: DrillOutcome
) -> None:
    """Repair under load: returning nodes must not disturb the clients that are served."""
    injection.restore()
    outcome.moments.append(_moment(injection, TimelineKind.REPAIRED, _repair_text(setup)))
    began = time.monotonic()
    try:
        setup.repair()
    except RedistopoError as error:
        outcome.error = f"{error.message}: {error.detail}" if error.detail else error.message
        warn(setup.context.progress, f"not repaired: {outcome.error}")
        return
    outcome.healed = time.monotonic() - injection.at
    outcome.moments.append(
        _moment(injection, TimelineKind.REPAIRED, "every check of verify passes")
    )
    with suppress(TimedOut):
        wait_for(
            lambda: load.served(began, writes=1) or None, Deadline(_SERVED_SECONDS), lambda: ""
        )
    _wait(_AFTER_SECONDS)


def _repair_text(setup: DrillSetup) -> str:
    names = ", ".join(node.name for node in setup.victims)
    return {
        Fault.KILL: f"starts {names} again",
        Fault.SHUTDOWN: f"starts {names} again",
        Fault.FREEZE: f"resumes {names} (SIGCONT)",
        Fault.PARTITION: f"ends the partition of {names}",
        Fault.NONE: "nothing to repair",
    }[setup.request.fault]


def _restore(setup: DrillSetup, injection: FaultInjection, outcome: DrillOutcome) -> None:
    before = [node.name for node in setup.seen.nodes if node.role is Role.PRIMARY]
    try:
        back = restore_roles(setup.context, before)
        if back:
            setup.repair()  # the roles changed once more, so verify again
    except RedistopoError as error:
        outcome.error = f"roles were not restored: {error.message}"
        warn(setup.context.progress, outcome.error)
        return
    if back:
        text = f"restored the primary role of {', '.join(back)}"
        outcome.moments.append(_moment(injection, TimelineKind.REPAIRED, text))


def _in_wall_time(
    injection: FaultInjection, some: tuple[SourcedEvent, ...]
) -> tuple[SourcedEvent, ...]:
    """Convert times to the wall clock, which server logs use."""
    return tuple(
        (name, replace(event, at=event.at - injection.at + injection.clock)) for name, event in some
    )


def _log_events(setup: DrillSetup, sizes: dict[str, int]) -> list[tuple[str, LogEvent]]:
    names = _ids(setup)
    return [
        (node.name, line)
        for node in setup.context.plan.nodes
        for line in parse_log_events(written_since(node.folder.log, sizes[node.name]), names)
    ]
