"""The catalogue of checks, in display order, and the function that runs them all."""

from functools import partial

from redistopo.checks import (
    announced_endpoints,
    cluster,
    cluster_membership,
    failover_readiness,
    host_clocks,
    host_losses,
    host_reach,
    host_restart,
    memory,
    node_versions,
    nodes,
    open_slots,
    persistence,
    replication,
    replication_chain,
    security,
    sentinels,
    uneven_config,
)
from redistopo.checks.causes import with_root_causes
from redistopo.checks.check_types import Check, Expected, subject_of
from redistopo.checks.several_primaries import of_each_primary
from redistopo.model.state.finding import Finding
from redistopo.model.state.observed import Observed
from redistopo.model.topology.spec import Shape

_CLUSTER = frozenset({Shape.CLUSTER})
_REPLICATED = frozenset({Shape.CLUSTER, Shape.REPLICATION, Shape.SENTINEL})
_FOLLOWING = frozenset({Shape.REPLICATION, Shape.SENTINEL})

_cluster_check = partial(Check, settles=True, shapes=_CLUSTER)
_sentinel_check = partial(Check, settles=True, shapes=frozenset({Shape.SENTINEL}))

CHECKS: tuple[Check, ...] = (
    Check("node.alive", "Does every node run and reply, and did redistopo start its process?",
          nodes.alive),
    Check("node.versions",
          "Do all nodes run the version that the topology file asks for, without known faults?",
          node_versions.versions),
    Check("access.password", "Is a client without a password refused?", security.password),
    Check("access.bind", "Does every node listen only on its planned address?", security.bound),
    Check("access.tls", "Are clients without TLS, or with a certificate of another CA, refused?",
          security.tls),
    Check("access.certificates",
          "Does every node have a valid certificate of our CA for its address?",
          security.certificates),
    Check("access.users", "Does each ACL user have exactly the permissions it needs?",
          security.users),
    Check("config.drift", "Does the live configuration match the rendered one?", nodes.drifted),
    Check("config.uneven", "Do nodes have the same settings, or defaults, where no file sets them?",
          uneven_config.uneven),
    _cluster_check("cluster.state", "Does every node report cluster_state:ok?", cluster.state),
    _cluster_check("cluster.slots", "Does each of the 16384 slots have exactly one owner?",
                   cluster.slots),
    _cluster_check("cluster.empty-shards", "Does every shard have slots?", cluster.empty_shards),
    _cluster_check("cluster.agreement", "Do all nodes agree on the slot map and on all roles?",
                   cluster.agreement),
    _cluster_check("cluster.members", "Does every node know all nodes, none of them failing?",
                   cluster_membership.members),
    _cluster_check("cluster.links", "Is every cluster bus link up, in both directions?",
                   cluster_membership.links),
    _cluster_check("cluster.epochs", "Does every primary have a unique config epoch?",
                   cluster.epochs),
    Check("cluster.open-slots", "Are all slot migrations finished?",
          open_slots.open_slots, shapes=_CLUSTER),
    Check("announce.reachable", "Do the endpoints that clients are given lead to their nodes?",
          announced_endpoints.reachable, settles=True, shapes=_REPLICATED),
    Check("replication.shape", "Are there as many primaries and replicas as planned?",
          replication.shape, settles=True),
    Check("replication.chain", "Does every replica follow its primary, not another replica?",
          replication_chain.chain, settles=True, shapes=_FOLLOWING),
    Check("replication.link", "Is every replica's link up, according to both ends?",
          replication.link, settles=True, shapes=_REPLICATED),
    Check("replication.lag", "How many bytes is each replica behind its primary?",
          replication.lag, settles=True, shapes=_REPLICATED),
    Check("replication.read-only", "Does every replica refuse writes?",
          replication.read_only, shapes=_REPLICATED),
    _sentinel_check("sentinel.primary",
                    "Do all Sentinels name the same primary, in the same epoch?",
                    sentinels.primary),
    _sentinel_check("sentinel.leads",
                    "Is the node that the Sentinels name a primary, and up according to them?",
                    sentinels.named_primary),
    _sentinel_check("sentinel.quorum", "Do enough Sentinels run and reach each other to fail over?",
                    sentinels.quorum),
    _sentinel_check("sentinel.replicas",
                    "Does every Sentinel know every replica, none of them down?",
                    sentinels.replicas),
    _sentinel_check("sentinel.peers", "Does every Sentinel know all others, none of them down?",
                    sentinels.peers),
    _sentinel_check("sentinel.hello",
                    "Does each Sentinel receive the hello messages of the others?",
                    sentinels.hello),
    Check("memory.full", "Does every primary have memory for writes, or keys to evict?",
          memory.full),
    Check("data.kept", "Is data written to disk, where the next start will find it?",
          persistence.data_on_disk),
    Check("data.proof", "Does a write to each shard reach all its replicas?",
          replication.data),
    Check("failover.ready", "Would a replica of each shard take over if its primary stopped?",
          failover_readiness.promotable, settles=True, shapes=_REPLICATED),
    Check("placement.hosts", "Are the nodes of each shard on different hosts?",
          host_losses.apart, settles=True, shapes=_REPLICATED),
    Check("placement.majority",
          "Would replicas still be promoted without any one of the hosts?",
          host_losses.majority, shapes=frozenset({Shape.CLUSTER, Shape.SENTINEL})),
    Check("hosts.clock", "Do the clocks of all hosts agree?",
          host_clocks.clocks, shapes=_REPLICATED),
    Check("hosts.reach", "Does each host reach the ports of the nodes on all others?",
          host_reach.reach, shapes=_REPLICATED),
    Check("hosts.restart", "Are nodes started again with their host?", host_restart.restart),
)  # fmt: skip


def judge(seen: Observed, expected: Expected) -> tuple[Finding, ...]:
    """Run every check on one snapshot; findings are in catalogue order, each with its cause."""

    def of(part: Observed) -> tuple[Finding, ...]:
        about = subject_of(part, expected)
        found = tuple(finding for check in CHECKS for finding in check.findings(about))
        return with_root_causes(about, found)

    return of_each_primary(seen, of)
