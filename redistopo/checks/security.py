"""Checks of access control: passwords, bind addresses, TLS, certificates and ACL users."""

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address

from redistopo.checks.check_types import (
    TOPOLOGY,
    CheckResult,
    CheckSubject,
    fail,
    per_node,
    skip,
    unknown,
    warn,
)
from redistopo.checks.unix_socket_faults import unix_socket_fault
from redistopo.model.protocol.conf import without_hashes
from redistopo.model.protocol.credentials import Certificate, TopologyUser, granted
from redistopo.model.protocol.replies import NO_REPLY, settles_nothing
from redistopo.model.remedies.of_servers import delete_user
from redistopo.model.remedies.remedy import joined
from redistopo.model.state.hints import allow_command_hint, command_prefix, started_by_us
from redistopo.model.state.observed import NodeSeen

_SOON_DAYS = 30
_DAY = 86400.0


def password(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that a client without a password is refused."""
    asked = [node for node in subject.seen.nodes if node.anonymous is not None]
    if subject.expected.auth is False:
        yield skip("auth = false in the topology file: no password is required")
        return
    if not asked:
        yield skip("not inspected")
        return

    def judge(node: NodeSeen) -> CheckResult | None:
        if (name := _without_password(node)) and subject.ours:
            evidence = f"user {name} can log in without a password"
            return fail(node.name, evidence, _remove_user(node, name))
        if settles_nothing(str(node.anonymous)):
            evidence = "whether it refuses a client without a password is unknown: "
            return unknown(node.name, f"{evidence}PING: {node.anonymous}", _TRY_AGAIN)
        if str(node.anonymous).startswith(("NOAUTH", "DENIED")) or "required" in str(
            node.anonymous
        ):
            return _users_unread(node) if subject.ours else None
        evidence = f"a client without a password got {node.anonymous!r}"
        if subject.expected.auth:
            return fail(node.name, evidence, f"requirepass was removed: {_restart(node)}")
        return warn(node.name, evidence, _password_hint(subject, node))

    client = "a client without a password"
    yield from per_node(asked, judge, f"refuse {client}", f"refuses {client}")


def _restart(node: NodeSeen) -> str:
    return f"redistopo restart {node.name}" if started_by_us(node) else "restart the node"


_TRY_AGAIN = "run the command again; if it stays so, see node.alive and the node's log"


def _users_unread(node: NodeSeen) -> CheckResult | None:
    """Report that nobody knows which users there are, as ACL LIST was refused."""
    if not (refused := node.refused.get("ACL LIST", "")):
        return None
    evidence = f"its users are unknown: ACL LIST: {refused}"
    return unknown(node.name, evidence, allow_command_hint(node, "ACL", refused))


def _password_hint(subject: CheckSubject, node: NodeSeen) -> str:
    """How to require a password; Sentinels replicate nothing, and read theirs at a start only."""
    if node.is_sentinel:
        return (
            "set the same requirepass, and `sentinel sentinel-pass`, in the sentinel.conf of every "
            "Sentinel, and restart them"
        )
    alone = len(subject.seen.nodes) == 1
    return "set requirepass" if alone else "set requirepass and masterauth"


def _remove_user(node: NodeSeen, user: str) -> str:
    """The default user can't be removed (acl.c, aclCommand), only restored by a restart."""
    removed = "" if user == "default" else delete_user(command_prefix(node), user)
    return joined(removed, "redistopo down, then up", by=", or ")


def _without_password(node: NodeSeen) -> str:
    """The first user that needs no password, or "" (ACL LIST: flags `on` and `nopass`)."""
    for line in node.users:
        words = line.split()
        if "on" in words[2:] and "nopass" in words[2:]:
            return words[1]
    return ""


def bound(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that each node listens only on its planned address, according to the kernel."""
    asked = [node for node in subject.seen.answering if node.listening is not None]
    if not subject.ours or not asked:
        yield from _bound_by_config(subject)
        return

    def judge(node: NodeSeen) -> CheckResult | None:
        listening, host = node.listening or (), subject.expected.bound(node)
        if set(listening) == {host}:
            fault, way = unix_socket_fault(node)
            return fail(node.name, fault, way) if fault else None
        return fail(
            node.name,
            f"listens on port {node.port} at {', '.join(listening) or 'no address'}",
            f"the plan has only {host}: redistopo down, then up",
        )

    where = "the address of its host" if subject.expected.hosts else subject.expected.host
    yield from per_node(asked, judge, f"listen only on {where}", f"listens only on {where}")


def _bound_by_config(subject: CheckSubject) -> Iterator[CheckResult]:
    """The same for servers on other machines, by CONFIG GET bind."""
    known = [node for node in subject.seen.answering if node.config and "bind" in node.config]
    if not subject.seen.answering:
        yield skip("no node replies")
        return
    for node in subject.seen.answering:
        if node.config_refused:
            evidence = f"its bind addresses are unknown: CONFIG GET: {node.config_refused}"
            hint = allow_command_hint(node, "CONFIG", node.config_refused)
            yield unknown(node.name, evidence, hint)
    if not known:
        if not any(node.config_refused for node in subject.seen.answering):
            yield skip("not inspected")
        return

    def judge(node: NodeSeen) -> CheckResult | None:
        bind = (node.config or {})["bind"]
        addresses = [word.lstrip("-") for word in bind.split()]
        if addresses and not any(one == "*" or _is_wildcard(one) for one in addresses):
            return None
        return warn(node.name, f"binds {bind or 'all addresses'}", "bind specific addresses only")

    addresses = "specific addresses only"
    yield from per_node(known, judge, f"bind {addresses}", f"binds {addresses}")


def _is_wildcard(address: str) -> bool:
    try:
        return ip_address(address).is_unspecified
    except ValueError:
        return False


def tls(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that clients without TLS, or with a certificate of another CA, are refused."""
    asked = _tls_tried(subject)
    wanted = subject.expected.tls
    if asked is None or (wanted is not None and wanted is not bool(asked)):
        yield from _differs_from_file(subject, "tls", asked=bool(wanted), runs=bool(asked))
        return

    def judge(node: NodeSeen) -> CheckResult | None:
        locks = node.access_probe
        if locks is None:
            return None
        for reply in (locks.plain or "", locks.stranger or ""):
            if reply.startswith(NO_REPLY):
                evidence = f"whether it refuses other clients is unknown: {reply}"
                return unknown(node.name, evidence, _TRY_AGAIN)
        if locks.plain:
            hint = "its plain-text port is open: "
            hint += "redistopo down, then up" if subject.ours else "set port 0 and tls-port"
            return fail(node.name, f"a client without TLS got {locks.plain!r}", hint)
        if locks.stranger:
            evidence = f"a client with a certificate of another CA got {locks.stranger!r}"
            if (node.config or {}).get("tls-auth-clients") == "no":
                return warn(node.name, evidence, "tls-auth-clients = no accepts any client")
            return fail(
                node.name, evidence, "tls-ca-cert-file was changed: redistopo down, then up"
            )
        return None

    refused = "plain connections and certificates of another CA"
    yield from per_node(asked, judge, f"refuse {refused}", f"refuses {refused}")


def certificates(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that each node presents a valid certificate of our CA for its address."""
    asked = _tls_tried(subject)
    if not asked:
        return

    renew = "redistopo certs renew" if subject.ours else "give it another certificate"

    def judge(node: NodeSeen) -> CheckResult | None:
        seen = node.access_probe.certificate if node.access_probe else None
        if seen is None and node.access_probe and _unread(node.access_probe.plain or ""):
            evidence = f"its certificate is unknown: {node.access_probe.plain}"
            return unknown(node.name, evidence, _TRY_AGAIN)
        if seen is None:
            return fail(node.name, "presents no certificate of our CA", renew)
        expected = subject.expected
        wanted = node.host if expected.hosts else expected.address or expected.host
        if wanted and wanted not in seen.names:
            evidence = f"its certificate is for {', '.join(seen.names)}, not for {node.host}"
            return fail(node.name, evidence, renew)
        return None

    shown = {node.name: node.access_probe.certificate for node in asked if node.access_probe}
    held = {name: one for name, one in shown.items() if one is not None}
    soon = list(_soon(held, ours=subject.ours))
    ends = min((one.expires for one in held.values()), default="?")
    yield from soon
    if not soon or any(judge(node) for node in asked):
        valid = f"of our CA, valid until {ends}"
        yield from per_node(
            asked, judge, f"present certificates {valid}", f"presents a certificate {valid}"
        )


def _soon(held: Mapping[str, Certificate], *, ours: bool) -> Iterator[CheckResult]:
    """One result for all certificates that expire soon: they are signed and renewed together."""
    ending = {name: one for name, one in held.items() if one.left < _SOON_DAYS * _DAY}
    if not ending:
        return
    first = min(ending.values(), key=lambda one: one.left)
    alone = len(ending) == 1
    what = "its certificate expires" if alone else f"{len(ending)} certificates expire"
    yield warn(
        next(iter(ending)) if alone else TOPOLOGY,
        f"{what} on {first.expires}, in {first.lasts}",
        "redistopo certs renew, without downtime" if ours else "renew them in time",
    )


def _differs_from_file(
    subject: CheckSubject, key: str, *, asked: bool, runs: bool
) -> Iterator[CheckResult]:
    """Report access control that the file sets and the servers lack, or the reverse."""
    inspected = any(node.config is not None for node in subject.seen.answering)
    if subject.ours and asked is not runs and inspected:
        evidence = f"{key} is {str(asked).lower()} in the topology file, but the servers run "
        evidence += f"{'with' if runs else 'without'} it"
        yield fail("topology", evidence, "redistopo down, then up; data is kept")


def _tls_tried(subject: CheckSubject) -> list[NodeSeen] | None:
    """The nodes whose TLS was tested; None if there is none and none is expected."""
    tried = [
        node
        for node in subject.seen.answering
        if node.access_probe and node.access_probe.plain is not None
    ]
    return tried if subject.expected.tls or tried else None


def users(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that each user has exactly the permissions it needs."""
    rights = subject.expected.rights
    asked = [
        node for node in subject.seen.answering if node.access_probe and node.access_probe.users
    ]
    if rights is None or not asked:
        yield from _differs_from_file(subject, "acl", asked=rights is not None, runs=bool(asked))
        return

    def judge(node: NodeSeen) -> CheckResult | None:
        wrong = acl_faults(node, rights, subject.expected.users.get(node.name, ()))
        if not wrong:
            return _trials_unread(node) or _users_unread(node)
        return fail(node.name, "; ".join(wrong), "redistopo up restores the users of users.acl")

    count = len(
        {
            user
            for node in asked
            for user in (node.access_probe.users if node.access_probe else None) or ()
        }
    )
    yield from per_node(asked, judge, f"{count} users have the permissions they need, no others")


def _trials_unread(node: NodeSeen) -> CheckResult | None:
    """Report the users whose test login got no reply."""
    tried = (node.access_probe.users if node.access_probe else None) or {}
    mute = [user for user, told in tried.items() if any(map(_unread, told.values()))]
    if not mute:
        return None
    evidence = f"the permissions of {', '.join(mute)} are unknown: their test login got no reply"
    return unknown(node.name, evidence, _TRY_AGAIN)


def _unread(reply: str) -> bool:
    return reply.startswith(NO_REPLY)


def acl_faults(node: NodeSeen, rights: str, recorded: Iterable[str]) -> list[str]:
    """List the commands that users can run but must not, or must run but can't.

    `rights` are the application's ACL rules; `recorded` is ACL LIST at the time the users
    were set, without passwords, and empty if unknown.
    """
    tried = (node.access_probe.users if node.access_probe else None) or {}
    found = _changed(node, tuple(recorded))
    for user, replies in tried.items():
        for command, reply in replies.items():
            if _unread(reply):
                continue
            allowed = _allowed(user, command, rights)
            if allowed and reply != "ok":
                found.append(f"{user} can't run {command}: {reply}")
            elif not allowed and "permission" not in reply:
                found.append(f"{user} can run {command}" + ("" if reply == "ok" else f": {reply}"))
    return found


def _changed(node: NodeSeen, recorded: tuple[str, ...]) -> list[str]:
    """Users that were added, removed, or given other permissions since they were set."""
    before = {line.split()[1]: line for line in recorded}
    now = {line.split()[1]: line for line in without_hashes(node.users)}
    if not before or not now:
        return []
    other = [name for name in before if now.get(name, before[name]) != before[name]]
    return [
        *(f"user {name} was added" for name in now if name not in before),
        *(f"user {name} was removed" for name in before if name not in now),
        *(f"the permissions of user {name} were changed" for name in other),
    ]


_NAMES = {
    "GET redistopo:verify:trial": ("@all", "@read", "@string", "@fast", "get"),
    "CONFIG GET": ("@all", "@admin", "@dangerous", "@slow", "config", "config|get"),
    "ACL LIST": ("@all", "@admin", "@dangerous", "@slow", "acl", "acl|list"),
}
"""Names and ACL categories of the commands that are tested (redis.io, page of each command)."""


def _allowed(user: str, command: str, rights: str) -> bool:
    if user == TopologyUser.ADMIN:
        return True
    if user == TopologyUser.REPLICATION:
        return command.split(maxsplit=1)[0] in ("PING", "REPLCONF")
    if user == TopologyUser.SENTINEL:
        return command in ("PING", "ROLE")
    return command not in _NAMES or granted(rights, *_NAMES[command])
