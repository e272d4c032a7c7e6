"""Checks of each node by itself: it runs, replies, and has the rendered configuration."""

from collections.abc import Iterable, Iterator

from redistopo.checks.check_types import (
    CheckResult,
    CheckSubject,
    fail,
    ok,
    per_node,
    skip,
    unknown,
    warn,
)
from redistopo.model.protocol.conf import IMMUTABLE, SECRET_DIRECTIVES, conf_drift
from redistopo.model.protocol.credentials import (
    CERTIFICATE_REFUSED_HINT,
    CREDENTIALS_DIFFER_HINT,
    TLS_REQUIRED_HINT,
    credentials_changed_hint,
)
from redistopo.model.state.hints import (
    LOST_HOST_HINT,
    TOO_MANY_CLIENTS_HINT,
    allow_command_hint,
    allow_query_hint,
    continue_command,
    start_lost_command,
)
from redistopo.model.state.observed import NodeSeen, ProcessState, Role
from redistopo.model.topology.spec import Shape


def alive(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that each node's process runs, replies, has loaded its data, and was started by us."""

    def judge(node: NodeSeen) -> CheckResult | None:
        if node.process is ProcessState.ABSENT:
            gone = ", and its folder is gone" if node.folder_lost else ""
            hint = start_lost_command(node, clustered=subject.seen.shape is Shape.CLUSTER)
            return fail(node.name, f"{node.address}: {node.error}{gone}", hint)
        if not node.answers:
            seen = f"pid {node.pid} runs, but " if node.pid else ""
            hint = f"if the process is paused: {continue_command(node)}; otherwise see its log"
            if node.host_error:
                hint = LOST_HOST_HINT
            if "password" in node.error:
                hint = credentials_changed_hint() if subject.ours else CREDENTIALS_DIFFER_HINT
            if "max number of clients" in node.error:
                hint = TOO_MANY_CLIENTS_HINT
            if "certificate" in node.error:
                hint = CERTIFICATE_REFUSED_HINT if subject.ours else TLS_REQUIRED_HINT
            if allow := allow_query_hint(node):
                return fail(node.name, f"{seen}refuses a query: {node.error}", allow, settles=False)
            return fail(node.name, f"{seen}{node.error}", hint, settles=True)
        # a Sentinel holds no data, and doesn't report loading
        if node.info.get("loading") != "0" and node.role is not Role.SENTINEL:
            hint = "wait longer: --timeout 60s"
            return fail(node.name, "is still loading its data", hint, settles=True)
        return _wrong_process(subject, node)

    healthy = "running and replying, started by us" if subject.ours else "running and replying"
    yield from per_node(subject.seen.nodes, judge, healthy)


def _wrong_process(subject: CheckSubject, node: NodeSeen) -> CheckResult | None:
    if node.process is not ProcessState.RUNNING:
        return None
    pid = int(node.info.get("process_id", 0))
    if pid != node.pid:
        return fail(
            node.name,
            f"pid {pid} replies at {node.address}, but we started pid {node.pid}",
            "another server uses this port: stop it, then redistopo up",
        )
    configs = subject.expected.configs or {}
    path = node.info.get("config_file", "")
    if node.moved_from:
        evidence = f"started when this folder was {node.moved_from}; it still logs there"
        return warn(node.name, evidence, "when convenient: redistopo down, then up")
    if node.name in configs and path != configs[node.name]:
        return fail(node.name, f"runs with {path}, not with {configs[node.name]}", subject.start)
    return None


def _restore(names: Iterable[str], *, ours: bool) -> str:
    """What makes these directives as in the topology file."""
    late = sorted(IMMUTABLE.intersection(names))
    if not late:
        return "redistopo up restores it"
    how = "redistopo restart --rolling" if ours else "restart it with that setting"
    return f"{how} ({', '.join(late)}: read at a start only)"


def drifted(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that the live configuration is the rendered one; secrets are compared, never shown."""
    rendered = subject.expected.config
    if rendered is None:
        return
    asked = [node for node in subject.seen.answering if node.config is not None]
    unread = [node for node in subject.seen.answering if node.config_refused]
    if not asked and not unread:
        yield skip("not inspected")
        return
    count = 0
    results = []
    for node in asked:
        wanted = rendered.get(node.name, {})
        count += len(wanted)
        found = conf_drift(wanted, node.config or {})
        if found:
            evidence = "; ".join(_shown(name, *pair) for name, pair in found.items())
            results.append(fail(node.name, evidence, _restore(found, ours=subject.ours)))
    where = "1 node" if len(asked) == 1 else f"{len(asked)} nodes"
    if asked and not results:
        results = [ok(f"{count} directives on {where} match the rendered configuration")]
    yield from (*results, *map(_unread, unread))


def _unread(node: NodeSeen) -> CheckResult:
    reply = node.config_refused
    evidence = f"its configuration can't be read: CONFIG GET: {reply}"
    return unknown(node.name, evidence, allow_command_hint(node, "CONFIG", reply))


def _shown(name: str, wanted: str, live: str) -> str:
    if name in SECRET_DIRECTIVES:
        return f"{name} differs"
    return f"{name} is {live or 'empty'}, rendered: {wanted or 'empty'}"
