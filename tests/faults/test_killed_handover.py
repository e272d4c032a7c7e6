"""redistopo ends by SIGKILL in the midst of a planned handover: between the pause of the writes
and the new primary's first word, wherever it had got to."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from support.engines import BUNDLED
from support.judge import roles
from support.project import Project
from support.waiting import until
from support.writers import takes_a_write_at_once

from redistopo.client.connection import Command, Connections
from redistopo.errors import RedistopoError
from redistopo.execute import handover_steps as shift
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.ops.failover import FailoverRequest, failover
from redistopo.progress import no_progress

# Ends itself right after the nth command that changes anything: what servers did by then is all
# that can be left, whenever the process dies.
_MORTAL = """
import os, signal, sys
from pathlib import Path
from redistopo.progress import no_progress
from redistopo.execute import handover, handover_steps
from redistopo.ops.failover import FailoverRequest, failover
from redistopo.client.connection import Connections

handover_steps.PAUSE_SECONDS = handover.PAUSE_SECONDS = 2.5  # what is waited for afterwards
root, end_at = Path(sys.argv[1]), int(sys.argv[2])
execute, count = Connections.execute, [0]

def mortal(self, endpoint, commands):
    wanted = [tuple(map(str, one)) for one in commands]
    changes = any(one[0] in ("CLIENT", "REPLICAOF") or "FAILOVER" in one for one in wanted)
    count[0] += changes
    replies = execute(self, endpoint, wanted)
    if changes and count[0] == end_at:
        os.kill(os.getpid(), signal.SIGKILL)
    return replies

Connections.execute = mortal
failover(FailoverRequest(root=root, words=tuple(sys.argv[3:])), no_progress)
print(count[0])
"""


def _killed(root: Path, end_at: int, *words: str) -> int:
    """-9 where it was killed; else how many commands it sent that change anything."""
    done = subprocess.run(
        [sys.executable, "-c", _MORTAL, str(root), str(end_at), *words],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )
    if done.returncode >= 0:
        assert done.returncode == 0, done.stderr
        return int(done.stdout)
    return done.returncode


def _leaders(project: Project) -> list[int]:
    said = roles(project.ports, project.password)
    return [port for port, role in said.items() if role == "master"]


@pytest.mark.fault(
    "redistopo is killed at any command of a planned failover in a replication",
    "never two primaries; the pause of writes expires; `up` recovers, no data is lost",
)
def test_replication(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    count = _killed(project.root, 0)
    assert count >= 4  # pause, demote, promote, the other one follows, unpause
    for end_at in range(1, count + 1):
        leader = _leaders(project)[0]
        project.client(leader).set(f"before{end_at}", "yes")
        assert _killed(project.root, end_at) == -9
        assert len(_leaders(project)) <= 1
        project.up()
        [leader] = _leaders(project)
        until(lambda port=leader: project.client(port).set("after", "yes"), 8)
        assert all(project.client(leader).get(f"before{n}") for n in range(1, end_at + 1))
        assert project.faults(cluster=False) == []


@pytest.mark.fault(
    "redistopo is killed at any command of a planned failover in a cluster",
    "the pause of writes expires; every node agrees, no data is lost",
)
def test_cluster(project: Project) -> None:
    words = ("--formation", "instant", "--node-timeout", "1000", "--shards", "1")
    project.init("cluster", *words, engine=BUNDLED.path)
    project.up()
    count = _killed(project.root, 0, "shard:1")
    assert count == 3  # pause, takeover, unpause
    for end_at in range(1, count):
        project.client(_leaders(project)[0]).set(f"before{end_at}", "yes")
        assert _killed(project.root, end_at, "shard:1") == -9
        project.up()
        [leader] = _leaders(project)
        until(lambda port=leader: project.client(port).set("after", "yes"), 8)
        assert all(project.client(leader).get(f"before{n}") for n in range(1, end_at + 1))
        assert project.faults() == []


@pytest.mark.fault(
    "redistopo is killed during a planned failover by Sentinels, after the demotion or the "
    "promotion",
    "never two primaries; `up` recovers, including the priorities; all Sentinels report one "
    "primary",
)
def test_sentinels(project: Project) -> None:
    project.init("sentinel", "--down-after", "1000", engine=BUNDLED.path)
    project.up()
    assert _killed(project.root, 0) == 5  # pause, demote, promote, the other one follows, unpause
    for end_at in (2, 3):
        project.client(_leaders(project)[0]).set(f"before{end_at}", "yes")
        assert _killed(project.root, end_at) == -9
        assert len(_leaders(project)) <= 1
        project.up()
        [leader] = _leaders(project)
        until(lambda port=leader: project.client(port).set("after", "yes"), 8)
        assert all(project.client(leader).get(f"before{n}") for n in range(2, end_at + 1))
        project.run("verify", check=0)


@pytest.mark.fault(
    "the candidate is paused (SIGSTOP) during a planned failover",
    "the primary remains primary, and accepts writes again at the latest when the pause expires",
)
@pytest.mark.parametrize("last", ["PAUSE", "EXEC"])
def test_a_candidate_paused_during_the_failover(
    project: Project, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    project.up()
    project.client().set("kept", "yes")
    replica = project.pid(2)
    _stopping(monkeypatch, replica, after=last)
    try:
        with pytest.raises(RedistopoError, match="node1 is still primary, with writes"):
            failover(FailoverRequest(root=project.root), no_progress)
        takes_a_write_at_once(project)
    finally:
        os.kill(replica, signal.SIGCONT)
    project.up()
    assert _leaders(project) == [project.port]
    assert project.client().mget("kept", "after") == ["yes", "yes"]
    assert project.faults(cluster=False) == []


@pytest.mark.fault(
    "the candidate is paused (SIGSTOP) at the moment of its promotion",
    "there is no primary, rather than two; `up` resumes the candidate, which becomes primary "
    "with all of the data",
)
def test_a_candidate_paused_at_its_promotion(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    project.up()
    project.client().set("kept", "yes")
    _stopping(monkeypatch, project.pid(2), before="NO")
    monkeypatch.setattr(shift, "_WORD_SECONDS", 0.5)
    with pytest.raises(RedistopoError, match="there is no primary now"):
        failover(FailoverRequest(root=project.root), no_progress)
    with project.client() as node:
        assert node.info("replication")["role"] == "slave"
    project.up()
    assert _leaders(project) == [project.ports[1]]
    assert project.client(project.ports[1]).get("kept") == "yes"
    assert project.faults(cluster=False) == []


def test_a_clusters_replica_that_stops_when_it_is_to_lead(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--formation", "instant", "--shards", "1")
    project.init("cluster", *words, engine=BUNDLED.path)
    project.up()
    replica = project.pid(2)
    _stopping(monkeypatch, replica, before="TAKEOVER")
    monkeypatch.setattr(shift, "_WORD_SECONDS", 0.5)
    with pytest.raises(RedistopoError, match="node1 is primary until it resumes") as error:
        failover(FailoverRequest(root=project.root, words=("node2",)), no_progress)
    project.client().set("kept", "yes")
    assert ": redistopo kill node2;" in error.value.hint
    project.run("kill", "node2", check=0)
    assert replica not in [one.pid for one in project.servers()]
    project.up()
    assert _leaders(project) == [project.port]
    assert project.client().get("kept") == "yes"


def _stopping(
    monkeypatch: pytest.MonkeyPatch, pid: int, *, before: str = "-", after: str = "-"
) -> None:
    """The process is stopped right before, or after, servers are sent a command of that word."""
    execute = Connections.execute

    def asked(self: Connections, endpoint: Endpoint, commands: Iterable[Command]) -> list[Any]:
        wanted = list(commands)
        if any(before in command for command in wanted):
            os.kill(pid, signal.SIGSTOP)
        replies = execute(self, endpoint, wanted)
        if any(after in command for command in wanted):
            os.kill(pid, signal.SIGSTOP)
        return replies

    monkeypatch.setattr(Connections, "execute", asked)
