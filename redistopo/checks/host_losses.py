"""Checks on the loss of one host: it may take a shard, or the majority that promotes replicas."""

from collections.abc import Iterator

from redistopo.checks.check_types import CheckResult, CheckSubject, fail, ok, warn
from redistopo.model.state.shards import ShardSeen
from redistopo.model.topology.hosts import Hosts, machine_names, majority_holder
from redistopo.model.topology.spec import Shape

_ACCEPT = "allow_colocated = true in [hosts] accepts it"


def apart(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that the nodes of each shard are on different hosts; none of a topology on one machine.

    It fails if a host has all nodes of a shard, unless the topology file allows that.
    """
    hosts = subject.expected.hosts
    if hosts is None or not subject.shards:
        return
    results = [found for shard in subject.shards if (found := _shared(shard, hosts))]
    yield from results
    if not results and not any(node.error for node in subject.seen.nodes):
        count = len(subject.shards)
        yield ok(f"the nodes of {count} shard{'s' * (count > 1)} are on different hosts")


def _shared(shard: ShardSeen, hosts: Hosts) -> CheckResult | None:
    names = machine_names(hosts.machines)
    there: dict[str, list[str]] = {}
    for node in shard.nodes:
        there.setdefault(names.get(node.host, node.host), []).append(node.name)
    host, nodes = max(there.items(), key=lambda pair: len(pair[1]))
    if len(nodes) < 2:
        return None
    about = f"shard {shard.number}"
    evidence = f"{' and '.join(nodes)} are on {host}"
    if len(there) == 1 and not hosts.allow_colocated:
        return fail(about, f"{evidence}: its loss is the loss of the shard", _ACCEPT)
    return warn(about, evidence, "" if hosts.allow_colocated else _ACCEPT)


def majority(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that no host has so many primaries, or Sentinels, that without it no replica is
    promoted; none of a topology on one machine."""
    hosts = subject.expected.hosts
    if hosts is None:
        return
    names = machine_names(hosts.machines)
    watching = subject.seen.shape is Shape.SENTINEL
    kind = "Sentinels" if watching else "primaries"
    voters = (
        list(subject.seen.sentinels)
        if watching
        else [one.primary for one in subject.shards if one.primary and one.slots]
    )
    if len(voters) < 3 or any(node.error for node in subject.seen.nodes):
        return
    at = [names.get(node.host, node.host) for node in voters]
    holder = majority_holder(at)
    if not holder:
        yield ok(f"no host has most of the {len(at)} {kind}")
        return
    # topologies on one machine don't pay for its imports
    from redistopo.model.planning.spread_roles import role_changes

    spread = not watching and role_changes(subject.seen, hosts.machines)
    yield warn(
        holder,
        f"has {at.count(holder)} of {len(at)} {kind}: without it no replica is promoted",
        "redistopo rebalance --roles" if spread else "add hosts",
    )
