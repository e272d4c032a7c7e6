"""The hosts that a login may be used for: a foreign server must not choose who gets a password."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address

from redistopo.errors import OtherHosts
from redistopo.host.ports import has_address
from redistopo.host.tcp import numeric
from redistopo.model.protocol.credentials import Login
from redistopo.model.protocol.endpoint import Endpoint

OTHER_HOST = "is another host than the one given"

_MOST_NAMED = 8


def may_reach(access: Login, host: str) -> bool:
    """Return whether the login may be used at a host: one of its own, or, if one of them is this
    machine, any address of this machine."""
    if access.hosts is None or host in access.hosts:
        return True
    address = numeric(Endpoint(host, 0)).host
    return address in access.hosts or (is_here(address) and any(map(is_here, access.hosts)))


@lru_cache(maxsize=4096)
def is_here(address: str) -> bool:
    """Return whether an address, not a name, is one of this machine."""
    try:
        return ip_address(address.partition("%")[0]).is_loopback or has_address(address)
    except ValueError:
        return False


def with_host(access: Login, host: str) -> frozenset[str] | None:
    """Return the hosts of a login with another one; None if it has no limit."""
    return None if access.hosts is None else access.hosts | {numeric(Endpoint(host, 0)).host}


def refuse_other_hosts(entry: Endpoint, access: Login, named: Iterable[Endpoint]) -> None:
    """Raise OtherHosts if a server names nodes at hosts that the login may not be used for."""
    hosts = dict.fromkeys(one.host for one in named)
    others = tuple(host for host in hosts if not may_reach(access, host))
    if not others:
        return
    listed = ", ".join(others[:_MOST_NAMED])
    more = f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
    raise OtherHosts(
        f"{entry} names nodes on other hosts: {listed}{more}",
        detail="redistopo connects, with the same password, only to the host that was given",
        hint="if these hosts are yours: the same command with --follow",
        hosts=others,
    )
