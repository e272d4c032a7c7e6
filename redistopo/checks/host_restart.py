"""Check of what happens to a host's nodes when the host is started again."""

from collections.abc import Collection, Iterator

from redistopo.checks.check_types import TOPOLOGY, CheckResult, CheckSubject, ok, skip, warn
from redistopo.model.topology.boot_start import held_back
from redistopo.model.topology.hosts import Hosts, Service, machine_names

_ACCEPT = 'service = "process" in [hosts] accepts it'


def restart(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that nodes are started again with their host, or that the topology file accepts that
    they are not; none of a topology on one machine.

    Hosts that keep nodes as units of systemd start them, except where that could lose data.
    Whether the units are enabled is asked with the ports of hosts.reach.
    """
    expected, hosts = subject.expected, subject.expected.hosts
    if hosts is None:
        return
    if not subject.seen.answering:
        yield skip("no node replies")
        return
    evidence = "after a restart of a host, redistopo up starts its nodes; nothing does by itself"
    if hosts.service == Service.PROCESS:
        yield ok(f'service = "process" accepts it: {evidence}')
        return
    by_units = [name for name, one in expected.services.items() if one == Service.SYSTEMD]
    if not by_units:
        yield warn(TOPOLOGY, evidence, _ACCEPT)
        return
    results = [*_without_units(subject, hosts, by_units), *_held_back(subject), *_off(subject)]
    yield from results
    if not results:
        yield ok(f"systemd starts the nodes of {', '.join(by_units)} with their host")


def _without_units(
    subject: CheckSubject, hosts: Hosts, by_units: Collection[str]
) -> Iterator[CheckResult]:
    names = machine_names(hosts.machines)
    used = {names.get(node.host, node.host) for node in subject.seen.nodes}
    for name in sorted(used - {*by_units}):
        yield warn(name, "its nodes are processes: nothing but redistopo up starts them", _ACCEPT)


def _held_back(subject: CheckSubject) -> Iterator[CheckResult]:
    """Nodes that are left to `up`: they could come back without data, or in a former role."""
    confs = subject.expected.config or {}
    data = [node for node in subject.seen.nodes if not node.is_sentinel]
    watched = bool(subject.expected.sentinels)
    why = {
        node.name: held_back(confs[node.name], data_nodes=len(data), watched=watched)
        for node in data
        if node.name in confs
    }
    for reason in dict.fromkeys(filter(None, why.values())):
        names = ", ".join(name for name, one in why.items() if one == reason)
        evidence = f"{names} not started with the host: {reason}; redistopo up starts it"
        yield warn(TOPOLOGY, evidence, _ACCEPT)


def _off(subject: CheckSubject) -> Iterator[CheckResult]:
    for one in subject.seen.host_reach or ():
        if one.not_at_boot:
            evidence = f"its systemd doesn't start {', '.join(one.not_at_boot)} with it"
            hint = f"on {one.host}: systemctl enable {' '.join(one.not_at_boot)}"
            yield warn(one.host, evidence, hint)
