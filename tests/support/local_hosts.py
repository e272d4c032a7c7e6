"""A topology over hosts that are all this machine (`ssh = "local"`), each with an address of its
own, judged by redis-py and by the kernel."""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from redis.exceptions import ConnectionError as RedisConnectionError

from redistopo.model.topology.project_paths import Layout
from redistopo.project.trust import trust
from support import judge
from support.project import Project, servers_below

_PORTS = 9


@dataclass
class LocalHosts:
    """The project is the controller's; `base` is the folder on each host."""

    project: Project
    base: Path

    def init(self, hosts: int, *lines: str) -> None:
        """A topology file with these lines, over so many hosts, in a folder that is trusted."""
        head = ["format = 1", 'name = "demo"', f"port = {self.project.port}", *lines]
        if any("sentinel" in one for one in lines):
            head.append(f"sentinel_port = {self.project.port + 10}")
        text = "\n".join([*head, "[hosts]", f'base = "{self.base}"', ""])
        (self.project.root / "redistopo.toml").write_text(text)
        for number in range(1, hosts + 1):
            self.add(number)
        trust(Layout(self.project.root))

    def up(self, *lines: str, hosts: int = 2) -> None:
        """A topology with these lines is up, over so many hosts."""
        self.init(hosts, *lines)
        self.project.run("up", check=0, seconds=300)

    def add(self, number: int, address: str = "") -> None:
        """One more host in the file."""
        path = self.project.root / "redistopo.toml"
        text = f'[hosts.h{number}]\naddress = "{address or _address(number)}"\n'
        path.write_text(f'{path.read_text()}{text}ssh = "local"\n')

    def remove(self, number: int) -> None:
        """One host less in the file."""
        path = self.project.root / "redistopo.toml"
        before, _, after = path.read_text().partition(f"[hosts.h{number}]\n")
        path.write_text(before + "".join(after.partition("[hosts.")[1:]))

    def client(self, address: tuple[str, int]) -> Any:
        """A client of the node at that address."""
        return judge.client(address[1], self.project.password, address[0])

    def first_at(self, number: int = 1, password: str = "") -> Any:
        """A client of the server at the first port of a host."""
        return judge.client(self.project.port, password or self.project.password, _address(number))

    def texts(self) -> dict[str, str]:
        """All files of the hosts, by their paths below `base`."""
        found = (one for one in self.base.rglob("*") if one.is_file())
        return {str(one.relative_to(self.base)): one.read_text(errors="replace") for one in found}

    def open_to_others(self) -> list[str]:
        """The files of redistopo and of servers that others may read."""
        found = (one for one in self.base.rglob("*") if one.is_file() and one.stat().st_size)
        return [str(one) for one in found if one.stat().st_mode & 0o077]

    def nodes(self) -> dict[tuple[str, int], dict[str, Any]]:
        """Where data nodes reply -> what they report of replication."""
        found = {}
        for host in (f"127.0.0.{number}" for number in range(2, 10)):
            for port in range(self.project.port, self.project.port + _PORTS):
                with suppress(RedisConnectionError), self.client((host, port)) as node:
                    found[host, port] = node.info("replication")
        return found

    def shards(self) -> dict[tuple[str, int], list[str]]:
        """Where each primary is -> the hosts of its shard, by what replicas report."""
        found: dict[tuple[str, int], list[str]] = {}
        for at, told in self.nodes().items():
            lead = at if told["role"] == "master" else (told["master_host"], told["master_port"])
            found.setdefault(lead, []).append(at[0])
        return found

    def colocated(self) -> list[tuple[str, int]]:
        """The primaries of shards with two nodes on one host."""
        return [at for at, hosts in self.shards().items() if max(Counter(hosts).values()) > 1]

    def faults(self, *, cluster: bool = True) -> list[str]:
        return judge.faults_at(list(self.nodes()), self.project.password, cluster=cluster)

    def servers(self) -> dict[int, str]:
        """The servers that work below the folder of the hosts, by the kernel: pid -> node."""
        found = {}
        for one in servers_below(self.base):
            with suppress(psutil.Error):
                found[one.pid] = Path(one.cwd()).name
        return found

    def cleanup(self) -> None:
        """No server of the hosts is left."""
        for one in servers_below(self.base):
            with suppress(psutil.Error):
                one.kill()


def _address(number: int) -> str:
    return f"127.0.0.{number + 1}"
