"""Checks on primaries and replicas: shape, links, lag, read-only, data, who would take over."""

from collections.abc import Iterator

from redistopo.checks import sentinels
from redistopo.checks.subject import (
    CheckResult,
    CheckSubject,
    fail,
    ok,
    per_node,
    skip,
    warn,
)
from redistopo.model.connectivity.first_sync import REMEDY, sync_loop
from redistopo.model.protocol.endpoint import split_address
from redistopo.model.state.hints import redis_cli_command
from redistopo.model.state.observed import NodeSeen, Role, ShardSeen
from redistopo.model.topology.spec import Shape

_LAG_WORTH_KNOWING = 1024 * 1024
_SILENT_SECONDS = 10


def shape(subject: CheckSubject) -> Iterator[CheckResult]:
    """As many primaries as planned, each with as many replicas as planned; no replica is lost."""
    expected = subject.expected
    count = 0
    for shard in subject.shards:
        if shard.primary is None:
            astray = {node.name: _astray(subject, node) for node in shard.replicas}
            yield from (answer for answer in astray.values() if answer is not None)
            lost = [name for name, answer in astray.items() if answer is None]
            if lost:
                count += 1
                told = f"{', '.join(lost)}: their primary doesn't answer"
                leaders = (_leader(subject, node) for node in shard.replicas if node.name in lost)
                back = subject.back(one for one in leaders if one is not None)
                yield fail(f"shard {shard.number}", told, back)
        else:
            count += 1
            yield _staffed(subject, shard, shard.primary)
    if expected.shards is not None and count != expected.shards:
        yield fail(
            "topology",
            f"{count} primaries, planned are {expected.shards}",
            _demotion(subject) or "a node left its shard: look at its role with `redistopo status`",
        )


def _staffed(subject: CheckSubject, shard: ShardSeen, primary: NodeSeen) -> CheckResult:
    about, planned = f"shard {shard.number}", subject.expected.replicas
    if planned is not None and len(shard.replicas) < planned:
        return fail(
            about,
            f"{primary.name} has {len(shard.replicas)} of {planned} replicas",
            _staffing(subject),
        )
    names = ", ".join(node.name for node in shard.replicas)
    told = f", replicas {names}" if names else ", no replica"
    return ok(f"primary {primary.name}{told}", about)


def _staffing(subject: CheckSubject) -> str:
    """What brings a missing replica back: it is silent, or leads nobody beside the primary."""
    silent = [node for node in subject.seen.nodes if node not in subject.seen.answering]
    if silent:
        return subject.back(silent)
    return _demotion(subject) or "does a replica follow another primary? See its other findings"


def _demotion(subject: CheckSubject) -> str:
    """What makes those replicas again that are primaries beside the one that Sentinels name, or
    else has most replicas; "" for a cluster, whose nodes agree on it.

    A replica drops what it has for what its primary sends (redis.io, REPLICAOF).
    """
    named = subject.seen.at(subject.seen.named)

    def rank(shard: ShardSeen) -> tuple[bool, int]:
        return shard.primary is named, len(shard.replicas)

    shards = sorted((one for one in subject.shards if one.primary), key=rank, reverse=True)
    if subject.seen.shape is Shape.CLUSTER or len(shards) < 2:
        return ""
    lead, *others = (one.primary for one in shards if one.primary)
    if rank(shards[0]) == rank(shards[1]):
        return (
            "choose whose data stays; the others drop theirs: "
            f"{redis_cli_command(others[0])} REPLICAOF {lead.host} {lead.port}, "
            "or the other way round"
        )
    orders = "; ".join(
        f"{redis_cli_command(one)} REPLICAOF {lead.host} {lead.port}" for one in others
    )
    return f"{orders}   (drops what was written to it alone)"


def _leader(subject: CheckSubject, node: NodeSeen) -> NodeSeen | None:
    """Whom it follows, where that is one of the topology."""
    me = node.myself
    if me is not None:
        leader = next((one for one in node.members if one.id == me.primary_id), None)
        return subject.seen.at(leader.address) if leader else None
    followed = subject.seen.at(node.follows)
    if followed is None and not subject.ours:  # it may name its primary by a host name
        port = split_address(node.follows)[1]
        return next((one for one in subject.seen.nodes if str(one.port) == port), None)
    return followed


def _astray(subject: CheckSubject, node: NodeSeen) -> CheckResult | None:
    """Why a replica is in no shard; None where its primary is one of ours, but silent."""
    followed = _leader(subject, node)
    if followed is None:
        evidence = f"follows {node.follows}, which is none of this topology"
    elif followed.role is Role.REPLICA:
        evidence = f"follows {followed.name}, which is itself a replica"
    else:
        return None
    return fail(node.name, evidence, f"{redis_cli_command(node)} {_order(subject, node, followed)}")


def _order(subject: CheckSubject, node: NodeSeen, followed: NodeSeen | None) -> str:
    """What makes a replica follow a primary again: the one at the end of its chain, or the only
    one there is."""
    if node.myself is not None:
        above = followed.myself if followed else None
        return f"CLUSTER REPLICATE {above.primary_id if above else 'ID, that of its primary'}"
    leads = [one for one in subject.seen.answering if one.role is Role.PRIMARY]
    if len(leads) == 1:
        return f"REPLICAOF {leads[0].host} {leads[0].port}"
    return "REPLICAOF HOST PORT, those of its primary"


def link(subject: CheckSubject) -> Iterator[CheckResult]:
    """Each replica's link is up by its own word, and online by its primary's."""
    for shard in subject.shards:
        about = f"shard {shard.number}"
        broken = [
            answer for node in shard.replicas if (answer := _link(shard, node, ours=subject.ours))
        ]
        yield from broken
        if shard.replicas and not broken:
            names = ", ".join(node.name for node in shard.replicas)
            yield ok(f"{names}: link up, online at the primary", about)
            if loop := sync_loop(shard.primary, len(shard.replicas)):
                # between two syncs all looks well, so one good look proves little
                yield warn(about, loop, REMEDY)


def _link(shard: ShardSeen, node: NodeSeen, *, ours: bool) -> CheckResult | None:
    loop = sync_loop(shard.primary, len(shard.replicas))
    if not node.link_up and loop:
        state = node.info.get("master_link_status", "unknown")
        return fail(node.name, f"master_link_status:{state}; {loop}", REMEDY)
    if not node.link_up:
        why = (
            "a full sync is under way"
            if node.info.get("master_sync_in_progress") == "1"
            else (f"master_link_status:{node.info.get('master_link_status', 'unknown')}")
        )
        return fail(
            node.name,
            f"{why}, primary {node.follows}",
            "see its redis.log; a wrong masterauth and an unreachable primary look like this",
        )
    if shard.primary is None:
        return None
    me = shard.primary.myself
    if ours and node.follows not in (shard.primary.address, me.address if me else ""):
        evidence = f"its link goes to {node.follows}, its primary is {shard.primary.address}"
        return fail(node.name, evidence, "give it time: a node that changes its primary says both")
    listed = [one for one in shard.primary.replicas if one.port == node.port]
    if not any(one.state == "online" for one in listed):
        state = listed[0].state if listed else "not listed"
        return fail(
            node.name, f"{shard.primary.name} has it as {state}", "the first sync isn't done yet"
        )
    return None


def lag(subject: CheckSubject) -> Iterator[CheckResult]:
    """How far each replica is behind: bytes of the stream, and seconds without a word.

    The bytes are of moments some milliseconds apart, so under load they never fail alone.
    """
    for shard in subject.shards:
        if shard.primary is None or not shard.replicas:
            continue
        silent = {one.port: one.lag for one in shard.primary.replicas}
        behind = {node.name: max(0, shard.primary.offset - node.offset) for node in shard.replicas}
        about = f"shard {shard.number}"
        told = ", ".join(f"{node} {size} bytes" for node, size in behind.items())
        mute = [node for node in shard.replicas if silent.get(node.port, 0) >= _SILENT_SECONDS]
        if mute:
            yield fail(
                mute[0].name,
                f"has acknowledged nothing for {silent[mute[0].port]} s ({told} behind)",
                "is it stopped, or its disk or network stuck? see its log",
            )
        elif max(behind.values()) > _LAG_WORTH_KNOWING:
            yield warn(about, f"behind the primary: {told}", "the load is high, or a disk slow")
        else:
            yield ok(f"behind the primary: {told}", about)


def read_only(subject: CheckSubject) -> Iterator[CheckResult]:
    """No replica accepts writes: they would be lost at the next sync."""
    replicas = [node for node in subject.seen.answering if node.role is Role.REPLICA]
    if not replicas:
        return

    def judge(node: NodeSeen) -> CheckResult | None:
        if node.info.get("slave_read_only") == "1":
            return None
        return fail(node.name, "accepts writes", "CONFIG SET replica-read-only yes")

    yield from per_node(replicas, judge, "replicas refuse writes", "a replica, it refuses writes")


def data(subject: CheckSubject) -> Iterator[CheckResult]:
    """What a client writes to a shard is on every replica of it."""
    if subject.seen.proofs is None:
        yield skip("not looked at (--no-write, or not yet)")
        return
    for proof in subject.seen.proofs:
        about = f"shard {proof.shard}"
        if proof.error:
            hint = "look at this shard's other findings first"
            yield fail(about, proof.error, hint)
        else:
            count = len(proof.replicas)
            copies = {0: "read back", 1: "read back from its replica"}.get(
                count, f"read back from its {count} replicas"
            )
            yield ok(f"written by a client, {copies}, removed: {proof.milliseconds:.1f} ms", about)


def promotable(subject: CheckSubject) -> Iterator[CheckResult]:
    """For each shard: would a replica take over if its primary stopped now, and if not, why."""
    if subject.seen.shape is Shape.SENTINEL:
        yield from sentinels.promotable(subject)
        return
    if subject.seen.shape is not Shape.CLUSTER:
        if any(shard.replicas for shard in subject.shards):
            yield skip("replication alone has no automatic failover: Cluster or Sentinel have")
        return
    voters = [shard for shard in subject.shards if shard.slots]
    needed = len(voters) // 2 + 1
    alive = sum(1 for shard in voters if shard.primary is not None)
    for shard in voters:
        yield _promotable(subject, shard, votes=alive - bool(shard.primary), needed=needed)


def _promotable(subject: CheckSubject, shard: ShardSeen, *, votes: int, needed: int) -> CheckResult:
    # source: cluster_legacy.c, clusterHandleSlaveFailover, clusterSendFailoverAuthIfNeeded
    about = f"shard {shard.number}"
    if not shard.replicas:
        why = "no replica: its slots stay down until the primary is back"
        if subject.expected.replicas:
            return fail(about, why, f"its replica: {subject.start}")
        return warn(
            about,
            why,
            "a replica would take over"
            if not subject.ours
            else "replicas = 1 in the topology file gives it one",
        )
    reasons = {node.name: _unfit(node) for node in shard.replicas}
    fit = [name for name, reason in reasons.items() if not reason]
    if not fit:
        told = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        return fail(about, f"no replica could take over: {told}", "mend the replica first")
    if votes < needed:
        evidence = f"{fit[0]} would need {needed} votes, the other primaries have {votes}"
        if len([one for one in subject.shards if one.slots]) < 3:
            return warn(about, evidence, "3 shards or more fail over by themselves")
        return fail(about, evidence, f"too few primaries answer: {subject.start}")
    return ok(f"{fit[0]} would take over: {votes} votes, {needed} needed", about)


def _whole(text: str | None, usual: int) -> int:
    """A setting's number; the server's usual one where it isn't told, or is none."""
    return int(text) if text and text.isascii() and text.isdigit() else usual


def _unfit(node: NodeSeen) -> str:
    """Why a replica would not stand for election; "" where it would."""
    config = node.config or {}
    if config.get("cluster-replica-no-failover", config.get("cluster-slave-no-failover")) == "yes":
        return "cluster-replica-no-failover is set"
    if not node.link_up:
        return "its link to the primary is down"
    factor = _whole(config.get("cluster-replica-validity-factor"), 10)
    timeout = _whole(config.get("cluster-node-timeout"), 15000) / 1000
    silent = int(node.info.get("master_last_io_seconds_ago", 0))
    if factor and silent > factor * timeout + 10:
        return f"its data is {silent} s old, too old for validity factor {factor}"
    if node.info.get("loading", "0") != "0":
        return "it is loading its data"
    return ""
