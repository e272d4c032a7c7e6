"""Check that replicas follow their primary, not another replica."""

from collections.abc import Iterator

from redistopo.checks.check_types import CheckResult, CheckSubject, fail, ok, warn
from redistopo.model.remedies.of_servers import follow
from redistopo.model.remedies.remedy import joined
from redistopo.model.state.hints import command_prefix


def chain(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that every replica follows the primary of its shard directly.

    Servers permit chains (redis.io, Redis replication), but the replica of a replica gets no data
    while that one is down, and WAIT doesn't count it. Our own topologies have none.
    """
    for shard in subject.shards:
        primary = shard.primary
        if primary is None or not shard.replicas:
            continue
        sources = [(node, shard.upstream(node)) for node in shard.replicas]
        chained = [(node, source) for node, source in sources if source not in (None, primary)]
        for node, source in chained:
            evidence = f"follows {source.name if source else '?'}, which is itself a replica"
            lost = "what only this node has: writes to a replica"
            hint = follow(command_prefix(node), primary.host, primary.port, lost)
            if subject.ours:
                yield fail(node.name, evidence, hint)
            else:
                yield warn(node.name, evidence, joined("if that isn't intended: ", hint))
        if not chained:
            names = ", ".join(node.name for node in shard.replicas)
            verb = "follows" if len(sources) == 1 else "follow"
            yield ok(f"{names} {verb} {primary.name} directly", f"shard {shard.number}")
