"""A project whose topology is over the hosts of a lab, judged from outside redistopo."""

import re
from dataclasses import dataclass
from typing import Any

from hosts.lab import BASE, Host, Lab

from redistopo.model.topology.project_paths import Layout
from redistopo.project.trust import trust
from support import judge
from support.project import Project

_SERVERS = ("redis-server", "valkey-server")


@dataclass
class OnHosts:
    """The project is the controller's; its nodes run on the hosts."""

    project: Project
    lab: Lab
    name: str = "demo"

    def init(self, *lines: str, service: str = "process") -> None:
        """A topology file with these lines, and a table of all the lab's hosts, in a folder that
        the user trusts; `service` is how they keep servers, "" for what they have."""
        self.project.env.update(self.lab.env)
        head = ["format = 1", f'name = "{self.name}"', f"port = {self.project.port}", *lines]
        hosts = ["[hosts]", 'user = "root"', *([f'service = "{service}"'] if service else [])]
        for one in self.lab.hosts.values():
            hosts += [f"[hosts.{one.name}]", f'address = "{one.address}"']
        text = "\n".join([*head, *hosts, ""])
        (self.project.root / "redistopo.toml").write_text(text)
        trust(Layout(self.project.root))

    def addresses(self) -> list[tuple[str, int]]:
        """Where data nodes listen, by the kernels of the hosts that are up."""
        return [(one.address, port) for one in self._up() for port in _ports(one, sentinel=False)]

    def sentinels(self) -> list[tuple[str, int]]:
        return [(one.address, port) for one in self._up() for port in _ports(one, sentinel=True)]

    def client(self, address: tuple[str, int]) -> Any:
        """A client through the network, as an application's."""
        return judge.client(address[1], self.project.password, address[0])

    def faults(self, *, cluster: bool = True) -> list[str]:
        return judge.faults_at(self.addresses(), self.project.password, cluster=cluster)

    def servers(self) -> list[int]:
        """The pids of all servers of all hosts, by the kernel."""
        return [one.pid for host in self._up() for one in host.processes(*_SERVERS)]

    def colocated(self) -> list[str]:
        """The hosts with two nodes of a shard, by the nodes' own word of whom they follow."""
        found, seen = [], set()
        for host, port in self.addresses():
            with self.client((host, port)) as node:
                info = node.info("replication")
                at = (info.get("master_host", host), info.get("master_port", port))
            if (host, at) in seen:
                found.append(f"{host}: two nodes of the shard of {at}")
            seen.add((host, at))
        return found

    def cleanup(self) -> None:
        """Whatever runs or lies there is gone, whether `down` can end it or not."""
        self.lab.boot(*(one for one in self.lab.hosts.values() if not one.pid))
        for host in self.lab.hosts.values():
            for one in host.processes(*_SERVERS):
                one.kill()
            host.run("sh", "-c", f"rm -rf {BASE}/* {BASE}/.[!.]*")

    def _up(self) -> list[Host]:
        return [one for one in self.lab.hosts.values() if one.pid]


def _ports(host: Host, *, sentinel: bool) -> list[int]:
    """The ports for clients: that of a cluster's bus is the higher one."""
    ports: dict[int, int] = {}
    for line in host.run("ss", "-Hltnp").stdout.splitlines():
        found = re.search(r':(\d+) .*"(?:redis|valkey)[^,]*,pid=(\d+)', line)
        if found:
            port, pid = int(found[1]), int(found[2])
            ports[pid] = min(port, ports.get(pid, port))
    title = {pid: host.path(f"/proc/{pid}/cmdline").read_text() for pid in ports}
    return sorted(port for pid, port in ports.items() if ("[sentinel]" in title[pid]) is sentinel)
