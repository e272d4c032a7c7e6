"""`init --from`: servers that something else started, described, proven, and left alone."""

import shutil
import tomllib
from contextlib import closing
from typing import Any

import pytest
from support.adopted import linked, odd_cluster, traces
from support.byhand import ByHand, listening
from support.forms import FULL, spread
from support.judge import client, roles
from support.project import Project
from support.waiting import until

PASSWORD = "known.to.few"

USERS = """save ""
requirepass root
maxmemory 64mb
user ops on >opened ~* &* +@all -config
user alice on >other +get
masteruser ops
masterauth opened
"""

REFUSED = (
    ("down",), ("down", "--wipe", "--yes"), ("kill", "node1"), ("stop", "node1"), ("start",),
    ("restart", "--rolling"), ("pause", "node1"), ("resume", "node1"), ("logs",), ("snapshot",),
    ("reset", "node1"), ("scale", "--replicas", "1"), ("secret", "rotate"), ("render",),
    ("drill", "failover"), ("upgrade", "--engine", "8"), ("export", "systemd", "units"),
)  # fmt: skip

UNTRUSTED = (("status",), ("verify",), ("plan",), ("up",), ("url",), ("set", "hz", "20"))


def _file(project: Project) -> dict[str, Any]:
    return tomllib.loads((project.root / "redistopo.toml").read_text())


def test_an_odd_cluster_is_described_and_left_as_it_is(project: Project, by_hand: ByHand) -> None:
    ports = odd_cluster(by_hand, project.port)
    before = traces(ports)
    project.run("init", "--from", f"127.0.0.1:{ports[5]}", check=0)
    found = _file(project)
    assert (found["shape"], found["shards"], found["replicas"]) == ("cluster", 4, 0)
    addresses = [f"127.0.0.1:{port}" for port in ports]
    assert sorted(found["adopted"].values()) == addresses
    assert found["adopted"]["node1"] == addresses[0]
    assert (found["node_timeout"], found["persistence"]) == (4000, "none")
    assert found["redis"]["maxmemory"] == "64mb"
    assert [one["maxclients"] for one in found["nodes"].values()] == ["500"]
    assert "Steps: none" in project.run("plan", check=0).out
    for _ in range(2):
        assert "nothing to do" in project.run("up", check=0).out
    assert project.run("verify", check=0).out.count("node4") > 0
    assert traces(ports) == before
    if FULL:
        _changed_by_verbs(project, ports)
        assert {port: one[:2] for port, one in traces(ports).items()} == {
            port: one[:2] for port, one in before.items()
        }


def _changed_by_verbs(project: Project, ports: list[int]) -> None:
    slots = str(_slots(ports[0]))
    done = project.run("rebalance", "--json", check=0).json["result"]
    assert "node4" in {one["target"] for one in done["moves"]}
    assert str(_slots(ports[0])) != slots
    project.run("failover", "node5", check=0)
    assert roles(ports)[ports[0]] == "slave"


def _slots(port: int) -> Any:
    with closing(client(port)) as node:
        return node.execute_command("CLUSTER SLOTS")


@pytest.fixture
def watched(project: Project, by_hand: ByHand) -> list[int]:
    """A primary and two replicas with a password, and three Sentinels without any."""
    ports = [project.port + n for n in range(3)]
    for port in ports:
        follows = ("--replicaof", f"127.0.0.1 {ports[0]}") if port != ports[0] else ()
        by_hand.start(port, "--requirepass", PASSWORD, "--masterauth", PASSWORD, *follows)
    for port in ports:
        listening(port, PASSWORD)
    for port in ports[1:]:
        linked(port, PASSWORD)
    sentinels = [project.port + 10 + n for n in range(3)]
    for port in sentinels:
        by_hand.sentinel(port, ("cache", ports[0]))
        listening(port)
        with closing(client(port)) as node:
            node.execute_command("SENTINEL", "SET", "cache", "auth-pass", PASSWORD)
    for port in sentinels:
        with closing(client(port)) as node:
            until(lambda: _told(node) == ("2", "2"), what=lambda: str(_told(node)))
    return [*ports, *sentinels]


def _told(node: Any) -> tuple[str, str]:
    """The numbers of replicas and of other Sentinels that one knows."""
    said = node.execute_command("SENTINEL MASTER", "cache")
    if isinstance(said, dict):
        return str(said["num-slaves"]), str(said["num-other-sentinels"])
    pairs = dict(zip(said[::2], said[1::2], strict=True))
    return str(pairs["num-slaves"]), str(pairs["num-other-sentinels"])


def test_sentinels_are_adopted_with_the_name_that_they_have(
    project: Project, watched: list[int]
) -> None:
    data, sentinels = watched[:3], watched[3:]
    before = traces(data, PASSWORD)
    wanted = ("init", "--from", f"127.0.0.1:{sentinels[2]}")
    refused = project.run(*wanted, check=1)
    assert f"  127.0.0.1:{data[0]}: rejected our password: NOAUTH" in refused.err
    assert not (project.root / ".redistopo").exists()
    project.env["REDISTOPO_PASSWORD"] = PASSWORD
    other = project.run("init", "--from", f"127.0.0.1:{data[1]}", check=2)
    assert f"Sentinels monitor 127.0.0.1:{data[0]}" in other.err
    assert "monitor cache, not shop" in project.run(*wanted, "--name", "shop", check=2).err
    project.run(*wanted, "--name", "cache", check=0)
    del project.env["REDISTOPO_PASSWORD"]
    found = _file(project)
    assert (found["name"], found["shape"], found["quorum"]) == ("cache", "sentinel", 1)
    assert found["down_after"] == 60000
    assert len(found["adopted"]) == 6
    texts = [path.read_text() for path in project.root.glob("*.toml")]
    assert not any(PASSWORD in text for text in texts)
    secret = project.root / ".redistopo" / "password"
    assert secret.read_text().strip() == PASSWORD
    assert secret.stat().st_mode & 0o777 == 0o600
    for _ in range(2):
        project.run("up", check=0)
    assert traces(data, PASSWORD) == before
    project.run("failover", "node3", check=0)
    with closing(client(sentinels[0])) as node:
        node.response_callbacks.clear()
        said = node.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "cache")
    assert [str(one) for one in said] == ["127.0.0.1", str(data[2])]
    assert roles(data, PASSWORD)[data[2]] == "master"
    _adopted_as_a_user(project, data, sentinels)


def _adopted_as_a_user(project: Project, data: list[int], sentinels: list[int]) -> None:
    """That the data nodes have, but not the Sentinels: they have no password, or another one."""
    for port in data:
        with closing(client(port, PASSWORD)) as node:
            node.execute_command("ACL", "SETUSER", "owner", "on", ">owned", "~*", "&*", "+@all")
    project.env["REDISTOPO_PASSWORD"] = "owned"
    for number, word in enumerate(("", "watching")):
        for port in sentinels if word else ():
            with closing(client(port)) as node:
                node.execute_command("SENTINEL", "CONFIG", "SET", "sentinel-pass", word)
                node.execute_command("ACL", "SETUSER", "default", "resetpass", f">{word}")
        where = ("-C", f"user{number}")
        project.env["REDISTOPO_SENTINEL_PASSWORD"] = word
        wanted = ("init", "--from", f"127.0.0.1:{sentinels[0]}", "--user", "owner")
        project.run(*where, *wanted, check=0)
        project.run(*where, "up", check=0)
        assert project.run(*where, "cli", "sentinel1", "--", "PING", check=0).out == "PONG\n"


def test_a_user_without_config_sees_less_and_is_told_what(
    project: Project, by_hand: ByHand
) -> None:
    first, second = project.port, project.port + 1
    for port in (first, second):
        conf = project.root / f"{port}.conf"
        follows = f"replicaof 127.0.0.1 {first}\n" if port == second else ""
        conf.write_text(f"port {port}\nbind 127.0.0.1\n{USERS}{follows}")
        by_hand.start_from(port, conf)
        listening(port, "root")
    linked(second, "root")
    before = traces((first, second), "root")
    project.env["REDISTOPO_PASSWORD"] = "opened"
    done = project.run("init", "--from", f"127.0.0.1:{second}", "--user", "ops", check=0)
    for out in (done.out, (project.root / "redistopo.toml").read_text()):
        assert "the settings of node1, node2" in out
        assert "alice" in out
    found = _file(project)
    assert (found["shape"], found["replicas"]) == ("replication", 1)
    assert found["adopted"]["user"] == "ops"
    assert found["redis"] == {"maxmemory": "64mb"}
    for _ in range(2):
        project.run("up", check=0)
    assert f"ops:opened@127.0.0.1:{first}" in project.run("url", check=0).out
    assert traces((first, second), "root") == before
    by_hand.end(second)
    silent = project.run("up", check=1)
    assert f"node2 at 127.0.0.1:{second}" in silent.err
    assert "node2" in project.run("status", check=0).out
    project.run("verify", "--timeout", "0s", check=3)
    by_hand.start_from(second, project.root / f"{second}.conf")
    listening(second, "root")
    project.run("up", check=0)


def test_a_setting_reaches_the_servers_and_their_own_files(
    project: Project, by_hand: ByHand
) -> None:
    conf = project.root / "own.conf"
    conf.write_text(f"port {project.port}\nbind 127.0.0.1\nsave 900 1\nmaxmemory 64mb\n")
    pid = by_hand.start_from(project.port, conf)
    listening(project.port)
    shape = project.run("init", "standalone", "--from", str(project.port), check=2)
    assert "reads the topology from its servers" in shape.err
    project.run("init", "--from", str(project.port), check=0)
    assert (_file(project)["shape"], _file(project)["redis"]["save"]) == ("standalone", "900 1")
    project.run("set", "maxmemory", "70mb", check=0)
    with closing(client(project.port)) as node:
        assert node.config_get("maxmemory") == {"maxmemory": str(70 * 1024**2)}
        assert str(70 * 1024**2) in conf.read_text() or "70mb" in conf.read_text()
        node.config_set("maxmemory", "80mb")
    assert "maxmemory" in project.run("plan", check=0).out
    project.run("up", check=0)
    with closing(client(project.port)) as node:
        assert node.config_get("maxmemory") == {"maxmemory": str(70 * 1024**2)}
        assert node.info("server")["process_id"] == pid
    for words in spread(REFUSED, 4):
        refused = project.run(*words, check=2)
        assert "doesn't work on adopted servers" in refused.err, words
    (project.root / "redistopo.toml").write_text("[adopted\n")
    assert "doesn't work on adopted servers" in project.run("down", check=2).err
    with closing(client(project.port)) as node:
        assert node.info("server")["process_id"] == pid


def test_a_copied_folder_connects_to_nothing_until_it_is_trusted(
    project: Project, by_hand: ByHand
) -> None:
    by_hand.start(project.port)
    listening(project.port)
    project.run("init", "--from", str(project.port), check=0)
    copy = project.root / "copy"
    copy.mkdir()
    shutil.copy(project.root / "redistopo.toml", copy)
    shutil.copytree(project.root / ".redistopo", copy / ".redistopo")
    with closing(client(project.port)) as node:
        connections = node.info("stats")["total_connections_received"]
        for words in spread(UNTRUSTED, 3):
            refused = project.run(*words, "--dir", copy, check=2)
            assert f"node1 127.0.0.1:{project.port}" in refused.err, words
        assert node.info("stats")["total_connections_received"] == connections
    project.run("up", "--trust", "--dir", copy, check=0)
    project.run("verify", "--dir", copy, check=0)


def test_what_is_no_topology_is_refused_and_leaves_nothing(
    project: Project, by_hand: ByHand
) -> None:
    ports = range(project.port, project.port + 3)
    for port in ports:
        by_hand.start(port, "--cluster-enabled", "yes")
        listening(port)
    with closing(client(ports[0])) as node:
        node.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 9999)
    unformed = project.run("init", "--from", str(ports[0]), check=1)
    assert "6384 of 16384 slots have no primary" in unformed.err
    free = project.port + 9
    assert (
        f"127.0.0.1:{free} doesn't reply" in project.run("init", "--from", str(free), check=1).err
    )
    assert "is not an address" in project.run("init", "--from", "127.0.0.1:x", check=2).err
    assert "options of --from" in project.run("init", "cluster", "--user", "me", check=2).err
    names = {path.name for path in project.root.iterdir()}
    assert names == {f"byhand-{port}" for port in ports}  # no file of ours
