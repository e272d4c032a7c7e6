"""Exposure: refuses configurations that other machines could use without a password."""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address

from redistopo.errors import UsageError
from redistopo.model.protocol.conf import SECRET_DIRECTIVES, Directives
from redistopo.model.topology.spec import Topology


def refuse_exposed(name: str, conf: Directives, *, auth: bool = False) -> None:
    """Raise UsageError for a configuration that others can use without a password: on other
    machines, and with `auth`, as the topology file has it, on this one.

    The topology file can't cause that; a user's own template can.
    """
    hosts = " ".join(conf.get("bind", ("*",))).split()
    outside = [host for host in hosts if not _loopback(host.lstrip("-"))]
    user = _open_user(conf)
    if user and (outside or auth):
        raise UsageError(
            f"{name} would accept any client that can reach {', '.join(outside or hosts)}",
            detail=f"its configuration has bind {' '.join(hosts)} and no password for the user "
            f"{user}",
            hint="keep auth = true, or bind 127.0.0.1; your own template (`templates`) sets this",
        )


def _open_user(conf: Directives) -> str:
    """A user that logs in without a password, as a server reads its configuration; "" for none.

    A server creates each user of a `user` line from scratch, also `default`, to which
    requirepass then doesn't apply (acl.c, ACLLoadConfiguredUsers). The users in an aclfile are
    judged by themselves.
    """
    users = {words[0]: words[1:] for line in conf.get("user", ()) if (words := line.split())}
    for name, rules in users.items():
        active = nopass = False
        for rule in rules:
            lower = rule.lower()
            active = lower == "on" or (active and lower not in ("off", "reset"))
            cleared = lower in ("resetpass", "reset") or rule[0] in ">#"
            nopass = lower == "nopass" or (nopass and not cleared)
        if active and nopass:
            return name
    locked = "default" in users or any(
        conf.get(one, ("",))[-1] for one in ("requirepass", "aclfile")
    )
    return "" if locked else "default"


def refuse_redirected(
    name: str, conf: Directives, own: Mapping[str, str], includes: Iterable[str]
) -> None:
    """Raise UsageError for a configuration that sets other values than `own`, of directives with
    which a server would write elsewhere, that includes other files than `includes`, or that
    shows a password.

    The topology file can't cause that; a user's own template can.
    """
    for directive, value in own.items():
        found = conf.get(directive, (value,))[-1]
        if found != value:
            raise _template_refused(name, f"{directive} {found}", f"redistopo sets it to {value}")
    if more := set(conf.get("include", ())) - set(includes):
        raise _template_refused(name, f"include {min(more)}", "the topology file doesn't have it")
    secrets = {conf[one][-1] for one in SECRET_DIRECTIVES - _NAMES if one in conf} - {""}
    for directive, values in conf.items():
        if directive in SECRET_DIRECTIVES or directive in ("user", "sentinel"):
            continue
        if any(secret in value for secret in secrets for value in values):
            raise _template_refused(name, directive, "its value contains the password")


_NAMES = {"masteruser", "primaryuser"}


def _template_refused(name: str, what: str, why: str) -> UsageError:
    return UsageError(
        f"the configuration of {name} has {what}",
        detail=why,
        hint="correct your own template; redistopo templates export shows the original",
    )


def refuse_open_users(text: str, hashes: Mapping[str, str]) -> None:
    """Raise UsageError for a users.acl that isn't safe, or that redistopo can't work with.

    Each line must be a user with hashed passwords only, and redistopo's own users must have
    their passwords.
    """
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) < 2 or words[0] != "user":
            raise _users_refused(f"a line isn't a user: {line!r}")
        found[words[1]] = words[2:]
    for name, rules in found.items():
        if "nopass" in rules:
            raise _users_refused(f"user {name} could log in without a password")
        if any(rule[0] in "><" for rule in rules):
            raise _users_refused(f"user {name} has a clear-text password: use #SHA-256 instead")
    for name, one in hashes.items():
        if f"#{one}" not in found.get(name, ()):
            raise _users_refused(f"user {name} is missing or doesn't have its own password")


def _users_refused(why: str) -> UsageError:
    return UsageError(
        "conf/users.acl.j2 creates invalid users",
        detail=why,
        hint="correct your template; redistopo templates export shows the original",
    )


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def plaintext_warning(topology: Topology) -> str:
    """Return a warning if passwords and data cross a network unencrypted, or ""."""
    machines = topology.hosts.machines if topology.hosts else ()
    outside = [
        one for one in [*(one.address for one in machines)] or [topology.host] if not _loopback(one)
    ]
    if topology.tls or not outside:
        return ""
    return (
        f"{outside[0]} can be reached from other machines, and without TLS, passwords and data "
        "aren't encrypted: set tls = true in the topology file"
    )
