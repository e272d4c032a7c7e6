"""All checks: stable ids in the order in which they are shown, and the one judgement."""

from redistopo.checks import access, cluster, members, nodes, replication, sentinels
from redistopo.checks import persistence as kept
from redistopo.checks.subject import Check, Expected, subject_of
from redistopo.model.state.finding import Finding
from redistopo.model.state.observed import Observed
from redistopo.model.topology.spec import Shape

_CLUSTER = frozenset({Shape.CLUSTER})
_REPLICATED = frozenset({Shape.CLUSTER, Shape.REPLICATION, Shape.SENTINEL})
_WATCHED = frozenset({Shape.SENTINEL})

CHECKS: tuple[Check, ...] = (
    Check(
        id="node.alive",
        asks="Does every node run and answer, and is it the process that we started?",
        judge=nodes.alive,
    ),
    Check(
        id="access.password",
        asks="Is a client without password refused?",
        judge=access.password,
    ),
    Check(
        id="access.bind",
        asks="Does every node listen on its planned address alone?",
        judge=access.bound,
    ),
    Check(
        id="access.tls",
        asks="Is a client without TLS, and one with a certificate of another CA, refused?",
        judge=access.tls,
    ),
    Check(
        id="access.certificates",
        asks="Has every node a valid certificate of our CA for its address?",
        judge=access.certificates,
    ),
    Check(
        id="access.users",
        asks="Can each user do what it must, and not what it must not?",
        judge=access.users,
    ),
    Check(
        id="config.drift",
        asks="Is the live configuration the rendered one?",
        judge=nodes.drifted,
    ),
    Check(
        id="cluster.state",
        asks="Does every node say cluster_state:ok?",
        judge=cluster.state,
        settles=True,
        shapes=_CLUSTER,
    ),
    Check(
        id="cluster.slots",
        asks="Has each of the 16384 slots exactly one owner?",
        judge=cluster.slots,
        settles=True,
        shapes=_CLUSTER,
    ),
    Check(
        id="cluster.agreement",
        asks="Do all nodes have the same slot map and the same roles?",
        judge=cluster.agreement,
        settles=True,
        shapes=_CLUSTER,
    ),
    Check(
        id="cluster.members",
        asks="Does every node know all nodes, none of them failing?",
        judge=members.members,
        settles=True,
        shapes=_CLUSTER,
    ),
    Check(
        id="cluster.links",
        asks="Is every bus link up, in both directions?",
        judge=members.links,
        settles=True,
        shapes=_CLUSTER,
    ),
    Check(
        id="cluster.epochs",
        asks="Has every primary a config epoch of its own?",
        judge=cluster.epochs,
        settles=True,
        shapes=_CLUSTER,
    ),
    Check(
        id="cluster.open-slots",
        asks="Is no slot left half-migrated?",
        judge=cluster.open_slots,
        shapes=_CLUSTER,
    ),
    Check(
        id="replication.shape",
        asks="Are there as many primaries, each with as many replicas, as planned?",
        judge=replication.shape,
        settles=True,
    ),
    Check(
        id="replication.link",
        asks="Is every replica's link up, at both of its ends?",
        judge=replication.link,
        settles=True,
        shapes=_REPLICATED,
    ),
    Check(
        id="replication.lag",
        asks="How many bytes is each replica behind?",
        judge=replication.lag,
        settles=True,
        shapes=_REPLICATED,
    ),
    Check(
        id="replication.read-only",
        asks="Does every replica refuse writes?",
        judge=replication.read_only,
        shapes=_REPLICATED,
    ),
    Check(
        id="sentinel.primary",
        asks="Do all Sentinels name the same primary, in the same epoch?",
        judge=sentinels.primary,
        settles=True,
        shapes=_WATCHED,
    ),
    Check(
        id="sentinel.leads",
        asks="Is the primary that the Sentinels name one, and up in their eyes?",
        judge=sentinels.leads,
        settles=True,
        shapes=_WATCHED,
    ),
    Check(
        id="sentinel.quorum",
        asks="Do enough Sentinels run and reach each other to fail over?",
        judge=sentinels.quorum,
        settles=True,
        shapes=_WATCHED,
    ),
    Check(
        id="sentinel.replicas",
        asks="Does every Sentinel know every replica, none of them down?",
        judge=sentinels.replicas,
        settles=True,
        shapes=_WATCHED,
    ),
    Check(
        id="sentinel.peers",
        asks="Does every Sentinel know all others, none of them down?",
        judge=sentinels.peers,
        settles=True,
        shapes=_WATCHED,
    ),
    Check(
        id="sentinel.hello",
        asks="Does each Sentinel hear the hello of the others?",
        judge=sentinels.hello,
        settles=True,
        shapes=_WATCHED,
    ),
    Check(
        id="data.kept",
        asks="Is what each server keeps written, and still where a start will find it?",
        judge=kept.kept,
    ),
    Check(
        id="data.proof",
        asks="Is what a client writes to each shard on every replica of it?",
        judge=replication.data,
        settles=True,
    ),
    Check(
        id="failover.ready",
        asks="Would a replica of each shard take over now?",
        judge=replication.promotable,
        settles=True,
        shapes=_REPLICATED,
    ),
)


def judge(seen: Observed, expected: Expected) -> tuple[Finding, ...]:
    """Every check's findings on one snapshot, in the order of the catalogue; pure."""
    about = subject_of(seen, expected)
    return tuple(finding for check in CHECKS for finding in check.findings(about))
