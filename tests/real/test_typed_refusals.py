"""What a verb prints when it refuses, typed as it is printed, also where it asks for an edit of the
topology file first: then the servers have what was wanted. Many refusals share one topology."""

import json
from collections.abc import Callable
from typing import Any

import psutil
from support.engines import BUNDLED
from support.project import Project
from support.remedies import hint_of, type_hint, type_line
from support.waiting import until


def _edit(project: Project, old: str, new: str) -> None:
    path = project.root / "redistopo.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def _config(project: Project, number: int, name: str) -> Any:
    with project.client(project.port + number - 1) as client:
        return client.config_get(name)[name]


def _linked(project: Project) -> bool:
    """Whether one of two nodes follows the other."""
    found = []
    for port in project.ports:
        with project.client(port) as client:
            found.append(client.info("replication").get("master_link_status", "primary"))
    return sorted(found) == ["primary", "up"]


def test_a_folder_without_a_topology_gets_one(projects: Callable[[str], Project]) -> None:
    for name, code, words in (("none", 2, ["status"]), ("near", 2, ["init", "clustr"])):
        project = projects(name)
        type_hint(project, code, *words)
        assert 'shape = "cluster"' in (project.root / "redistopo.toml").read_text()


def test_a_standalone_server_gets_what_a_verb_lacks(projects: Callable[[str], Project]) -> None:
    project, other = projects("project"), projects("other")
    project.init("standalone", "--no-auth", "--persistence", "none", engine=BUNDLED.path)
    project.up()
    hint = hint_of(project, 2, "secret", "rotate", "--yes")
    _edit(project, "auth = false", "auth = true")
    type_line(project, hint)
    project.run("secret", "rotate", "--yes", check=0)
    with project.client() as client:
        client.set("a", "kept")
    hint = hint_of(project, 2, "restart", "node1", "--yes")
    _edit(project, 'persistence = "none"', 'persistence = "aof"')
    type_line(project, hint)
    project.run("restart", "node1", "--yes", check=0)
    with project.client() as client:
        assert client.get("a") == "kept"
    hint = hint_of(project, 2, "failover")
    type_line(other, hint)
    assert 'shape = "replication"' in (other.root / "redistopo.toml").read_text()
    project.run("stop", "node1", "--yes", check=0)
    (project.root / ".redistopo" / "password").unlink()
    type_hint(project, 1, "start")
    with project.client() as client:
        assert client.get("a") == "kept"


def test_a_replica_and_its_primary_come_back(project: Project) -> None:
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    project.up()
    for words, code, make in (
        (("failover", "node2"), 1, lambda: project.crash(2)),
        (("failover", "node2"), 1, lambda: project.crash(1)),
        (("restart", "--rolling"), 3, lambda: psutil.Process(project.pid(2)).suspend()),
    ):
        make()
        type_hint(project, code, *words)
        until(lambda: _linked(project))


def test_settings_that_set_cannot_change_are_edited(project: Project) -> None:
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    project.up()
    _edit(project, "[redis]\n", "[redis]\ndatabases = 32\n")
    type_hint(project, 3, "up")
    assert _config(project, 1, "databases") == _config(project, 2, "databases") == "32"
    hint = hint_of(project, 2, "set", "rename-command", "KEYS", '""')
    _edit(project, "[redis]\n", "[redis]\nrename-command = 'KEYS \"\"'\n")
    type_line(project, hint)
    with project.client() as client:
        assert "unknown command" in project.run("call", "KEYS", "*").out
        assert client.ping()


def test_settings_of_sentinels_are_keys_of_the_file(project: Project) -> None:
    project.init("sentinel", "--replicas", "1", engine=BUNDLED.path)
    project.up()
    for words, value in ((("down-after-milliseconds", "7000"), 7000), (("maxmemory", "9mb"), 8000)):
        hint = hint_of(project, 2, "set", "--node", "sentinel1", *words)
        text = (project.root / "redistopo.toml").read_text()
        old = next(line for line in text.splitlines() if line.startswith("down_after"))
        _edit(project, old, f"down_after = {value}")
        type_line(project, hint)
        with project.sentinel() as client:
            told = client.execute_command("SENTINEL", "MASTERS")[0]
        assert told[told.index("down-after-milliseconds") + 1] == str(value)
    project.run("kill", "sentinel2", "sentinel3", "--yes", check=0)
    type_hint(project, 1, "failover", "node2")
    project.run("failover", "node2", check=0)
    project.run("failover", "node1", check=0)
    project.run("stop", "node2", "--yes", check=0)
    hint = hint_of(project, 2, "up", "--primary", "node2")
    project.up()
    type_line(project, hint)
    assert _linked(project)
    with project.client(project.port + 1) as client:
        assert client.info("replication")["role"] == "master"


def _killed_up(project: Project) -> None:
    """The first `up` got SIGKILL while it formed the topology."""
    up = project.begin("up", "--json")
    assert up.stderr is not None
    for line in up.stderr:
        told = json.loads(line)
        if told["event"] == "started" and told["text"].startswith("start"):
            up.kill()
            up.communicate()
            return
    raise AssertionError("it ended before")


def test_one_shard_of_a_cluster_is_named_and_its_others_started(project: Project) -> None:
    project.init(
        "cluster", "--shards", "2", "--formation", "instant", "--node-timeout", "15000",
        engine=BUNDLED.path,
    )  # fmt: skip
    _killed_up(project)
    type_hint(project, 1, "start")
    until(lambda: project.faults() == [])
    type_hint(project, 2, "failover")
    project.crash(4)
    type_hint(project, 1, "failover", "node4")
    project.crash(2, 3, 4)
    type_hint(project, 1, "reset", "node1", "--yes")
    until(lambda: project.faults() == [])
