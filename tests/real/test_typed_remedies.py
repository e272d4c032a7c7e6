"""Every check's remedy, typed as it is printed in the situation that prints it: the fault is gone
by what the servers reply, and no key is lost. Many situations share one topology."""

import re
import subprocess
from collections.abc import Callable, Iterable
from typing import Any

from support.engines import BUNDLED
from support.findings import found_in
from support.judge import await_written
from support.project import Project
from support.remedies import type_line
from support.waiting import until

KEYS = 30
Situation = tuple[str, Callable[[Project], None], Callable[[Project], bool]]
"""The checks, how their fault is made, and whether the servers say that it is gone."""


def _node(project: Project, number: int, *words: object) -> Any:
    with project.client(project.port + number - 1) as client:
        client.response_callbacks.clear()
        return client.execute_command(*words)


def _config(project: Project, number: int, name: str) -> str:
    return str(_node(project, number, "CONFIG", "GET", name)[1])


def _follows(project: Project, number: int, lead: int) -> bool:
    with project.client(project.port + number - 1) as client:
        info = client.info("replication")
    port = project.port + lead - 1
    return info.get("master_port") == port and info["master_link_status"] == "up"


def _fill(project: Project) -> None:
    for number in range(KEYS):
        _node(project, 1, "SET", f"key{number}", "kept")
    replicas = range(2, project.size + 1)
    until(lambda: all(_node(project, one, "DBSIZE") == KEYS for one in replicas))


def _typed(project: Project, situations: Iterable[Situation]) -> None:
    for checks, make, gone in situations:
        make(project)
        done = project.run("verify", "--json", "--timeout", "0")
        lines: dict[str, None] = {}
        for check in checks.split():
            failed = [one for how in ("fail", "warn") for one in found_in(done, check, how)]
            assert failed, (check, done.out)
            lines |= dict.fromkeys(one["hint"] for one in failed)
        said = [type_line(project, line) for line in lines]
        until(lambda gone=gone: gone(project), 15, f"{checks}: {said}")
        until(lambda: project.run("verify", "--timeout", "0").code == 0, 15, f"{checks}: {said}")


def _wrong_masterauth(project: Project) -> None:
    _node(project, 2, "CONFIG", "SET", "masterauth", "wrong")
    _node(project, 2, "CLIENT", "KILL", "TYPE", "master")
    until(lambda: not _follows(project, 2, 1))


def _ping_without_password(project: Project, number: int) -> bool:
    from support import judge

    with judge.client(project.port + number - 1, "") as client:
        try:
            return bool(client.ping())
        except Exception:  # noqa: BLE001  (any refusal is one)
            return False


REPLICATION: tuple[Situation, ...] = (
    ("node.alive", lambda p: p.crash(2), lambda p: _follows(p, 2, 1)),
    (
        "replication.read-only",
        lambda p: _node(p, 2, "CONFIG", "SET", "replica-read-only", "no"),
        lambda p: _config(p, 2, "replica-read-only") == "yes",
    ),
    (
        "replication.chain",
        lambda p: (
            _node(p, 3, "REPLICAOF", "127.0.0.1", p.port + 1),
            until(lambda: _follows(p, 3, 2)),
        )[1],
        lambda p: _follows(p, 3, 1),
    ),
    (
        "replication.shape",
        lambda p: _node(p, 3, "REPLICAOF", "NO", "ONE"),
        lambda p: _follows(p, 3, 1),
    ),
    ("replication.link", _wrong_masterauth, lambda p: _follows(p, 2, 1)),
    (
        "access.password",
        lambda p: _node(p, 3, "CONFIG", "SET", "requirepass", ""),
        lambda p: not _ping_without_password(p, 3),
    ),
    (
        "config.drift",
        lambda p: _node(p, 1, "CONFIG", "SET", "appendfsync", "always"),
        lambda p: _config(p, 1, "appendfsync") == "everysec",
    ),
    (
        "config.uneven",
        lambda p: _node(p, 2, "CONFIG", "SET", "maxmemory", "9mb"),
        lambda p: _config(p, 2, "maxmemory") in ("0", "9437184"),
    ),
    (
        "access.bind",
        lambda p: _node(p, 3, "CONFIG", "SET", "bind", "127.0.0.1 127.0.0.9"),
        lambda p: _config(p, 3, "bind") == "127.0.0.1",
    ),
    (
        "data.proof",
        lambda p: _node(p, 1, "CLIENT", "PAUSE", "600000", "WRITE"),
        lambda p: _node(p, 1, "SET", "key0", "kept") == "OK",
    ),
)


def test_remedies_of_a_replication_heal_it_and_lose_no_key(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    _fill(project)
    _typed(project, REPLICATION)
    assert [_node(project, one, "DBSIZE") for one in (1, 2, 3)] == [KEYS] * 3
    assert project.faults(cluster=False) == []


def _sentinels(project: Project) -> int:
    """How many Sentinels monitor the primary and know both others."""
    found = 0
    for number in (1, 2, 3):
        with project.sentinel(number) as client:
            for told in client.execute_command("SENTINEL", "MASTERS"):
                fields = dict(zip(told[::2], told[1::2], strict=False))
                found += fields.get("num-other-sentinels") == "2" and "down" not in fields["flags"]
    return found


def _forgotten_by_a_sentinel(project: Project) -> None:
    with project.sentinel() as client:
        name = client.execute_command("SENTINEL", "MASTERS")[0][1]
        client.execute_command("SENTINEL", "REMOVE", name)


def _end_sentinels(project: Project) -> None:
    for name in ("sentinel2", "sentinel3"):
        project.run("kill", name, "--yes", "-q")


def _known_sentinels(project: Project) -> list[int]:
    found = []
    for number in (1, 2, 3):
        with project.sentinel(number) as client:
            told = client.execute_command("SENTINEL", "MASTERS")[0]
        found.append(int(dict(zip(told[::2], told[1::2], strict=False))["num-other-sentinels"]))
    return found


def _another_sentinel(project: Project) -> None:
    """A fourth Sentinel, of somebody else, ran until the others knew it."""
    folder = project.root / "another"
    folder.mkdir()
    conf, own = folder / "sentinel.conf", project.folder(1).parent / "sentinel1" / "sentinel.conf"
    text = re.sub(r"(?m)^(sentinel (myid|known-).*|dir .*|logfile .*|unixsocket.*)$", "",
                  own.read_text())  # fmt: skip
    conf.write_text(text.replace(f"port {project.port + 10}", f"port {project.port + 15}"))
    with subprocess.Popen([BUNDLED.path, str(conf), "--sentinel"], cwd=folder) as process:
        try:
            until(lambda: _known_sentinels(project) == [3, 3, 3])
        finally:
            process.kill()


SENTINEL: tuple[Situation, ...] = (
    ("sentinel.leads", lambda p: p.crash(1), lambda p: _replicas(p) == [2]),
    ("sentinel.quorum failover.ready node.alive", _end_sentinels, lambda p: _sentinels(p) == 3),
    ("sentinel.peers", _another_sentinel, lambda p: _known_sentinels(p) == [2, 2, 2]),
    ("sentinel.primary", _forgotten_by_a_sentinel, lambda p: _sentinels(p) == 3),
)


def test_remedies_of_sentinels_heal_them_and_lose_no_key(project: Project) -> None:
    project.init("sentinel", "--down-after", "60000", engine=BUNDLED.path)
    project.up()
    _fill(project)
    _typed(project, SENTINEL)
    assert [_node(project, one, "DBSIZE") for one in (1, 2, 3)] == [KEYS] * 3
    assert project.faults(cluster=False) == []


def _hostname(project: Project) -> None:
    _node(project, 1, "CONFIG", "SET", "cluster-announce-hostname", "nowhere.invalid")
    for number in range(1, 7):
        _node(project, number, "CONFIG", "SET", "cluster-preferred-endpoint-type", "hostname")


def _moved_replica(project: Project) -> None:
    replica = next(n for n in (4, 5, 6) if _follows(project, n, 1))
    other = str(_node(project, 2, "CLUSTER", "MYID"))
    _node(project, replica, "CLUSTER", "REPLICATE", other)


def _replicas(project: Project) -> list[int]:
    found = []
    for port in project.ports:
        with project.client(port) as client:
            info = client.info("replication")
            found += [info["connected_slaves"]] if info["role"] == "master" else []
    return found


def _announced(project: Project) -> None:
    _node(project, 3, "CONFIG", "SET", "cluster-announce-ip", "127.0.0.9")
    until(lambda: "127.0.0.9" in str(_node(project, 1, "CLUSTER", "NODES")))


CLUSTER: tuple[Situation, ...] = (
    ("announce.reachable", _hostname, lambda p: _config(p, 1, "cluster-announce-hostname") == ""),
    ("cluster.links", _announced, lambda p: _config(p, 3, "cluster-announce-ip") == "127.0.0.1"),
    ("replication.shape", _moved_replica, lambda p: _replicas(p) == [1, 1, 1]),
    ("node.alive", lambda p: p.crash(5), lambda p: _replicas(p) == [1, 1, 1]),
)


def test_remedies_of_a_cluster_heal_it(project: Project) -> None:
    project.init(
        "cluster", "--formation", "instant", "--node-timeout", "15000", engine=BUNDLED.path
    )
    project.up()
    _typed(project, CLUSTER)
    assert project.faults() == []


def test_starting_over_loses_what_was_said_and_comes_up(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    _fill(project)
    project.run("down", check=0)
    new = ("init", "replication", "--port", str(project.port))
    asked = project.run(*new, "--json", check=2).json["error"]
    assert asked["hint"].startswith("--force replaces it; ")
    assert asked["remedy"] == {"class": "asks", "loses": "the present file"}
    project.run(*new, "--force", check=0)
    error = project.run("up", "--json", check=2).json["error"]
    assert error["hint"].endswith("start over without the data: redistopo down --wipe")
    assert error["remedy"]["class"] == "asks"
    assert "all data" in error["remedy"]["loses"]
    assert "asks first; would lose all data" in project.run("up", check=2).err
    project.run("down", "--wipe", "--yes", check=0)
    project.up()
    assert _node(project, 1, "DBSIZE") == 0


def test_a_paused_only_copy_is_killed_and_promoted_as_told_and_loses_no_key(
    project: Project,
) -> None:
    project.init(
        "cluster", "--formation", "instant", "--node-timeout", "30000", engine=BUNDLED.path
    )
    project.up()
    replica = next(n for n in (4, 5, 6) if _follows(project, n, 1))
    for number in range(KEYS):
        _node(project, 1, "SET", f"{{06S}}{number}", "kept")
    until(lambda: _node(project, replica, "DBSIZE") == KEYS)
    with project.client(project.port + replica - 1) as client:
        await_written(client)
    project.run("pause", f"node{replica}", check=0)
    project.run("reset", "node1", "--force", "--yes", check=0)
    hint = project.run("up", "--json", check=2).json["error"]["hint"]
    kill = f"redistopo kill node{replica}"
    assert hint == f"to keep them: {kill}, then redistopo up --primary node{replica}"
    project.run("kill", f"node{replica}", check=0)
    project.up("--primary", f"node{replica}")
    assert _node(project, replica, "DBSIZE") == KEYS
    assert project.faults() == []
