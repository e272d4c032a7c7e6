"""The hosts' network: a bridge in this process's network namespace, and a cable to each host."""

import os
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from support.waiting import until

from .host import Host

CONTROLLER = "controller"
"""This process's side, as an end of `Network.cut`."""
_NOWHERE = "02:00:00:00:00:ff"
_numbers = count()


@dataclass
class Network:
    """Private addresses: where tests share the machine's network, by this process's pid."""

    bits: int = 24
    number: int = field(default_factory=lambda: next(_numbers))
    hosts: dict[str, Host] = field(default_factory=dict)

    def __post_init__(self) -> None:
        pid = os.getpid()
        self.bridge = f"lab{pid % 10**7}n{self.number % 100}"
        self._prefix = f"10.{100 + pid % 100}.{(pid // 100 + self.number) % 250}"
        _ip(f"link add {self.bridge} type bridge",
            f"address add {self._prefix}.254/{self.bits} dev {self.bridge}",
            f"link set {self.bridge} up")  # fmt: skip

    def address(self, number: int) -> str:
        """The nth host's."""
        return f"{self._prefix}.{number}"

    def connect(self, hosts: Sequence[Host]) -> None:
        """Each has a cable to the bridge."""
        self.hosts |= {one.name: one for one in hosts}
        lines = []
        for one in hosts:
            cable, number = self._cable(one), int(one.address.rpartition(".")[2])
            # that of a host that crashed goes with its namespace, soon; /sys may be another one's
            until(lambda name=cable: name not in {one for _, one in socket.if_nameindex()})
            lines += [
                f"link add {cable} type veth peer name eth0 "
                f"address 02:00:00:00:00:{number:02x} netns {one.pid}",
                f"link set {cable} master {self.bridge} up",
            ]
        _ip(*lines)

    @contextmanager
    def unplugged(self, host: Host) -> Iterator[None]:
        """In the block the host's cable is out: it reaches nothing, and nothing reaches it."""
        _ip(f"link set {self._cable(host)} down")
        try:
            yield
        finally:
            _ip(f"link set {self._cable(host)} up")

    @contextmanager
    def cut(self, some: Sequence[str], others: Sequence[str]) -> Iterator[None]:
        """In the block no packet goes between hosts of the two groups, and no side is told.

        It is sent to a hardware address that none has: routes and filters would refuse it instead,
        and so be faster than any lost packet.
        """
        pairs = [(one, other) for one in some for other in others]
        pairs += [(other, one) for one, other in pairs]
        for one, other in pairs:
            self._neighbour(one, "replace", other, f"lladdr {_NOWHERE} nud permanent")
        try:
            yield
        finally:
            for one, other in pairs:
                self._neighbour(one, "delete", other, "")

    def close(self) -> None:
        """Nothing of it is left."""
        _ip(f"link delete {self.bridge}")

    def _cable(self, host: Host) -> str:
        return f"{self.bridge}h{[*self.hosts].index(host.name) + 1}"

    def _neighbour(self, at: str, verb: str, of: str, how: str) -> None:
        address = f"{self._prefix}.254" if of == CONTROLLER else self.hosts[of].address
        device = self.bridge if at == CONTROLLER else "eth0"
        words = f"neighbour {verb} {address} {how} dev {device}"
        if at == CONTROLLER:
            _ip(words)
        else:
            self.hosts[at].run("ip", *words.split())


def _ip(*lines: str) -> None:
    subprocess.run(
        ["ip", "-batch", "-"], input="\n".join(lines) + "\n",
        text=True, capture_output=True, timeout=30, check=True,
    )  # fmt: skip
