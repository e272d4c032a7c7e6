"""Check of what happens to a host's nodes when the host is started again."""

from collections.abc import Iterator

from redistopo.checks.check_types import CheckResult, CheckSubject, ok, skip, warn


def restart(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that nodes are started again with their host, or that the topology file accepts that
    they are not; none of a topology on one machine."""
    hosts = subject.expected.hosts
    if hosts is None:
        return
    if not subject.seen.answering:
        yield skip("no node replies")
        return
    evidence = "after a restart of a host, redistopo up starts its nodes; nothing does by itself"
    if hosts.service:
        yield ok(f'service = "{hosts.service}" accepts it: {evidence}')
        return
    yield warn("topology", evidence, 'service = "process" in [hosts] accepts it')
