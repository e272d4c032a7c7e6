"""Planned handovers, restarts and settings where Sentinels watch: judged by clients of theirs."""

import os
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from support.engines import BUNDLED, ENGINES
from support.judge import roles
from support.project import Project
from support.waiting import until
from support.writers import Watchers, takes_a_write_at_once, writing

from redistopo.client.connection import Command, Connections
from redistopo.errors import RedistopoError
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.ops.failover import FailoverRequest, failover
from redistopo.progress import no_progress

QUICK = ("--down-after", "1000")
_SOME = [name for name in ENGINES if name.startswith("redis-7")] or [max(ENGINES)]


def _leaders(project: Project) -> list[int]:
    said = roles(project.ports, project.password)
    return [port - project.port + 1 for port, role in said.items() if role == "master"]


def _named(project: Project) -> set[int]:
    """The number of the node that the Sentinels name; one, where they agree."""
    found = set()
    for number in range(1, project.sentinels + 1):
        with project.sentinel(number) as node:
            said = node.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "project")
            found.add(int(said[1]) - project.port + 1)
    return found


def _watchers(project: Project) -> Watchers:
    first = project.port + 10
    password = (project.root / ".redistopo" / "password.sentinel").read_text().strip()
    return Watchers("project", list(range(first, first + project.sentinels)), password)


def _priorities(project: Project) -> list[str]:
    found = []
    for port in project.ports:
        with project.client(port) as node:
            found.append(node.config_get("replica-priority")["replica-priority"])
    return found


@pytest.mark.parametrize("name", [*_SOME, "bundled"])
def test_handed_over_under_load(project: Project, name: str) -> None:
    project.init("sentinel", *QUICK, engine=ENGINES.get(name, BUNDLED).path)
    project.up()
    with writing(
        project.ports, project.password, clustered=False, watchers=_watchers(project)
    ) as writers:
        for node in (3, 1):
            done = project.run("failover", f"node{node}", "--json", check=0).json["result"]
            assert (_leaders(project), _named(project)) == ([node], {node})
            assert done["handover"]["milliseconds"] < 1000
    assert writers.lost() == []
    assert max(map(writers.longest_gap, range(3))) < 1
    assert _priorities(project) == ["100"] * 3
    for node in (1, 2, 3):
        assert "replica-priority 1\n" not in (project.folder(node) / "redis.conf").read_text()
    with project.sentinel() as asked:
        said = asked.execute_command("SENTINEL", "DEBUG")
        assert (
            dict(zip(map(str.lower, said[::2]), said[1::2], strict=True))["info-period"] == "10000"
        )
    assert "none" in project.run("up", "--dry-run", check=0).out
    project.run("verify", check=0)


def test_restarted_one_by_one_under_load(project: Project) -> None:
    project.init("sentinel", *QUICK, engine=BUNDLED.path)
    project.up()
    before = {process.pid for process in project.servers()}
    with project.sentinel() as asked:
        own = asked.execute_command("SENTINEL", "MYID")
    with writing(
        project.ports, project.password, clustered=False, watchers=_watchers(project)
    ) as writers:
        done = project.run("restart", "--rolling", "--restore-roles", "--json", check=0)
    restarted = [one["node"] for one in done.json["result"]["restarted"]]
    assert restarted[:3] == ["sentinel1", "sentinel2", "sentinel3"]
    assert restarted[3:] == ["node2", "node3", "node1"]
    assert len(done.json["result"]["handovers"]) == 2
    assert not before & {process.pid for process in project.servers()}
    assert (_leaders(project), _named(project)) == ([1], {1})
    assert writers.lost() == []
    assert max(map(writers.longest_gap, range(3))) < 1
    with project.sentinel() as asked:
        assert asked.execute_command("SENTINEL", "MYID") == own
    project.run("verify", check=0)


def test_a_primary_alone_hands_over_before_it_restarts(project: Project) -> None:
    project.init("sentinel", *QUICK, "--persistence", "none", engine=BUNDLED.path)
    project.up()
    project.client().set("kept", "yes")
    kept = project.root / ".redistopo" / "nodes" / "sentinel1" / "sentinel.conf"
    memory = kept.read_text()
    done = project.run("restart", "sentinel1", "node1", check=0).out
    assert "node1 -> node" in done
    assert memory.splitlines()[0] in kept.read_text()  # its own file, not one created again
    [leader] = _leaders(project)
    assert leader != 1
    assert project.client().get("kept") == "yes"
    project.run("failover", "node1", check=0)
    # settings are the data nodes', Sentinels have none
    project.run("set", "maxmemory", "100mb", check=0)
    with project.client() as node:
        assert node.config_get("maxmemory")["maxmemory"] == "104857600"
    refused = project.run("set", "maxmemory", "1gb", "--node", "sentinel1", check=2).err
    assert "sentinel1 is a Sentinel" in refused
    assert "down_after" in refused
    assert "change quorum in the topology file" in project.run("set", "quorum", "1", check=2).err
    assert "sentinel2 is a Sentinel" in project.run("failover", "sentinel2", check=2).err
    assert project.run("verify").code == 0
    for process in project.servers():
        if Path(process.cwd()).name in ("sentinel1", "sentinel2"):
            process.kill()
    until(lambda: len(project.servers()) == 4)
    refused = project.run("failover", check=1).err
    assert "the Sentinels can't fail over now" in refused
    assert "1 of 3 Sentinels reply, 2 are needed" in refused
    assert project.run("restart", "node1", check=1).err
    assert _leaders(project) == [1]


@pytest.mark.fault(
    "the candidate is paused (SIGSTOP) when a Sentinel promotes it",
    "the primary remains primary and accepts writes; `up` makes the candidate a replica when "
    "it is resumed",
)
def test_a_candidate_paused_during_the_failover(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.init("sentinel", "--down-after", "5000", engine=BUNDLED.path)
    project.up()
    replica, execute = project.pid(2), Connections.execute

    def asked(self: Connections, endpoint: Endpoint, commands: Iterable[Command]) -> list[Any]:
        wanted = list(commands)
        if any("FAILOVER" in command for command in wanted):
            os.kill(replica, signal.SIGSTOP)
        return execute(self, endpoint, wanted)

    monkeypatch.setattr(Connections, "execute", asked)
    try:
        with pytest.raises(RedistopoError, match="node1 is still primary, with writes"):
            failover(FailoverRequest(root=project.root, words=("node2",)), no_progress)
        takes_a_write_at_once(project)
    finally:
        os.kill(replica, signal.SIGCONT)
    assert _named(project) == {1}
    project.up()
    assert (_leaders(project), _named(project)) == ([1], {1})
    assert [project.client(port).get("after") for port in project.ports] == ["yes"] * 3
