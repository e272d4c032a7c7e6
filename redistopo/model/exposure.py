"""Who could reach a server from outside this machine, and whether anything would stop them."""

from ipaddress import ip_address

from redistopo.errors import WrongRequest
from redistopo.model.topology import Directives, Topology


def refuse_exposed(name: str, conf: Directives) -> None:
    """Raises WrongRequest for a configuration that others can reach without a password.

    The topology file can't ask for that; a template of the user's own can.
    """
    hosts = " ".join(conf.get("bind", ("*",))).split()
    outside = [host for host in hosts if not _loopback(host.lstrip("-"))]
    locked = any(conf.get(name, ("",))[-1] for name in ("requirepass", "aclfile", "user"))
    if outside and not locked:
        raise WrongRequest(
            f"{name} would be open to everybody who can reach {', '.join(outside)}",
            detail=f"its configuration has bind {' '.join(hosts)}, and no password",
            hint="keep auth = true, or bind 127.0.0.1; a template of your own (`templates`) "
            "says this",
        )


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def open_to_listeners(topology: Topology) -> str:
    """A warning where passwords and data go over a network in clear; "" for none."""
    if topology.tls or _loopback(topology.host):
        return ""
    return (
        f"{topology.host} can be reached from other machines, and without TLS passwords and data "
        "go in clear: tls = true in the topology file encrypts them"
    )
