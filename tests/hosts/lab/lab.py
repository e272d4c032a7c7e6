"""Several hosts on one machine, that end with the process that made them."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.waiting import until

from .host import BASE, Host
from .keys import OPERATOR, Keys
from .network import Network

_DISK = "256m"


class Lab:
    """`hosts` by their names, h1 and so on; they are up and reachable by SSH as root.

    The disks are on a tmpfs that is only in the mount namespace of one process, so that they
    outlive a host's crash, and are gone when that process has ended, as it does with this one.
    """

    def __init__(self, folder: Path, number: int) -> None:
        self.keys = Keys(folder / "ssh")
        self.disks = folder / "disks"
        self.disks.mkdir()
        self._rack = _rack(self.disks)
        self.network = Network()
        self.hosts: dict[str, Host] = {}
        try:
            self.add(number)
        except BaseException:
            self.close()
            raise

    @property
    def env(self) -> dict[str, str]:
        """The environment in which the controller's ssh has the lab's keys."""
        return {"PATH": f"{self.keys.bin}{os.pathsep}{os.environ['PATH']}"}

    def __getitem__(self, name: str) -> Host:
        return self.hosts[name]

    def add(self, number: int) -> list[Host]:
        """So many more hosts are up."""
        made = [self._made(len(self.hosts) + 1 + n) for n in range(number)]
        self.hosts |= {one.name: one for one in made}
        self.boot(*made)
        return made

    def boot(self, *hosts: Host) -> None:
        """These, which were new or had crashed, are up, with the disks that they had."""
        for one in hosts:
            one.begin()
        for one in hosts:
            one.await_namespaces()
        self.network.connect(hosts)
        for one in hosts:
            one.go_on()
        for one in hosts:
            until(one.serves_ssh, what=one.name)

    def close(self) -> None:
        """Every process of every host has ended, and the network and the disks are gone."""
        for one in self.hosts.values():
            one.crash()
        self._rack.kill()
        self._rack.communicate(timeout=30)
        self.network.close()

    def _made(self, number: int) -> Host:
        name, address = f"h{number}", self.network.address(number)
        folder = self.disks / name
        seen = Path(f"/proc/{self._rack.pid}/root{folder}")
        for part in ("work", "root", "disk", f"upper{BASE}", f"upper/home/{OPERATOR}"):
            (seen / part).mkdir(parents=True)
        self.keys.install(seen / "upper/etc", address)
        subprocess.run(
            ["nsenter", f"--mount=/proc/{self._rack.pid}/ns/mnt",
             "mount", "-t", "tmpfs", "-o", f"size={_DISK},mode=755", name, folder / "disk"],
            check=True, timeout=30,
        )  # fmt: skip
        return Host(name, address, self.network.bits, self._rack.pid, folder, self.keys)


def _rack(disks: Path) -> "subprocess.Popen[str]":
    """The process whose mount namespace has the disks."""
    script = 'mount -t tmpfs -o mode=755 lab "$0" && echo ready && exec sleep infinity'
    made = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "sh", "-c", script, disks],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert made.stdout
    assert made.stdout.readline() == "ready\n", "no mount namespace"
    return made


@contextmanager
def opened(folder: Path, number: int) -> Iterator[Lab]:
    """A lab with so many hosts; nothing of it is left after the block."""
    lab = Lab(folder, number)
    try:
        yield lab
    finally:
        lab.close()
