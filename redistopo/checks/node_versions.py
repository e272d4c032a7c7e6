"""The check of versions: all nodes run the engine that the topology file asks for."""

from collections.abc import Iterable, Iterator
from itertools import combinations

from redistopo.checks.check_types import (
    TOPOLOGY,
    CheckResult,
    CheckSubject,
    fail,
    ok,
    skip,
    unknown,
    warn,
)
from redistopo.model.planning.upgrade import newest_running, unlinked, upgrade_command
from redistopo.model.protocol.engine import parse_request, parse_title
from redistopo.model.topology.compatibility import shares_bus
from redistopo.model.topology.engine_faults import faults_of
from redistopo.model.topology.spec import Shape

_UNKNOWN = "an unknown version"


def versions(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that all nodes run one version, and the one that the topology file asks for.

    A warning: nodes of several versions work together during a rolling upgrade, but data
    written by a newer one can't be read by an older one. It is a fault if a replica is cut off
    for that reason.
    """
    found = {title or _UNKNOWN: names for title, names in _by_version(subject).items()}
    if not found:
        yield skip("no node replies")
        return
    yield from _known_faults(subject, found)
    yield from _cut_off(subject)
    yield from _apart(subject)
    listed = "; ".join(f"{engine} on {', '.join(names)}" for engine, names in found.items())
    asked = subject.expected.engine
    finish = "restart the others with the newer one, replicas first"
    hint = upgrade_command(subject.seen, asked) if subject.ours else finish
    if [engine for engine in found if not _asked_for(engine, asked)]:
        own = hint if subject.ours else "set engine in the topology file, or upgrade the servers"
        yield warn(
            TOPOLOGY, f"the topology file asks for {asked}, but the servers run {listed}", own
        )
    elif len(found) > 1:
        yield warn(TOPOLOGY, f"{len(found)} versions run: {listed}", hint)
    elif _UNKNOWN in found:
        yield unknown(TOPOLOGY, f"the servers don't report their version: {listed}")
    else:
        count = len(subject.seen.answering)
        yield ok(f"{listed.partition(' on ')[0]} on {count} node{'s' if count > 1 else ''}")


def _apart(subject: CheckSubject) -> Iterator[CheckResult]:
    """Report engines that can't be in one cluster."""
    engines = [one for title in subject.seen.engines if (one := parse_title(title))]
    for one, other in combinations(engines, 2):
        if subject.seen.shape is Shape.CLUSTER and not shares_bus(one, other):
            yield fail(
                TOPOLOGY,
                f"{one.title} and {other.title} can't be in one cluster: nodes of both lose each "
                "other's addresses",
                'redistopo down, then redistopo up --engine "'
                f'{newest_running(subject.seen) or other.name}"'
                if subject.ours
                else "stop all nodes, and start them with one engine",
            )


def _by_version(subject: CheckSubject) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for node in subject.seen.answering:
        found.setdefault(node.engine, []).append(node.name)
    return found


def _cut_off(subject: CheckSubject) -> Iterator[CheckResult]:
    """Report replicas whose link is down, and that can't load what their primary sends: neither
    has the shard this copy, nor could it fail over to it."""
    primaries = {
        node.name: shard.primary
        for shard in subject.shards
        for node in shard.replicas
        if shard.primary
    }
    for name in unlinked(subject.seen, primaries):
        node = next(one for one in subject.seen.nodes if one.name == name)
        primary = primaries[name]
        yield fail(
            name,
            f"{node.engine} can't load what its primary {primary.name}, {primary.engine}, sends",
            "redistopo upgrade"
            if subject.ours
            else f"restart {name} with {primary.engine} or newer",
            settles=True,  # its link may only be about to come up, without a full synchronization
        )


def _known_faults(subject: CheckSubject, engines: Iterable[str]) -> Iterator[CheckResult]:
    """Report known faults of the releases that run, as far as they concern this shape."""
    running = [engine for title in engines if (engine := parse_title(title))]
    for fault in dict.fromkeys(one for e in running for one in faults_of(e, subject.seen.shape)):
        newer = f"use {fault.product.label} {fault.fixed} or newer"
        end = "redistopo upgrade" if subject.ours else "restart all nodes, replicas first"
        yield warn(TOPOLOGY, fault.sentence, f"{newer}, then {end}")


def _asked_for(engine: str, asked: str) -> bool:
    request = parse_request(asked) if asked else None
    return request is None or request.accepts_title(engine)
