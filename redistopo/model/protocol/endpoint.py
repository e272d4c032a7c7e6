"""An address of a server: where it listens, how that is written, and how it is read back."""

from collections.abc import Collection, Iterable
from typing import NamedTuple, TypeVar

from redistopo.quick_dataclass import dataclass

LAST_PORT = 65535

BUS_OFFSET = 10000
"""The cluster bus listens at the data port plus this (cluster.h, CLUSTER_PORT_INCR)."""


class Endpoint(NamedTuple):
    """A host and a TCP port; equal to the pair, so that it serves where a pair is asked for."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return ``127.0.0.1:7001``, an IPv6 address in brackets: ``[::1]:7001``."""
        return format_address(self.host, self.port)

    @classmethod
    def parse(cls, text: str) -> "Endpoint":
        """Read ``HOST:PORT``; IPv6 also without brackets, as servers print it.

        Raises ValueError where the port is no number.
        """
        host, port = split_address(text)
        return cls(host, int(port))


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressed:
    """A server at an endpoint, which clients connect to."""

    endpoint: Endpoint

    @property
    def host(self) -> str:
        return self.endpoint.host

    @property
    def port(self) -> int:
        return self.endpoint.port

    @property
    def address(self) -> str:
        return str(self.endpoint)


Placed = TypeVar("Placed", bound=Addressed)


def at_address(
    some: Iterable[Placed], wanted: Addressed, ports: Collection[int] = ()
) -> Placed | None:
    """Return the one at that address, or at one of several `ports` of it. A server may know the
    host by another name: then the one with that port, if there is only one."""
    same = [one for one in some if one.port in (ports or (wanted.port,))]
    here = [one for one in same if one.host == wanted.host]
    return next(iter(here or (same if len(same) == 1 else ())), None)


def format_address(host: str, port: int | str) -> str:
    """Return ``host:port``, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def split_address(text: str) -> tuple[str, str]:
    """Return host and port of ``host:port`` as text, without brackets; ("", text) without a colon.

    Servers print IPv6 addresses without brackets.
    """
    host, _, port = text.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), port
