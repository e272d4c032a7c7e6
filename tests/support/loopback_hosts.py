"""A project whose hosts are addresses of this machine (`ssh = "local"`), judged from outside
redistopo."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from support import judge
from support.project import Project, servers_below


@dataclass
class LoopbackHosts:
    """Hosts h1, h2, ... at 127.0.0.2, 127.0.0.3, ...; all of them have the folder `base`."""

    project: Project
    base: Path

    def init(self, *lines: str, hosts: int = 2) -> None:
        """A topology file with these lines; `up --trust` starts it."""
        head = ["format = 1", 'name = "demo"', f"port = {self.project.port}", *lines]
        table = ["[hosts]", f'base = "{self.base}"']
        for n in range(1, hosts + 1):
            table += [f"[hosts.h{n}]", f'address = "{_address(n)}"', 'ssh = "local"']
        (self.project.root / "redistopo.toml").write_text("\n".join([*head, *table, ""]))

    def up(self, *lines: str, hosts: int = 2) -> None:
        self.init(*lines, hosts=hosts)
        self.project.run("up", "--trust", check=0, seconds=300)

    def client(self, host: int = 1, offset: int = 0, password: str = "") -> Any:
        """A client of the server of the nth host at its first port, or that many later."""
        word = password or self.project.password
        return judge.client(self.project.port + offset, word, _address(host))

    def texts(self) -> dict[str, str]:
        """All files of the hosts, by their paths below `base`."""
        found = (one for one in self.base.rglob("*") if one.is_file())
        return {str(one.relative_to(self.base)): one.read_text(errors="replace") for one in found}

    def open_to_others(self) -> list[str]:
        """The files of redistopo and of servers that others may read."""
        found = (one for one in self.base.rglob("*") if one.is_file() and one.stat().st_size)
        return [str(one) for one in found if one.stat().st_mode & 0o077]

    def servers(self) -> list[int]:
        return sorted(one.pid for one in servers_below(self.base))

    def cleanup(self) -> None:
        """No server is left."""
        for one in servers_below(self.base):
            with suppress(psutil.Error):
                one.kill()


def _address(host: int) -> str:
    return f"127.0.0.{host + 1}"
