"""The check of settings that no file has: changed at runtime, on one node or on all."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from redistopo.checks.check_types import (
    TOPOLOGY,
    CheckResult,
    CheckSubject,
    ok,
    skip,
    unknown,
    warn,
)
from redistopo.model.protocol.conf import (
    DIRECTIVES_NOT_COMPARED,
    SECRET_DIRECTIVES,
    canonical_directive,
    same_value,
)
from redistopo.model.protocol.server_defaults import DEFAULTS
from redistopo.model.remedies.of_servers import set_live
from redistopo.model.remedies.remedy import joined
from redistopo.model.state.hints import allow_command_hint, command_prefix
from redistopo.model.state.observed import NodeSeen, Role

_OWN = DIRECTIVES_NOT_COMPARED | SECRET_DIRECTIVES | frozenset(
    {
        "port", "tls-port", "bind", "dir", "pidfile", "logfile", "unixsocket", "dbfilename",
        "appendfilename", "appenddirname", "aclfile", "syslog-ident", "proc-title-template",
        "server-cpulist", "bio-cpulist", "aof-rewrite-cpulist", "bgsave-cpulist", "oom-score-adj",
        "replica-announce-ip", "replica-announce-port", "bind-source-addr", "availability-zone",
    }
)  # fmt: skip
"""Directives that differ between nodes by their nature, or whose values aren't shown."""

_OWN_GROUPS = ("cluster-announce-", "cluster-config-file", "cluster-port", "tls-", "rdma-")

_MOST = 4


def uneven(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that nodes have the same settings, and the defaults where the topology file is silent.

    Rendered directives are those of config.drift; Sentinels have no CONFIG.
    """
    asked = [node for node in subject.seen.answering if node.role is not Role.SENTINEL]
    inspected = [node for node in asked if node.config]
    if refused := [node for node in asked if node.config_refused]:
        names, reply = ", ".join(node.name for node in refused), refused[0].config_refused
        evidence = f"the settings of {names} are unknown: CONFIG GET: {reply}"
        yield unknown(TOPOLOGY, evidence, allow_command_hint(refused[0], "CONFIG", reply))
    if not inspected:
        if not refused:
            yield skip("not inspected")
        return
    rendered = subject.expected.config or {}
    named = {canonical_directive(name) for conf in rendered.values() for name in conf}
    settings = [(node, _settings(node)) for node in inspected]
    usual = _usual(settings)
    found = False
    for node, live in settings:
        odd = dict(_odd(subject, live, usual.get(node.engine, {}), named))
        if odd:
            found = True
            yield _told(node, odd, ours=subject.ours)
    if not found:
        many = f"{len(inspected)} nodes have the same settings"
        yield ok(many if inspected[1:] else "1 node has only settings of the topology file")


def _odd(
    subject: CheckSubject, settings: Mapping[str, str], usual: Mapping[str, str], named: set[str]
) -> Iterable[tuple[str, tuple[str, str]]]:
    """Each directive with another value than it should have, with both: (live, expected)."""
    for name, live in settings.items():
        if name in named:
            continue
        # the default counts more than what most nodes have: all may have been changed
        wanted = DEFAULTS.get(name) if subject.ours and "include" not in named else None
        wanted = usual.get(name, live) if wanted is None else wanted
        if wanted != live and not same_value(name, wanted, live):
            yield name, (live, wanted)


def _usual(nodes: Iterable[tuple[NodeSeen, Mapping[str, str]]]) -> dict[str, dict[str, str]]:
    """Engine -> the value of each directive on most of its nodes; versions differ in defaults."""
    count: defaultdict[str, defaultdict[str, Counter[str]]] = defaultdict(_counters)
    for node, settings in nodes:
        directives = count[node.engine]
        for name, value in settings.items():
            directives[name][value] += 1
    return {
        engine: {name: values.most_common(1)[0][0] for name, values in directives.items()}
        for engine, directives in count.items()
    }


def _counters() -> defaultdict[str, Counter[str]]:
    return defaultdict(Counter)


def _settings(node: NodeSeen) -> dict[str, str]:
    """The settings that nodes should share, by their current names."""
    return {name: value for said, value in (node.config or {}).items() if (name := _shared(said))}


@lru_cache(maxsize=2048)
def _shared(said: str) -> str:
    """The current name of a directive that nodes should share, else "": asked for some hundred
    settings of each node in each snapshot."""
    name = canonical_directive(said)
    return "" if name in _OWN or name.startswith(_OWN_GROUPS) else name


def _told(node: NodeSeen, odd: Mapping[str, tuple[str, str]], *, ours: bool) -> CheckResult:
    name, (live, wanted) = next(iter(odd.items()))
    shown = [f"{one} is {now or 'empty'}, not {was or 'empty'}" for one, (now, was) in odd.items()]
    more = [f"and {len(shown) - _MOST} more"] if len(shown) > _MOST else []
    evidence = "; ".join([*shown[:_MOST], *more])
    undo = set_live(command_prefix(node), name, wanted or '""')
    if not ours:
        return warn(node.name, evidence, joined("the other nodes have another value: ", undo))
    keep = f"redistopo set {name}={live}"
    hint = joined(f"to keep it: {keep}; to undo it: ", undo)
    return warn(node.name, f"{evidence} (set at runtime)", hint)
