"""Checks on each node by itself: alive and ours, configured as rendered."""

from collections.abc import Iterator

from redistopo.checks.subject import (
    CheckResult,
    CheckSubject,
    fail,
    ok,
    per_node,
    skip,
    warn,
)
from redistopo.model.protocol.conf import SECRET_DIRECTIVES, conf_drift
from redistopo.model.protocol.credentials import (
    CERTIFICATE_REFUSED_HINT,
    CREDENTIALS_CHANGED_HINT,
    TLS_REQUIRED_HINT,
)
from redistopo.model.state.hints import TOO_MANY_CLIENTS_HINT, continue_command
from redistopo.model.state.observed import NodeSeen, ProcessState, Role


def alive(subject: CheckSubject) -> Iterator[CheckResult]:
    """Each node's process runs, answers, has loaded its data, and is the one we started."""

    def judge(node: NodeSeen) -> CheckResult | None:
        if node.process is ProcessState.ABSENT:
            return fail(node.name, f"{node.address}: {node.error}", subject.start)
        if not node.answers:
            seen = f"pid {node.pid} runs, but " if node.pid else ""
            hint = f"a stopped process answers after `{continue_command(node)}`; else see its log"
            if "password" in node.error:
                hint = CREDENTIALS_CHANGED_HINT
            if "max number of clients" in node.error:
                hint = TOO_MANY_CLIENTS_HINT
            if "certificate" in node.error:
                hint = CERTIFICATE_REFUSED_HINT if subject.ours else TLS_REQUIRED_HINT
            return fail(node.name, f"{seen}{node.error}", hint, settles=True)
        # a Sentinel holds no data, and doesn't speak of loading any
        if node.info.get("loading") != "0" and node.role is not Role.SENTINEL:
            hint = "give it time: --timeout 60s"
            return fail(node.name, "is still loading its data", hint, settles=True)
        return _stranger(subject, node)

    well = "alive, answering and ours" if subject.ours else "alive and answering"
    yield from per_node(subject.seen.nodes, judge, well)


def _stranger(subject: CheckSubject, node: NodeSeen) -> CheckResult | None:
    if node.process is not ProcessState.RUNNING:
        return None
    said = int(node.info.get("process_id", 0))
    if said != node.pid:
        return fail(
            node.name,
            f"{node.address} is answered by pid {said}, but we started pid {node.pid}",
            "another server took this port: stop it, then redistopo up",
        )
    configs = subject.expected.configs or {}
    path = node.info.get("config_file", "")
    if node.moved_from:
        evidence = f"started when this folder was {node.moved_from}, its log still goes there"
        return warn(node.name, evidence, "when convenient: redistopo down, then up")
    if node.name in configs and path != configs[node.name]:
        return fail(node.name, f"it runs on {path}, not on {configs[node.name]}", subject.start)
    return None


_SET_BACK = "redistopo up sets it back; where only a restart can: redistopo restart --rolling"


def drifted(subject: CheckSubject) -> Iterator[CheckResult]:
    """The live configuration is the rendered one; secrets are compared, never shown."""
    rendered = subject.expected.config
    if rendered is None:
        return
    asked = [node for node in subject.seen.answering if node.config is not None]
    if not asked:
        yield skip("not looked at")
        return
    count = 0
    answers = []
    for node in asked:
        wanted = rendered.get(node.name, {})
        count += len(wanted)
        found = conf_drift(wanted, node.config or {})
        if found:
            evidence = "; ".join(_shown(name, *pair) for name, pair in found.items())
            answers.append(fail(node.name, evidence, _SET_BACK))
    where = "1 node" if len(asked) == 1 else f"{len(asked)} nodes"
    yield from answers or [ok(f"{count} directives on {where} are as rendered")]


def _shown(name: str, wanted: str, live: str) -> str:
    if name in SECRET_DIRECTIVES:
        return f"{name} differs"
    return f"{name} is {live or 'empty'}, rendered is {wanted or 'empty'}"
