"""Check of the network between hosts, tried from each of them."""

from collections.abc import Collection, Iterator, Mapping

from redistopo.checks.check_types import CheckResult, CheckSubject, fail, ok, skip, unknown
from redistopo.model.state.hints import open_port_hint
from redistopo.model.state.host_reach import HostReach
from redistopo.model.topology.hosts import machine_names


def reach(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that each host reaches the client and bus ports of the nodes on all others; none of a
    topology on one machine.

    Ports of nodes that don't reply to redistopo either are left to node.alive. It takes one run of
    Ansible: `verify` tries it if links are down between nodes that reply, or with --reach.
    """
    hosts = subject.expected.hosts
    if hosts is None:
        return
    tried = subject.seen.host_reach
    if tried is None:
        yield skip("not tried: no link between hosts is down (verify --reach tries all ports)")
        return
    names = machine_names(hosts.machines)
    replying = {node.name for node in subject.seen.answering}
    results = [found for one in tried if (found := _judged(one, names, replying))]
    yield from results
    if not results:
        count = sum(one.tried for one in tried)
        yield ok(f"{len(tried)} hosts reach each other's ports: {count} connections")


def _judged(
    one: HostReach, names: Mapping[str, str], replying: Collection[str]
) -> CheckResult | None:
    if one.error:
        return unknown(one.host, f"not tried from there: {one.error}")
    failed = [port for port in one.failed if port.node in replying]
    if not failed:
        return None
    first, at = failed[0], failed[0].endpoint
    more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
    evidence = f"it doesn't reach {at}{more}: {first.why}; {first.node} there replies to redistopo"
    there = ", ".join(dict.fromkeys(names.get(p.endpoint.host, p.endpoint.host) for p in failed))
    return fail(
        one.host, evidence, f"on {one.host} and {there}: {open_port_hint(at.host, at.port)}"
    )
