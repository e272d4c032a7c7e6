"""Check of the hosts' clocks: keys with a TTL expire by the clock of the host that they are on."""

from collections.abc import Iterator, Mapping

from redistopo.checks.check_types import CheckResult, CheckSubject, fail, ok, skip, unknown, warn
from redistopo.model.protocol.replies import count_expiring
from redistopo.model.state.clock import FIELD, Clock
from redistopo.model.topology.hosts import machine_names

WARN_SECONDS = 1.0
FAIL_SECONDS = 10.0
"""Keys with a TTL expire that much too early, or too late, on a replica, and after a failover."""


def clocks(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that the clocks of all hosts agree; none of a topology on one machine.

    It fails if keys with a TTL are on hosts whose clocks differ by 10 s or more, and warns from 1 s
    on. Each server's time is in its INFO, and compared at the midpoint of the round trip.
    """
    hosts = subject.expected.hosts
    if hosts is None:
        return
    names = machine_names(hosts.machines)
    replying = {names.get(node.host, node.host) for node in subject.seen.answering}
    found = _clocks(subject, names)
    if missing := sorted(replying - found.keys()):
        yield unknown(", ".join(missing), f"no time in INFO ({FIELD})")
    if len(found) < 2:
        if not missing:
            yield skip("nodes of fewer than two hosts reply")
        return
    from statistics import median

    middle = median(one.ahead for one in found.values())
    if len(found) == 2:  # the one that is behind is the measure: neither is known to be wrong
        middle = min(one.ahead for one in found.values())
    off = {name: one.ahead - middle for name, one in found.items()}
    wrong = [name for name in found if abs(off[name]) - found[name].within >= WARN_SECONDS]
    for name in wrong:
        yield _wrong(subject, names, off, name, found[name])
    if not wrong and not missing:
        most = max(map(abs, off.values()))
        within = max(one.within for one in found.values())
        yield ok(f"the clocks of {len(found)} hosts differ by {most:.3f} s ({_source(within)})")


def _source(within: float) -> str:
    return f"{FIELD} of INFO, within {within:.3f} s"


def _clocks(subject: CheckSubject, names: Mapping[str, str]) -> dict[str, Clock]:
    """The clock of each host by name: as the node reports it that replied fastest."""
    found: dict[str, Clock] = {}
    for node in subject.seen.answering:
        name = names.get(node.host, node.host)
        if node.clock and (name not in found or node.clock.within < found[name].within):
            found[name] = node.clock
    return found


def _wrong(
    subject: CheckSubject,
    names: Mapping[str, str],
    off: Mapping[str, float],
    name: str,
    clock: Clock,
) -> CheckResult:
    seconds = off[name]
    others = "the other host" if len(off) == 2 else "the other hosts"
    evidence = (
        f"its clock is {abs(seconds):.1f} s {'ahead of' if seconds > 0 else 'behind'} {others} "
        f"({_source(clock.within)})"
    )
    hint = f"synchronize the clocks, as by chrony or systemd-timesyncd; see timedatectl on {name}"
    keys = 0
    if abs(seconds) - clock.within >= FAIL_SECONDS:
        keys = _keys_with_ttl(subject, names, name)
    if not keys:
        return warn(name, evidence, hint)
    when = "early" if seconds > 0 else "late"
    return fail(name, f"{evidence}: {keys} keys with a TTL expire too {when} there", hint)


def _keys_with_ttl(subject: CheckSubject, names: Mapping[str, str], name: str) -> int:
    """Return how many keys with a TTL the host shares with other ones."""
    count = 0
    for shard in subject.shards:
        at = {names.get(node.host, node.host) for node in shard.nodes}
        if name in at and len(at) > 1:
            count += max(count_expiring(node.info) for node in shard.nodes)
    return count
