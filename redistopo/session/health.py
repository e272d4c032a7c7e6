"""Waits until a topology is healthy, the deadline is over, or a failure is permanent."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from redistopo.checks.catalogue import judge
from redistopo.checks.check_types import Expected
from redistopo.checks.cluster_membership import members_without_link
from redistopo.client.connection import Connections
from redistopo.client.write_probe import WriteProbe, probe_writes
from redistopo.errors import TimedOut
from redistopo.execute.context import ExecutionContext
from redistopo.execute.slow_wait import reporting_slow_wait
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.state.announced import NO_ADDRESS
from redistopo.model.state.finding import (
    Finding,
    failed_findings,
    has_permanent_failure,
    root_causes,
)
from redistopo.model.state.monitored_primaries import by_primary
from redistopo.model.state.observed import Observed
from redistopo.model.state.shards import shards_of
from redistopo.model.topology.spec import Shape
from redistopo.quick_dataclass import dataclass

Known = frozenset[tuple[str, str]]
"""Faults, by check and subject."""

LINKS_TO = "cluster.links to"
"""In Known, a subject of this is a node to which others have no bus link yet. The finding's own
subject is the node that lacks the link."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The last snapshot and its findings, and the faults that were there before."""

    seen: Observed
    findings: tuple[Finding, ...]
    known: Known = frozenset()

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The failed findings, without known faults and what follows from known faults alone:
        a node that is down shows in its peers only after the node timeout."""
        known = {f"{check} {subject}" for check, subject in self.known}
        return tuple(
            one
            for one in failed_findings(self.findings)
            if one.ref not in known
            and not (one.because_of and known.issuperset(one.because_of))
            and not self._lacks_known_links(one)
        )

    def _lacks_known_links(self, found: Finding) -> bool:
        """Whether a node lacks no other bus links than known ones."""
        to = {subject for check, subject in self.known if check == LINKS_TO}
        if not to or found.check != "cluster.links":
            return False
        nodes = (one for one in self.seen.answering if one.name == found.subject)
        down = [member.address for node in nodes for member in members_without_link(node)]
        at = {one.address for one in self.seen.nodes if one.name in to}
        return bool(down) and at.issuperset(down)

    @property
    def healthy(self) -> bool:
        return not self.failures


def verdict_of(seen: Observed, expected: Expected, known: Known = frozenset()) -> Verdict:
    """Judge a snapshot."""
    return Verdict(seen=seen, findings=judge(seen, expected), known=known)


def wait_until_healthy(
    observe: Callable[[], Observed],
    expected: Expected,
    deadline: Deadline,
    context: ExecutionContext | None = None,
    known: Known = frozenset(),
) -> Verdict:
    """Return the first verdict that is healthy except for `known` faults, or the last one before
    the deadline.

    A permanent failure (a process that ended, a changed setting) ends the wait at once. With
    `context`, progress reports what it waits for if that takes long; over several hosts it waits a
    few seconds even if runs of Ansible have used up the time.
    """
    if context and deadline.left < context.host.least_wait:
        deadline = Deadline(context.host.least_wait)
    last: list[Verdict] = []

    def look() -> Verdict | None:
        verdict = verdict_of(observe(), expected, known)
        last[:] = [verdict]
        return verdict if verdict.healthy or has_permanent_failure(verdict.failures) else None

    asked = reporting_slow_wait(context, look, lambda: _first(last[0])) if context else look
    with suppress(TimedOut):
        # a primary leaves CLUSTERDOWN 2 s after its start, when its event loop next wakes up:
        # by a command, or by a timer ten times per second
        return wait_for(asked, deadline, pause=0.01, most=0.03)
    return last[0]


def _first(verdict: Verdict) -> str:
    """The first root cause, if all nodes reach each other."""
    return next((f"{one.subject}: {one.evidence}" for one in root_causes(verdict.findings)), "")


def _beside(seen: Observed) -> dict[Endpoint, Endpoint]:
    """Where the nodes are that clients are given by a name or a port for elsewhere."""
    by_id = {node.id: node for node in seen.answering}
    found = ((one, by_id.get(one.id)) for one in seen.announced or ())
    return {
        one.endpoint: node.endpoint
        for one, node in found
        if node and (one.error == NO_ADDRESS or one.is_mapped(node.config or {}))
    }


def with_write_probe(seen: Observed, client: Connections) -> Observed:
    """Add the write probe of every shard with a primary to a snapshot."""
    if parts := by_primary(seen):
        probed = [with_write_probe(part, client).write_probes or () for part in parts.values()]
        return replace(seen, write_probes=tuple(one for some in probed for one in some))
    clustered = seen.shape is Shape.CLUSTER
    # nothing can be written to a shard without slots: cluster.empty-shards reports it
    shards = tuple(
        shard
        for shard in shards_of(seen)
        if shard.primary is not None and (shard.slots or not clustered)
    )
    if not shards:
        return seen
    probe = WriteProbe(
        shards=shards,
        clustered=clustered,
        entries=tuple(shard.primary.endpoint for shard in shards if shard.primary),
        sentinels=seen.sentinels,
        beside=_beside(seen),
    )
    return replace(seen, write_probes=probe_writes(probe, client))
