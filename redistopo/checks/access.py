"""Checks on who gets in: passwords, addresses, TLS, certificates, and what each user may do."""

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address

from redistopo.checks.subject import (
    TOPOLOGY,
    CheckResult,
    CheckSubject,
    fail,
    per_node,
    skip,
    warn,
)
from redistopo.model.protocol.conf import without_hashes
from redistopo.model.protocol.credentials import Certificate, TopologyUser, granted
from redistopo.model.state.hints import redis_cli_command
from redistopo.model.state.observed import NodeSeen

_SOON_DAYS = 30
_DAY = 86400.0


def password(subject: CheckSubject) -> Iterator[CheckResult]:
    """A client without password is refused."""
    asked = [node for node in subject.seen.nodes if node.anonymous is not None]
    if subject.expected.auth is False:
        yield skip("auth = false in the topology file: no password is asked for")
        return
    if not asked:
        yield skip("not looked at")
        return

    def judge(node: NodeSeen) -> CheckResult | None:
        if (name := _without_password(node)) and subject.ours:
            evidence = f"user {name} comes in without a password"
            return fail(node.name, evidence, _set_back(node, name))
        if str(node.anonymous).startswith(("NOAUTH", "DENIED")) or "required" in str(
            node.anonymous
        ):
            return None
        evidence = f"a client without password got {node.anonymous!r}"
        if subject.expected.auth:
            return fail(node.name, evidence, "its requirepass was removed: restart it")
        return warn(node.name, evidence, "set requirepass, and masterauth with it")

    well = "a client without password"
    yield from per_node(asked, judge, f"refuse {well}", f"refuses {well}")


def _set_back(node: NodeSeen, user: str) -> str:
    """The default user can't be removed (acl.c, aclCommand), only come back as configured."""
    removed = "" if user == "default" else f"{redis_cli_command(node)} ACL DELUSER {user}, or "
    return f"{removed}redistopo down, then up"


def _without_password(node: NodeSeen) -> str:
    """A user who needs none; "" for nobody (ACL LIST: flags `on` and `nopass`)."""
    for line in node.users:
        words = line.split()
        if "on" in words[2:] and "nopass" in words[2:]:
            return words[1]
    return ""


def bound(subject: CheckSubject) -> Iterator[CheckResult]:
    """Each node listens on its planned address and on no other, by the system's own table."""
    asked = [node for node in subject.seen.answering if node.listening is not None]
    host = subject.expected.host
    if host is None or not asked:
        yield from _bound_by_word(subject)
        return

    def judge(node: NodeSeen) -> CheckResult | None:
        listening = node.listening or ()
        if set(listening) == {host}:
            return None
        return fail(
            node.name,
            f"port {node.port} is listened on at {', '.join(listening) or 'no address'}",
            f"planned is {host} alone: redistopo down, then up",
        )

    yield from per_node(asked, judge, f"listen on {host} alone", f"listens on {host} alone")


def _bound_by_word(subject: CheckSubject) -> Iterator[CheckResult]:
    """For servers elsewhere: what CONFIG GET bind says."""
    told = [node for node in subject.seen.answering if node.config and "bind" in node.config]
    if not subject.seen.answering:
        yield skip("no node answers")
        return
    if not told:
        yield skip("the servers don't tell their bind addresses (CONFIG is refused)")
        return

    def judge(node: NodeSeen) -> CheckResult | None:
        said = (node.config or {})["bind"]
        words = [word.lstrip("-") for word in said.split()]
        if words and not any(word == "*" or _everywhere(word) for word in words):
            return None
        return warn(node.name, f"binds {said or 'every address'}", "bind named addresses only")

    well = "named addresses only"
    yield from per_node(told, judge, f"bind {well}", f"binds {well}")


def _everywhere(word: str) -> bool:
    try:
        return ip_address(word).is_unspecified
    except ValueError:
        return False


def tls(subject: CheckSubject) -> Iterator[CheckResult]:
    """A client without TLS, and one with a certificate of another CA, are refused."""
    asked = _locked(subject)
    wanted = subject.expected.tls
    if asked is None or (wanted is not None and wanted is not bool(asked)):
        yield from _otherwise(subject, "tls", asked=bool(wanted), runs=bool(asked))
        return

    def judge(node: NodeSeen) -> CheckResult | None:
        locks = node.locks
        if locks is None:
            return None
        if locks.plain:
            hint = "its plain port is open: redistopo down, then up"
            return fail(node.name, f"a client without TLS got {locks.plain!r}", hint)
        if locks.stranger:
            evidence = f"a client with a certificate of another CA got {locks.stranger!r}"
            if (node.config or {}).get("tls-auth-clients") == "no":
                return warn(node.name, evidence, "tls-auth-clients = no lets everybody try")
            return fail(
                node.name, evidence, "tls-ca-cert-file was changed: redistopo down, then up"
            )
        return None

    well = "plain connections and certificates of another CA"
    yield from per_node(asked, judge, f"refuse {well}", f"refuses {well}")


def certificates(subject: CheckSubject) -> Iterator[CheckResult]:
    """Each node presents a certificate of our CA, for its address, that is valid for a while."""
    asked = _locked(subject)
    if not asked:
        return

    def judge(node: NodeSeen) -> CheckResult | None:
        seen = node.locks.certificate if node.locks else None
        if seen is None:
            return fail(node.name, "presents no certificate of our CA", "redistopo certs renew")
        if subject.expected.host and subject.expected.host not in seen.names:
            evidence = f"its certificate is for {', '.join(seen.names)}, not for {node.host}"
            return fail(node.name, evidence, "redistopo certs renew")
        return None

    shown = {node.name: node.locks.certificate for node in asked if node.locks}
    held = {name: one for name, one in shown.items() if one is not None}
    soon = list(_soon(held))
    ends = min((one.expires for one in held.values()), default="?")
    yield from soon
    if not soon or any(judge(node) for node in asked):
        well = f"of our CA, valid until {ends}"
        yield from per_node(
            asked, judge, f"present certificates {well}", f"presents a certificate {well}"
        )


def _soon(held: Mapping[str, Certificate]) -> Iterator[CheckResult]:
    """One answer for all that expire soon: they were signed, and are renewed, together."""
    ending = {name: one for name, one in held.items() if one.left < _SOON_DAYS * _DAY}
    if not ending:
        return
    first = min(ending.values(), key=lambda one: one.left)
    alone = len(ending) == 1
    what = "its certificate expires" if alone else f"{len(ending)} certificates expire"
    yield warn(
        next(iter(ending)) if alone else TOPOLOGY,
        f"{what} on {first.expires}, in {first.lasts}",
        "redistopo certs renew, without any downtime",
    )


def _otherwise(
    subject: CheckSubject, key: str, *, asked: bool, runs: bool
) -> Iterator[CheckResult]:
    """The file asks for locks that the servers don't have, or the other way round."""
    looked = any(node.config is not None for node in subject.seen.answering)
    if subject.ours and asked is not runs and looked:
        evidence = f"{key} is {str(asked).lower()} in the topology file, but servers run "
        evidence += f"{'with' if runs else 'without'} it"
        yield fail("topology", evidence, "redistopo down, then up; data is kept")


def _locked(subject: CheckSubject) -> list[NodeSeen] | None:
    """The nodes whose TLS was tried; None where there is none, nor should be."""
    tried = [node for node in subject.seen.answering if node.locks and node.locks.plain is not None]
    return tried if subject.expected.tls or tried else None


def users(subject: CheckSubject) -> Iterator[CheckResult]:
    """Each user can do what it must, and not what it must not."""
    rights = subject.expected.rights
    asked = [node for node in subject.seen.answering if node.locks and node.locks.users]
    if rights is None or not asked:
        yield from _otherwise(subject, "acl", asked=rights is not None, runs=bool(asked))
        return

    def judge(node: NodeSeen) -> CheckResult | None:
        wrong = amiss(node, rights, subject.expected.users.get(node.name, ()))
        if not wrong:
            return None
        return fail(node.name, "; ".join(wrong), "redistopo up sets users back to users.acl")

    count = len(
        {user for node in asked for user in (node.locks.users if node.locks else None) or ()}
    )
    yield from per_node(asked, judge, f"{count} users can do what they must, and no more")


def amiss(node: NodeSeen, rights: str, told: Iterable[str]) -> list[str]:
    """What users could do that they must not, or couldn't that they must; empty when all is well.

    `rights` are the application's, as ACL rules; `told` is ACL LIST as it was when the
    users were set, without passwords, and empty where that isn't known.
    """
    tried = (node.locks.users if node.locks else None) or {}
    found = _changed(node, tuple(told))
    for user, answers in tried.items():
        for command, answer in answers.items():
            may = _may(user, command, rights)
            if may and answer != "ok":
                found.append(f"{user} can't {command}: {answer}")
            elif not may and "permission" not in answer:
                told = "may" if answer == "ok" else "was told about"
                found.append(f"{user} {told} {command}" + ("" if answer == "ok" else f": {answer}"))
    return found


def _changed(node: NodeSeen, told: tuple[str, ...]) -> list[str]:
    """Users that were added, removed, or given other rights since they were set."""
    before = {line.split()[1]: line for line in told}
    now = {line.split()[1]: line for line in without_hashes(node.users)}
    if not before or not now:
        return []
    other = [name for name in before if now.get(name, before[name]) != before[name]]
    return [
        *(f"user {name} was added" for name in now if name not in before),
        *(f"user {name} is gone" for name in before if name not in now),
        *(f"user {name} has other rights" for name in other),
    ]


_NAMES = {
    "GET redistopo:verify:trial": ("@all", "@read", "@string", "@fast", "get"),
    "CONFIG GET": ("@all", "@admin", "@dangerous", "@slow", "config", "config|get"),
    "ACL LIST": ("@all", "@admin", "@dangerous", "@slow", "acl", "acl|list"),
}
"""Names and categories of the commands tried (redis.io, each command's ACL categories)."""


def _may(user: str, command: str, rights: str) -> bool:
    if user == TopologyUser.ADMIN:
        return True
    if user == TopologyUser.REPLICATION:
        return command.split(maxsplit=1)[0] in ("PING", "REPLCONF")
    if user == TopologyUser.SENTINEL:
        return command in ("PING", "ROLE")
    return command not in _NAMES or granted(rights, *_NAMES[command])
