"""Who could reach a server from outside this machine, and whether anything would stop them."""

from collections.abc import Mapping
from ipaddress import ip_address

from redistopo.errors import UsageError
from redistopo.model.protocol.conf import Directives
from redistopo.model.topology.spec import Topology


def refuse_exposed(name: str, conf: Directives) -> None:
    """Raises UsageError for a configuration that others can reach without a password.

    The topology file can't ask for that; a template of the user's own can.
    """
    hosts = " ".join(conf.get("bind", ("*",))).split()
    outside = [host for host in hosts if not _loopback(host.lstrip("-"))]
    locked = any(conf.get(name, ("",))[-1] for name in ("requirepass", "aclfile", "user"))
    if outside and not locked:
        raise UsageError(
            f"{name} would be open to everybody who can reach {', '.join(outside)}",
            detail=f"its configuration has bind {' '.join(hosts)}, and no password",
            hint="keep auth = true, or bind 127.0.0.1; a template of your own (`templates`) "
            "says this",
        )


def refuse_open_users(text: str, hashes: Mapping[str, str]) -> None:
    """Raises UsageError for a users.acl that isn't safe, or that we couldn't work with:
    each line a user with hashed passwords alone, and our own users with ours."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) < 2 or words[0] != "user":
            raise _users_refused(f"a line is no user: {line!r}")
        found[words[1]] = words[2:]
    for name, rules in found.items():
        if "nopass" in rules:
            raise _users_refused(f"user {name} would come in without a password")
        if any(rule[0] in "><" for rule in rules):
            raise _users_refused(f"user {name} has a password in clear: write #SHA-256 instead")
    for name, one in hashes.items():
        if f"#{one}" not in found.get(name, ()):
            raise _users_refused(f"user {name} is missing, or doesn't have its own password")


def _users_refused(why: str) -> UsageError:
    return UsageError(
        "conf/users.acl.j2 makes users that can't be",
        detail=why,
        hint="mend your template: redistopo templates export shows ours",
    )


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def plaintext_warning(topology: Topology) -> str:
    """A warning where passwords and data go over a network in clear; "" for none."""
    if topology.tls or _loopback(topology.host):
        return ""
    return (
        f"{topology.host} can be reached from other machines, and without TLS passwords and data "
        "go in clear: tls = true in the topology file encrypts them"
    )
