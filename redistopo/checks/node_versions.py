"""The check of versions: all nodes run the engine that the topology file asks for."""

from collections.abc import Iterable, Iterator

from redistopo.checks.check_types import (
    TOPOLOGY,
    CheckResult,
    CheckSubject,
    ok,
    skip,
    unknown,
    warn,
)
from redistopo.model.protocol.engine import parse_request, parse_title
from redistopo.model.topology.engine_faults import faults_of


def versions(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that all nodes run one version, and the one that the topology file asks for.

    A warning: nodes of several versions work together during a rolling upgrade, but data
    written by a newer one can't be read by an older one.
    """
    found: dict[str, list[str]] = {}
    for node in subject.seen.answering:
        found.setdefault(node.engine or "an unknown version", []).append(node.name)
    if not found:
        yield skip("no node replies")
        return
    yield from _known_faults(subject, found)
    listed = "; ".join(f"{engine} on {', '.join(names)}" for engine, names in found.items())
    other = [engine for engine in found if not _asked_for(engine, subject.expected.engine)]
    if other:
        yield warn(
            TOPOLOGY,
            f"the topology file asks for {subject.expected.engine}, but the servers run {listed}",
            "redistopo restart --rolling",
        )
    elif len(found) > 1:
        finish = "restart the others with the newer one, replicas first"
        yield warn(
            TOPOLOGY,
            f"{len(found)} versions run: {listed}",
            "redistopo restart --rolling" if subject.ours else finish,
        )
    elif "an unknown version" in found:
        yield unknown(TOPOLOGY, f"the servers don't report their version: {listed}")
    else:
        count = len(subject.seen.answering)
        yield ok(f"{listed.partition(' on ')[0]} on {count} node{'s' if count > 1 else ''}")


def _known_faults(subject: CheckSubject, engines: Iterable[str]) -> Iterator[CheckResult]:
    """Report known faults of the releases that run, as far as they concern this shape."""
    running = [engine for title in engines if (engine := parse_title(title))]
    for fault in dict.fromkeys(one for e in running for one in faults_of(e, subject.seen.shape)):
        newer = f"use {fault.product.label} {fault.fixed} or newer"
        end = "redistopo restart --rolling" if subject.ours else "restart all nodes, replicas first"
        yield warn(TOPOLOGY, fault.sentence, f"{newer}, then {end}")


def _asked_for(engine: str, asked: str) -> bool:
    request = parse_request(asked) if asked else None
    return request is None or request.accepts_title(engine)
