"""Checks whether a failover would succeed: candidates, their data, and the votes for them."""

from collections.abc import Iterator, Mapping

from redistopo.checks import sentinel_candidates
from redistopo.checks.check_types import CheckResult, CheckSubject, fail, ok, skip, unknown, warn
from redistopo.checks.replica_links import unlinked
from redistopo.checks.replication import integer
from redistopo.checks.unqueried_replicas import unqueried_replicas
from redistopo.model.protocol.sentinel_replies import HELLO_CHANNEL
from redistopo.model.state.observed import NodeSeen
from redistopo.model.state.shards import ShardSeen
from redistopo.model.topology.spec import Shape


def promotable(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check for each shard that a replica would take over if its primary stopped now."""
    if subject.seen.shape is Shape.SENTINEL:
        yield from sentinel_candidates.promotable(subject)
        return
    if subject.seen.shape is not Shape.CLUSTER:
        if any(shard.replicas for shard in subject.shards):
            yield _without_sentinels(subject)
        return
    voters = [shard for shard in subject.shards if shard.slots]
    needed = len(voters) // 2 + 1
    alive = sum(1 for shard in voters if shard.primary is not None)
    for shard in voters:
        yield _promotable(subject, shard, votes=alive - bool(shard.primary), needed=needed)


def _without_sentinels(subject: CheckSubject) -> CheckResult:
    """Report that nothing fails over, unless clients subscribe to the primary as Sentinels do."""
    primaries = [shard.primary for shard in subject.shards if shard.primary]
    count = max((node.hello_clients for node in primaries), default=0)
    if not count:
        return skip("replication alone has no automatic failover; Cluster and Sentinel do")
    listed = "1 client subscribes" if count == 1 else f"{count} clients subscribe"
    evidence = f"{listed} to {HELLO_CHANNEL} as Sentinels do: whether they fail over is unknown"
    return unknown("topology", evidence, "use the address of a Sentinel: --connect HOST:PORT")


def _promotable(subject: CheckSubject, shard: ShardSeen, *, votes: int, needed: int) -> CheckResult:
    # source: cluster_legacy.c, clusterHandleSlaveFailover, clusterSendFailoverAuthIfNeeded
    about = f"shard {shard.number}"
    if not shard.replicas and (mute := unqueried_replicas(subject, shard)):
        names = ", ".join(node.name for node in mute)
        evidence = f"whether a replica would take over is unknown: {names} can't be queried"
        return unknown(about, evidence, f"see node.alive {mute[0].name}")
    if not shard.replicas:
        why = "no replica: if its primary stops, its slots are down until it is back"
        if subject.expected.replicas:
            return fail(about, why, f"start its replica: {subject.start}")
        more = "redistopo scale --replicas 1" if subject.ours else "add a replica"
        return warn(about, why, more)
    reasons = {node.name: _unfit(node, shard) for node in shard.replicas}
    fit = [name for name, reason in reasons.items() if not reason]
    if not fit:
        return _without_candidate(subject, shard, reasons)
    if votes < needed:
        wanted = f"{needed} vote{'s' if needed > 1 else ''}"
        evidence = f"{fit[0]} would need {wanted}, the other primaries have {votes}"
        if len([one for one in subject.shards if one.slots]) < 3:
            more = ": redistopo scale --shards 3" if subject.ours else ""
            return warn(about, evidence, f"automatic failover needs at least 3 shards{more}")
        return fail(about, evidence, f"too few primaries reply: {subject.start}")
    now = "would take over" if shard.primary else "takes over from its primary, which is down"
    return ok(f"{fit[0]} {now}: {votes} votes, {needed} needed", about)


def _without_candidate(
    subject: CheckSubject, shard: ShardSeen, reasons: Mapping[str, str]
) -> CheckResult:
    about = f"shard {shard.number}"
    listed = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
    evidence = f"no replica could take over: {listed}"
    if set(reasons.values()) == {_NO_FAILOVER} and _set_in_file(subject, shard):
        return warn(about, evidence, "remove it from the topology file for automatic failover")
    return fail(about, evidence, "repair the replica first")


_NO_FAILOVER = "cluster-replica-no-failover is set"


_HEARD_SECONDS = 10
"""A primary pings its replicas every 10 s (repl-ping-replica-period), so no validity factor
excludes one that heard of it since."""


def _set_in_file(subject: CheckSubject, shard: ShardSeen) -> bool:
    """Whether the topology file itself disables failover by these replicas."""
    rendered = subject.expected.config
    if rendered is None:  # a snapshot without configurations: a full one judges it
        return subject.ours
    names = ("cluster-replica-no-failover", "cluster-slave-no-failover")
    return all(
        any(rendered.get(node.name, {}).get(name, ("no",))[-1] == "yes" for name in names)
        for node in shard.replicas
    )


def _unfit(node: NodeSeen, shard: ShardSeen) -> str:
    """Why a replica would not start an election; "" if it would."""
    config = node.config or {}
    named = config.get("cluster-replica-no-failover", config.get("cluster-slave-no-failover"))
    # the node announces it too, which shows where CONFIG is refused
    if named == "yes" or (node.myself and "nofailover" in node.myself.flags):
        return _NO_FAILOVER
    if why := unlinked(node, shard):
        return why
    factor = integer(config.get("cluster-replica-validity-factor"), 10)
    timeout = integer(config.get("cluster-node-timeout"), 15000) / 1000
    # source: cluster_legacy.c, clusterHandleSlaveFailover: since when it has had no data
    since = "master_last_io_seconds_ago" if node.link_up else "master_link_down_since_seconds"
    silent = int(node.info.get(since, 0))
    if node.config_refused and silent > _HEARD_SECONDS:
        return f"its data is {silent} s old, and its limits are unknown: {node.config_refused}"
    if factor and silent > factor * timeout + 10:
        return f"its data is {silent} s old, too old for cluster-replica-validity-factor {factor}"
    if node.info.get("loading", "0") != "0":
        return "it is loading its data"
    return ""
