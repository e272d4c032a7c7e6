"""The catalogue of checks, in display order, and the function that runs them all."""

from functools import partial

from redistopo.checks import (
    cluster,
    cluster_membership,
    nodes,
    persistence,
    replication,
    security,
    sentinels,
)
from redistopo.checks.check_types import Check, Expected, subject_of
from redistopo.model.state.finding import Finding
from redistopo.model.state.observed import Observed
from redistopo.model.topology.spec import Shape

_CLUSTER = frozenset({Shape.CLUSTER})
_REPLICATED = frozenset({Shape.CLUSTER, Shape.REPLICATION, Shape.SENTINEL})

_cluster_check = partial(Check, settles=True, shapes=_CLUSTER)
_sentinel_check = partial(Check, settles=True, shapes=frozenset({Shape.SENTINEL}))

CHECKS: tuple[Check, ...] = (
    Check(
        id="node.alive",
        question="Does every node run and reply, and did redistopo start its process?",
        judge=nodes.alive,
    ),
    Check(
        id="access.password",
        question="Is a client without a password refused?",
        judge=security.password,
    ),
    Check(
        id="access.bind",
        question="Does every node listen only on its planned address?",
        judge=security.bound,
    ),
    Check(
        id="access.tls",
        question="Are clients without TLS, or with a certificate of another CA, refused?",
        judge=security.tls,
    ),
    Check(
        id="access.certificates",
        question="Does every node have a valid certificate of our CA for its address?",
        judge=security.certificates,
    ),
    Check(
        id="access.users",
        question="Does each ACL user have exactly the permissions it needs?",
        judge=security.users,
    ),
    Check(
        id="config.drift",
        question="Does the live configuration match the rendered one?",
        judge=nodes.drifted,
    ),
    _cluster_check(
        id="cluster.state",
        question="Does every node report cluster_state:ok?",
        judge=cluster.state,
    ),
    _cluster_check(
        id="cluster.slots",
        question="Does each of the 16384 slots have exactly one owner?",
        judge=cluster.slots,
    ),
    _cluster_check(
        id="cluster.agreement",
        question="Do all nodes agree on the slot map and on all roles?",
        judge=cluster.agreement,
    ),
    _cluster_check(
        id="cluster.members",
        question="Does every node know all nodes, none of them failing?",
        judge=cluster_membership.members,
    ),
    _cluster_check(
        id="cluster.links",
        question="Is every cluster bus link up, in both directions?",
        judge=cluster_membership.links,
    ),
    _cluster_check(
        id="cluster.epochs",
        question="Does every primary have a unique config epoch?",
        judge=cluster.epochs,
    ),
    Check(
        id="cluster.open-slots",
        question="Are all slot migrations finished?",
        judge=cluster.open_slots,
        shapes=_CLUSTER,
    ),
    Check(
        id="replication.shape",
        question="Are there as many primaries and replicas as planned?",
        judge=replication.shape,
        settles=True,
    ),
    Check(
        id="replication.link",
        question="Is every replica's link up, according to both ends?",
        judge=replication.link,
        settles=True,
        shapes=_REPLICATED,
    ),
    Check(
        id="replication.lag",
        question="How many bytes is each replica behind its primary?",
        judge=replication.lag,
        settles=True,
        shapes=_REPLICATED,
    ),
    Check(
        id="replication.read-only",
        question="Does every replica refuse writes?",
        judge=replication.read_only,
        shapes=_REPLICATED,
    ),
    _sentinel_check(
        id="sentinel.primary",
        question="Do all Sentinels name the same primary, in the same epoch?",
        judge=sentinels.primary,
    ),
    _sentinel_check(
        id="sentinel.leads",
        question="Is the node that the Sentinels name a primary, and up according to them?",
        judge=sentinels.named_primary,
    ),
    _sentinel_check(
        id="sentinel.quorum",
        question="Do enough Sentinels run and reach each other to fail over?",
        judge=sentinels.quorum,
    ),
    _sentinel_check(
        id="sentinel.replicas",
        question="Does every Sentinel know every replica, none of them down?",
        judge=sentinels.replicas,
    ),
    _sentinel_check(
        id="sentinel.peers",
        question="Does every Sentinel know all others, none of them down?",
        judge=sentinels.peers,
    ),
    _sentinel_check(
        id="sentinel.hello",
        question="Does each Sentinel receive the hello messages of the others?",
        judge=sentinels.hello,
    ),
    Check(
        id="data.kept",
        question="Is data written to disk, where the next start will find it?",
        judge=persistence.data_on_disk,
    ),
    Check(
        id="data.proof",
        question="Does a write to each shard reach all its replicas?",
        judge=replication.data,
        settles=True,
    ),
    Check(
        id="failover.ready",
        question="Would a replica of each shard take over if its primary stopped?",
        judge=replication.promotable,
        settles=True,
        shapes=_REPLICATED,
    ),
)


def judge(seen: Observed, expected: Expected) -> tuple[Finding, ...]:
    """Run every check on one snapshot; findings are in catalogue order."""
    about = subject_of(seen, expected)
    return tuple(finding for check in CHECKS for finding in check.findings(about))
