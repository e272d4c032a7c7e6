"""Which findings follow from others: a dead node is one fault, not one of each of its peers."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from redistopo.checks.check_types import TOPOLOGY, CheckSubject
from redistopo.model.state.finding import Finding, Status
from redistopo.model.state.observed import NodeSeen, Role

_ALIVE = "node.alive"

_FOLLOWS: Mapping[str, tuple[str, ...]] = {
    "cluster.state": ("cluster.slots",),
    "failover.ready": ("replication.shape", "replication.link"),
    "data.proof": (
        "memory.full", "data.kept", "cluster.empty-shards", "cluster.slots", "cluster.state",
        "replication.link", "replication.shape",
    ),
}  # fmt: skip
"""Check -> the checks whose failure in the same place explains its own, the surest first."""


def with_root_causes(subject: CheckSubject, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Add to each failure or warning that follows from others what it is `because_of`."""
    failed = {one.ref: one for one in findings if one.status is Status.FAIL}
    troubled = [one for one in findings if one.status in (Status.FAIL, Status.WARN)]
    direct = [(one, _direct(subject, one, failed)) for one in troubled]
    graph: dict[str, tuple[str, ...]] = {}
    for one, causes in direct:  # of two findings in one place, one may have a cause of its own
        same = graph.get(one.ref, causes)
        graph[one.ref] = (*same, *causes) if same and causes else ()
    found = {id(one): _roots(one.ref, causes, graph) for one, causes in direct}
    return tuple(replace(one, because_of=found.get(id(one), ())) for one in findings)


def _roots(
    ref: str, causes: tuple[str, ...], graph: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """Follow causes to their ends; a finding is never its own cause."""
    found: dict[str, None] = {}
    seen, todo = {ref}, list(causes)
    while todo:
        cause = todo.pop(0)
        if cause in seen:
            continue
        seen.add(cause)
        further = graph.get(cause, ())
        todo += further
        if not further:
            found[cause] = None
    return tuple(found)


def _direct(
    subject: CheckSubject, finding: Finding, failed: Mapping[str, Finding]
) -> tuple[str, ...]:
    if finding.check == _ALIVE:
        return ()
    silent = {one.subject for one in failed.values() if one.check == _ALIVE}
    known = tuple(cause for cause in finding.because_of if cause in failed)
    if known and len(known) == len(finding.because_of):
        return known
    blame = _BLAMED.get(finding.check)
    blamed = blame(subject, finding, silent) if blame and silent else set()
    if blamed and blamed <= silent:
        return tuple(f"{_ALIVE} {name}" for name in sorted(blamed))
    for check in _FOLLOWS.get(finding.check, ()):
        found = tuple(
            ref
            for ref, one in failed.items()
            if one.check == check and _same_place(subject, finding.subject, one.subject)
        )
        if found:
            return found
    return ()


def _same_place(subject: CheckSubject, about: str, cause: str) -> bool:
    """Whether a fault of `cause` concerns `about`: the same, the whole topology, or its node."""
    if TOPOLOGY in (about, cause) or about == cause:
        return True
    return any(
        f"shard {shard.number}" == about and cause in {node.name for node in shard.nodes}
        for shard in subject.shards
    )


def _node(subject: CheckSubject, finding: Finding) -> NodeSeen | None:
    return next((one for one in subject.seen.nodes if one.name == finding.subject), None)


def _flagged(subject: CheckSubject, finding: Finding, _silent: set[str]) -> set[str]:
    """The members that a node has as failing."""
    node = _node(subject, finding)
    members = node.members if node else ()
    return {subject.name_at(one.address) for one in members if one.unknown or one.failing}


def _missing(subject: CheckSubject, finding: Finding, silent: set[str]) -> set[str]:
    """The silent data nodes, if as many nodes are missing from the shards as are silent."""
    sentinels = {node.name for node in subject.seen.nodes if node.is_sentinel}
    data = silent - sentinels
    if any(node.name == finding.subject for node in subject.seen.nodes):
        return set()  # a stray replica, which replies
    planned, shards = subject.expected.replicas, subject.expected.shards
    if planned is None or shards is None:
        return data if any(shard.primary is None for shard in subject.shards) else set()
    there = sum(len(shard.nodes) for shard in subject.shards)
    return data if there + len(data) >= shards * (1 + planned) else set()


def _followed(subject: CheckSubject, finding: Finding, _silent: set[str]) -> set[str]:
    """The primary that a replica follows."""
    node = _node(subject, finding)
    if node is None or node.link_up:
        return set()
    me = node.myself
    above = next((one for one in node.members if me and one.id == me.primary_id), None)
    return {subject.name_at(above.address if above else node.follows)}


def _voters(subject: CheckSubject, _finding: Finding, silent: set[str]) -> set[str]:
    """The silent nodes, if they are why a failover would lack votes."""
    if subject.seen.sentinels or any(node.is_sentinel for node in subject.seen.nodes):
        return _absent_majority(subject, _finding, silent)
    voters = [shard for shard in subject.shards if shard.slots]
    alive = sum(shard.primary is not None for shard in voters)
    return silent if len(voters) > alive and alive - 1 < len(voters) // 2 + 1 else set()


def _absent_majority(subject: CheckSubject, _finding: Finding, silent: set[str]) -> set[str]:
    """The silent Sentinels, if the others are no majority."""
    sentinels = {node.name for node in subject.seen.nodes if node.is_sentinel}
    gone = sentinels & silent
    return gone if len(sentinels - gone) <= len(sentinels) // 2 else set()


def _down_at_sentinel(subject: CheckSubject, finding: Finding, _silent: set[str]) -> set[str]:
    """The replicas or Sentinels that a Sentinel has as down, or doesn't know."""
    node = _node(subject, finding)
    if node is None or node.role is not Role.SENTINEL or not node.watches:
        return set()
    watch, peers = node.watches[0], finding.check == "sentinel.peers"
    known = watch.sentinels if peers else watch.replicas
    down = {subject.name_at(one.address) for one in known if one.down}
    there = {node.address, watch.address, *(one.address for one in known)}
    of_kind = (one for one in subject.seen.nodes if one.is_sentinel is peers)
    return down | {one.name for one in of_kind if one.address not in there}


_BLAMED: Mapping[str, Callable[[CheckSubject, Finding, set[str]], set[str]]] = {
    "cluster.state": _flagged,
    "cluster.members": _flagged,
    "replication.shape": _missing,
    "replication.link": _followed,
    "sentinel.primary": _absent_majority,
    "sentinel.leads": lambda _subject, finding, _silent: {finding.subject},
    "sentinel.quorum": _absent_majority,
    "sentinel.replicas": _down_at_sentinel,
    "sentinel.peers": _down_at_sentinel,
    "failover.ready": _voters,
}
"""Check -> the nodes whose silence explains its failure, if all of them are silent."""
