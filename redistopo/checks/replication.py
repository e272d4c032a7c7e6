"""Checks of replication: shape, links, lag, read-only replicas, and written data."""

from collections.abc import Iterator

from redistopo.checks.check_types import (
    CheckResult,
    CheckSubject,
    fail,
    ok,
    per_node,
    skip,
    warn,
)
from redistopo.checks.memory import is_out_of_memory
from redistopo.checks.merged_clusters import own_keys, separation
from redistopo.checks.unqueried_replicas import unqueried_replicas
from redistopo.model.connectivity.full_sync_loop import REMEDY, sync_loop
from redistopo.model.protocol.endpoint import at_address, split_address
from redistopo.model.protocol.slots import SLOT_COUNT, unassigned_slots
from redistopo.model.remedies.of_servers import follow, set_live, spread_slots
from redistopo.model.remedies.of_topology import reset_node
from redistopo.model.remedies.remedy import joined
from redistopo.model.state.hints import cli_prefix, command_prefix
from redistopo.model.state.observed import NodeSeen, Role
from redistopo.model.state.shards import ShardSeen
from redistopo.model.state.write_probe_result import NO_SLOTS, WriteProbeResult
from redistopo.model.topology.spec import Shape

_LEFT = "a node left its shard: see its role in `redistopo status`"
_LAG_BYTES = 1024 * 1024
_ACK_TIMEOUT_SECONDS = 10


def shape(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that there are as many primaries and replicas as planned, and no stray replica."""
    expected = subject.expected
    count = 0
    for shard in subject.shards:
        if shard.primary is None:
            stray = {node.name: _stray(subject, node) for node in shard.replicas}
            yield from (result for result in stray.values() if result is not None)
            lost = [name for name, result in stray.items() if result is None]
            if lost:
                count += 1
                evidence = f"the primary of {', '.join(lost)} doesn't reply"
                found = (_primary_of(subject, node) for node in shard.replicas if node.name in lost)
                hint = subject.recovery(one for one in found if one is not None)
                yield fail(f"shard {shard.number}", evidence, hint)
        else:
            count += 1
            yield _replica_count(subject, shard, shard.primary)
    if expected.shards is not None and count != expected.shards:
        evidence = f"{count} primaries, the plan has {expected.shards}"
        hint = (
            separation(subject)
            or _demotion(subject)
            or "a node left its shard: see its role in `redistopo status`"
        )
        if count < expected.shards and (surplus := _surplus(subject)) and _all_covered(subject):
            # it became a replica when its last slot was moved: nothing makes it a primary again
            name = surplus[0].name
            copy = f"{name}'s copy of its primary's data"
            way = reset_node(name, copy, before="slots were moved: ", after=", then redistopo up")
            yield fail("topology", evidence, way, settles=False)
        else:
            # no server demotes itself, except for Sentinels or in a cluster
            alone = subject.seen.shape is Shape.REPLICATION and count > expected.shards
            lasting = alone and len(subject.seen.answering) == len(subject.seen.nodes)
            yield fail("topology", evidence, hint, settles=False if lasting else None)


def _surplus(subject: CheckSubject) -> list[NodeSeen]:
    """A replica of each primary that has more than planned, of the one with the most first."""
    planned = subject.expected.replicas or 0
    shards = sorted(subject.shards, key=lambda one: len(one.replicas), reverse=True)
    return [one.replicas[-1] for one in shards if len(one.replicas) > planned]


def _all_covered(subject: CheckSubject) -> bool:
    """Whether all nodes reply, and primaries own all slots."""
    everyone = len(subject.seen.answering) == len(subject.seen.nodes)
    led = (shard.slots for shard in subject.shards if shard.primary)
    return everyone and not unassigned_slots(led, SLOT_COUNT)


def _replica_count(subject: CheckSubject, shard: ShardSeen, primary: NodeSeen) -> CheckResult:
    about, planned = f"shard {shard.number}", subject.expected.replicas
    mute = unqueried_replicas(subject, shard)
    count = len(shard.replicas) + len(mute)
    if planned is not None and count < planned:
        evidence = f"{primary.name} has {count} of {planned} replicas"
        return fail(about, evidence, _restore_replica(subject, primary))
    required = integer((primary.config or {}).get("min-replicas-to-write"), 0)
    good = integer(primary.info.get("min_slaves_good_slaves"), required)
    if good < required:
        evidence = f"{primary.name} refuses writes: min-replicas-to-write is {required}, it has "
        evidence += f"{good} replica{'s' * (good != 1)} without lag"
        hint = "add replicas, or lower min-replicas-to-write"
        if planned is not None and required > planned:
            hint = f"redistopo set min-replicas-to-write={planned}, or plan more replicas"
        return fail(about, evidence, hint, settles=None if required <= count else False)
    names = [node.name for node in shard.replicas]
    names += [f"{node.name} (it doesn't reply to us)" for node in mute]
    followers = f", replicas {', '.join(names)}" if names else ", no replicas"
    return ok(f"primary {primary.name}{followers}", about)


_ONLY_IT = "writes that only the node that becomes a replica received"


def _restore_replica(subject: CheckSubject, primary: NodeSeen) -> str:
    """How to restore a missing replica: it is down, became a primary, or follows another one."""
    silent = [node for node in subject.seen.nodes if not node.answers]
    if silent:
        return subject.recovery(silent)
    me = primary.myself
    if me and (surplus := _surplus(subject)):
        return f"{command_prefix(surplus[0])} CLUSTER REPLICATE {me.id}"
    return _demotion(subject) or "a replica may follow another primary: see its other findings"


def _demotion(subject: CheckSubject) -> str:
    """How to demote surplus primaries; "" for a cluster, whose nodes agree by themselves.

    The primary to keep is the one that the Sentinels name, or else has the most replicas.
    A new replica discards its data for that of its primary (redis.io, REPLICAOF).
    """
    named = subject.seen.at(subject.seen.named)

    def rank(shard: ShardSeen) -> tuple[bool, int]:
        return shard.primary is named, len(shard.replicas)

    shards = sorted((one for one in subject.shards if one.primary), key=rank, reverse=True)
    if subject.seen.shape is Shape.CLUSTER or len(shards) < 2:
        return ""
    keep, *others = (one.primary for one in shards if one.primary)
    if rank(shards[0]) == rank(shards[1]):
        command = follow(command_prefix(others[0]), keep.host, keep.port, _ONLY_IT)
        return joined(
            "choose the primary whose data to keep: ", command, ", or the other way round"
        )
    return joined(
        *(follow(command_prefix(one), keep.host, keep.port, _ONLY_IT) for one in others), by="; "
    )


def _primary_of(subject: CheckSubject, node: NodeSeen) -> NodeSeen | None:
    """The primary that a node follows, if it is part of the topology."""
    me = node.myself
    if me is not None:
        member = next((one for one in node.members if one.id == me.primary_id), None)
        return subject.seen.at(member.address) if member else None
    followed = subject.seen.at(node.follows)
    if followed is None and not subject.ours:  # it may know its primary by a host name
        port = split_address(node.follows)[1]
        return next((one for one in subject.seen.nodes if str(one.port) == port), None)
    return followed


def _stray(subject: CheckSubject, node: NodeSeen) -> CheckResult | None:
    """Why a replica is in no shard; None if its primary is part of the topology, but down."""
    followed = _primary_of(subject, node)
    if followed is None:
        evidence = f"follows {node.follows}, which is not part of this topology"
        if away := separation(subject):
            return fail(node.name, f"{evidence}: {own_keys(node)}", away, settles=False)
    elif followed.role is Role.REPLICA:
        evidence = f"follows {followed.name}, which is itself a replica"
    else:
        return None
    return fail(node.name, evidence, _rejoin(subject, node, followed))


def _rejoin(subject: CheckSubject, node: NodeSeen, followed: NodeSeen | None) -> str:
    """The command that makes a replica follow a primary: the end of its chain, or the only one."""
    if node.myself is not None:
        above = followed.myself if followed else None
        target = above.primary_id if above else "<id of its primary>"
        return f"{command_prefix(node)} CLUSTER REPLICATE {target}"
    primaries = [one for one in subject.seen.answering if one.role is Role.PRIMARY]
    host, port = "<host>", "<port of its primary>"
    if len(primaries) == 1:
        host, port = primaries[0].host, str(primaries[0].port)
    return follow(command_prefix(node), host, port, "what its new primary lacks")


def link(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that each replica's link is up, as reported by the replica and by its primary."""
    for shard in subject.shards:
        about = f"shard {shard.number}"
        broken = [
            result for node in shard.replicas if (result := _link(shard, node, ours=subject.ours))
        ]
        yield from broken
        if shard.replicas and not broken:
            names = ", ".join(node.name for node in shard.replicas)
            yield ok(f"{names}: link up, online at the primary", about)
            if loop := sync_loop(shard.primary, len(shard.replicas)):
                # between two syncs the link looks healthy, so one good snapshot proves little
                yield warn(about, loop, REMEDY)


def _link(shard: ShardSeen, node: NodeSeen, *, ours: bool) -> CheckResult | None:
    loop = sync_loop(shard.primary, len(shard.replicas))
    if not node.link_up and loop:
        state = node.info.get("master_link_status", "unknown")
        return fail(node.name, f"master_link_status:{state}; {loop}", REMEDY)
    if not node.link_up:
        why = (
            "a full sync is in progress"
            if node.info.get("master_sync_in_progress") == "1"
            else (f"master_link_status:{node.info.get('master_link_status', 'unknown')}")
        )
        return fail(
            node.name,
            f"{why}, primary {node.follows}",
            "see its redis.log: masterauth may be wrong, or the primary unreachable",
        )
    if shard.primary is None:
        return None
    source = shard.upstream(node) or shard.primary
    me = source.myself
    if ours and node.follows not in (source.address, me.address if me else ""):
        evidence = f"linked to {node.follows}, but its primary is {source.address}"
        return fail(node.name, evidence, "wait: it may be switching to another primary")
    listed = at_address(source.replicas, node, node.ports)
    if listed is None or listed.state != "online":
        state = listed.state if listed else "not listed"
        return fail(
            node.name,
            f"{source.name} has it as {state}",
            "wait for the first sync to finish",
        )
    return None


def lag(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check how far each replica is behind: bytes of the stream, seconds since its last ACK.

    Offsets are read some milliseconds apart, so under load the bytes alone never fail.
    """
    for shard in subject.shards:
        if shard.primary is None or not shard.replicas:
            continue
        links = [one for source in shard.nodes for one in source.replicas]
        silent = {n.name: one.lag for n in shard.replicas if (one := at_address(links, n, n.ports))}
        behind = {node.name: max(0, shard.primary.offset - node.offset) for node in shard.replicas}
        about = f"shard {shard.number}"
        sizes = ", ".join(f"{node} {size} bytes" for node, size in behind.items())
        late = [node for node in shard.replicas if silent.get(node.name, 0) >= _ACK_TIMEOUT_SECONDS]
        if late:
            yield fail(
                late[0].name,
                f"sent no acknowledgement for {silent[late[0].name]} s ({sizes} behind)",
                "see its log: it may be paused, or its disk or network may hang",
            )
        elif max(behind.values()) > _LAG_BYTES:
            yield warn(about, f"behind the primary: {sizes}", "the load is high, or a disk is slow")
        else:
            yield ok(f"behind the primary: {sizes}", about)


def read_only(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that no replica accepts writes: the next full sync would discard them."""
    replicas = [node for node in subject.seen.answering if node.role is Role.REPLICA]
    if not replicas:
        return

    def judge(node: NodeSeen) -> CheckResult | None:
        if node.info.get("slave_read_only") == "1":
            return None
        hint = set_live(command_prefix(node), "replica-read-only", "yes")
        return fail(node.name, "accepts writes", hint)

    yield from per_node(replicas, judge, "replicas refuse writes", "the replica refuses writes")


def data(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that what a client writes to a shard reaches all its replicas."""
    if subject.seen.write_probes is None:
        yield skip("no write probe (--no-write, or not run yet)")
        return
    paused = {node.address: node for node in subject.seen.answering if _pause(node)}
    for probe in subject.seen.write_probes:
        about = f"shard {probe.shard}"
        if probe.error and (primary := paused.get(probe.primary)):
            hint = f"{command_prefix(primary)} CLIENT UNPAUSE"
            yield fail(about, f"{_pause(primary)} ({probe.error})", hint, settles=True)
        elif probe.error:
            yield _unproven(subject, probe, about)
        else:
            count = len(probe.replicas)
            copies = {0: "read back", 1: "read back from its replica"}.get(
                count, f"read back from its {count} replicas"
            )
            yield ok(f"written by a client, {copies}, removed: {probe.milliseconds:.1f} ms", about)


def _unproven(subject: CheckSubject, probe: WriteProbeResult, about: str) -> CheckResult:
    """Why the write probe failed: waiting may help, unless the server refuses writes for good."""
    error = probe.error
    if "NOPERM" in error:
        evidence = f"not proven: this user may not write ({error})"
        return warn(about, evidence, "log in as a user that may write, or skip it: --no-write")
    if is_out_of_memory(error):
        return fail(about, error, "see memory.full of its primary")
    if error == NO_SLOTS and subject.ours:
        return fail(about, error, "spread the slots evenly: redistopo rebalance")
    if error == NO_SLOTS and (entry := next(iter(subject.seen.answering), None)):
        acl = subject.expected.rights is not None
        return fail(about, error, spread_slots(cli_prefix(entry, acl=acl), entry.address))
    if "NOREPLICAS" in error:
        return _too_few_replicas(subject, probe, about)
    hint = "see this shard's other findings first"
    if primary := subject.seen.at(probe.primary) if "timed out" in error else None:
        hint += f"; after a CLIENT PAUSE: {command_prefix(primary)} CLIENT UNPAUSE"
    return fail(about, error, hint, settles=True)


def _pause(node: NodeSeen) -> str:
    """What clients wait for (INFO clients, since Valkey 8.1); "" if nothing is paused."""
    if node.info.get("paused_actions", "none") == "none":
        return ""
    left = integer(node.info.get("paused_timeout_milliseconds"), 0) / 1000
    return f"commands are paused for {left:.1f} s more: {node.info.get('paused_reason', '?')}"


def _too_few_replicas(subject: CheckSubject, probe: WriteProbeResult, about: str) -> CheckResult:
    """Writes are refused for lack of replicas: for good, if more are required than planned."""
    primary, planned = subject.seen.at(probe.primary), subject.expected.replicas
    required = integer(((primary and primary.config) or {}).get("min-replicas-to-write"), 0)
    evidence = f"refuses writes: min-replicas-to-write is {required}, it has "
    evidence += f"{len(probe.replicas)} replica{'s' * (len(probe.replicas) != 1)} ({probe.error})"
    if planned is None or required <= planned:
        return fail(about, evidence, "see replication.link of its replicas", settles=True)
    hint = f"redistopo set min-replicas-to-write={planned}, or plan more replicas"
    return fail(about, evidence, hint)


def integer(text: str | None, default: int) -> int:
    """A setting's value; the server's default if it is unknown or not a number."""
    return int(text) if text and text.isascii() and text.isdecimal() else default
