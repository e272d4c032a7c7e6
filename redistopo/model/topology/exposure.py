"""Exposure: refuses configurations that other machines could use without a password."""

from collections.abc import Mapping
from ipaddress import ip_address

from redistopo.errors import UsageError
from redistopo.model.protocol.conf import Directives
from redistopo.model.topology.spec import Topology


def refuse_exposed(name: str, conf: Directives) -> None:
    """Raise UsageError for a configuration that other machines can use without a password.

    The topology file can't cause that; a user's own template can.
    """
    hosts = " ".join(conf.get("bind", ("*",))).split()
    outside = [host for host in hosts if not _loopback(host.lstrip("-"))]
    locked = any(conf.get(name, ("",))[-1] for name in ("requirepass", "aclfile", "user"))
    if outside and not locked:
        raise UsageError(
            f"{name} would accept any client that can reach {', '.join(outside)}",
            detail=f"its configuration has bind {' '.join(hosts)} and no password",
            hint="keep auth = true, or bind 127.0.0.1; your own template (`templates`) sets this",
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
    if topology.tls or _loopback(topology.host):
        return ""
    return (
        f"{topology.host} can be reached from other machines, and without TLS, passwords and data "
        "aren't encrypted: set tls = true in the topology file"
    )
