"""Data and secrets of a topology over several hosts, judged by redis-py and by the hosts' files."""

import hashlib
import json
import signal
import socket
import ssl
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from redis.exceptions import AuthenticationError
from support.forms import FULL
from support.local_hosts import LocalHosts
from support.mortal import nursery
from support.project import Project
from support.waiting import until

from redistopo.host.fleet import node_snapshot
from redistopo.model.state.diff import ChangeKind
from redistopo.ops.events import rounds
from redistopo.session.watched_topology import TargetRequest

whole = pytest.mark.skipif(not FULL, reason="in the whole form only: make test-hosts")
_PAIR = ('shape = "replication"', "replicas = 1")


@pytest.fixture
def hosts(project: Project, tmp_path: Path) -> Iterator[LocalHosts]:
    made = LocalHosts(project, tmp_path / "base")
    yield made
    made.cleanup()


def test_passwords_are_changed_and_data_is_saved(hosts: LocalHosts) -> None:
    """Without an outage: a connection stays open, and the replica follows; then its data is here,
    with the new password."""
    hosts.up(*_PAIR)
    before = hosts.project.password
    servers = hosts.servers()
    with hosts.first_at() as open_before:
        open_before.ping()
        hosts.project.run("secret", "rotate", check=0)
        assert open_before.set("after", "1")
    assert hosts.servers() == servers
    assert hosts.project.password != before
    for host in (1, 2):
        with hosts.first_at(host) as node:
            assert node.info("replication")["role"] == ("master" if host == 1 else "slave")
        with hosts.first_at(host, password=before) as node, pytest.raises(AuthenticationError):
            node.ping()
    texts = hosts.texts()
    assert [name for name, text in texts.items() if before in text] == []
    found = [name for name, text in texts.items() if hosts.project.password in text]
    assert sorted(found) == ["nodes/node1/redis.conf", "nodes/node2/redis.conf"]
    assert hosts.open_to_others() == []
    hosts.project.run("set", "maxmemory=99mb", check=0)
    assert "\nmaxmemory 99mb\n" in hosts.texts()["nodes/node2/redis.conf"]
    hosts.project.run("snapshot", "one", "--no-verify", check=0)
    saved = hosts.project.root / "snapshots" / "one" / "shard1.rdb"
    assert b"after" in saved.read_bytes()
    assert saved.stat().st_mode & 0o777 == 0o600


@whole
@pytest.mark.parametrize("lines", [_PAIR, (*_PAIR, "acl = true")])
def test_an_interrupted_rotation_is_finished_by_up(
    hosts: LocalHosts, lines: tuple[str, ...]
) -> None:
    """Killed at any step; whatever is on file opens every server even before."""
    hosts.up(*lines)
    with nursery() as mortal:
        count = len(mortal.run("rotate", hosts.project.root).boundaries)
        assert count > 10
        for n in range(1, count + 1, count // 6):
            before = hosts.project.password
            assert mortal.run("rotate", hosts.project.root, end_at=n).code in (0, -9)
            for host in (1, 2):
                with hosts.first_at(host) as node:
                    node.ping()
            hosts.project.run("up", check=0, seconds=300)
            assert not (hosts.project.root / ".redistopo" / "rotation.json").exists()
            for host in (1, 2):
                with hosts.first_at(host) as node:
                    node.ping()
            if hosts.project.password != before:
                assert not [name for name, text in hosts.texts().items() if before in text]
    hosts.project.run("verify", check=0)


def _serial(hosts: LocalHosts, host: int) -> int:
    """The serial number of the certificate that a server presents."""
    tls = hosts.project.root / ".redistopo" / "tls"
    context = ssl.create_default_context(cafile=str(tls / "ca.crt"))
    context.load_cert_chain(str(tls / "client.pem"))
    address = f"127.0.0.{host + 1}"
    with (
        socket.create_connection((address, hosts.project.port), 5) as plain,
        context.wrap_socket(plain, server_hostname=address) as wrapped,
    ):
        found = wrapped.getpeercert()
        assert found is not None
        return int(str(found["serialNumber"]), 16)


@whole
def test_certificates_are_renewed_on_all_hosts(hosts: LocalHosts) -> None:
    """In the running servers and for their next start; the key of the CA stays here."""
    hosts.up(*_PAIR, "tls = true")
    servers, before = hosts.servers(), [_serial(hosts, host) for host in (1, 2)]
    hosts.project.run("certs", "renew", check=0)
    after = [_serial(hosts, host) for host in (1, 2)]
    assert set(after).isdisjoint(before)
    assert hosts.servers() == servers
    key = (hosts.project.root / ".redistopo" / "tls" / "ca.key").read_text()
    assert not [name for name, text in hosts.texts().items() if key.split("\n")[1] in text]
    assert hosts.open_to_others() == []
    log = hosts.texts()["nodes/node1/redis.log"]
    hosts.project.run("events", "--for", "1s", check=0)
    assert hosts.texts()["nodes/node1/redis.log"] == log, "it had a connection without TLS"
    hosts.project.run("down", check=0, seconds=300)
    hosts.project.run("up", check=0, seconds=300)
    assert [_serial(hosts, host) for host in (1, 2)] == after
    hosts.project.run("verify", check=0)


@whole
def test_a_reset_node_rejoins(hosts: LocalHosts) -> None:
    hosts.up('shape = "cluster"', "shards = 3", "replicas = 1", "node_timeout = 2000", hosts=3)
    with hosts.first_at() as node:
        former = node.execute_command("CLUSTER MYID")
        keys = [
            one
            for n in range(100)
            if node.execute_command("CLUSTER KEYSLOT", one := f"k{n}") < 5461
        ]
        for key in keys:
            node.set(key, "1")
    hosts.project.run("reset", "node1", "--hard", "--yes", check=0, seconds=300)
    with hosts.first_at() as node:
        assert node.execute_command("CLUSTER MYID") != former
        assert node.dbsize() == 0
    hosts.project.run("up", check=0, seconds=300)
    with hosts.first_at() as node:
        # as planned: another host would have two of three primaries
        assert node.info("replication")["role"] == "master"
        assert node.dbsize() == len(keys)
    hosts.project.run("verify", check=0)


@whole
def test_a_snapshot_comes_through_the_network(hosts: LocalHosts) -> None:
    """With exactly the keys that a server which loads the file has; nothing is left there."""
    hosts.up(*_PAIR)
    with hosts.first_at() as primary:
        primary.function_load("#!lua name=lib\nredis.register_function('f', function() end)")
        primary.mset({f"key{n}": "value" for n in range(1000)})
        primary.set("gone", "soon", ex=1000)
    before = sorted(hosts.base.rglob("dump.rdb"))
    done = hosts.project.run("snapshot", "one", "--verify", "--json", check=0, seconds=300)
    shard = done.json["result"]["snapshot"]["shards"][0]
    assert (shard["role"], shard["keys"], shard["expiring"]) == ("replica", {"0": 1001}, 1)
    file = hosts.project.root / "snapshots" / "one" / "shard1.rdb"
    assert hashlib.sha256(file.read_bytes()).hexdigest() == shard["sha256"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(hosts.base.rglob("dump.rdb")) == before
    with hosts.first_at() as primary:
        primary.move("key1", 1)
    done = hosts.project.run("snapshot", "two", "--verify", "--json", check=0, seconds=300)
    saved = done.json["result"]["snapshot"]
    assert saved["shards"][0]["keys"] == {"0": 1000, "1": 1}
    assert saved["paused_ms"] is not None  # only then are the numbers exact


@whole
def test_a_snapshot_is_restored_and_imported(hosts: LocalHosts) -> None:
    """The data of before is there again, also after a restore that fails."""
    hosts.up(*_PAIR, *_LITTLE_MEMORY)
    with hosts.first_at() as primary:
        primary.mset({f"key{n}": "x" * 1000 for n in range(3000)})
    hosts.project.run("snapshot", "one", check=0, seconds=300)
    with hosts.first_at() as primary:
        primary.flushall()
        primary.set("later", "1")
    assert "--force" in hosts.project.run("restore", "one", check=2, seconds=300).err
    hosts.project.run("restore", "one", "--force", check=0, seconds=300)
    assert not (hosts.base / "nodes.before-restore").exists()
    for host in (1, 2):
        with hosts.first_at(host) as node:
            assert node.dbsize() == 3000
            assert node.get("key999") == "x" * 1000
    with hosts.first_at() as primary:
        primary.flushall()
        primary.set("mine", "1")
    _lower_memory(hosts)
    failed = hosts.project.run("restore", "one", "--force", check=1, seconds=300)
    assert "OOM" in failed.err
    assert not (hosts.base / "nodes.before-restore").exists()
    hosts.project.run("up", check=0, seconds=300)
    with hosts.first_at() as primary:
        assert primary.keys() == ["mine"]
        primary.config_set("maxmemory", "50mb")
    file = hosts.project.root / "snapshots" / "one" / "shard1.rdb"
    hosts.project.run("import", "--from", file, "--replace", check=0, seconds=300)
    with hosts.first_at(2) as replica:
        until(lambda: replica.dbsize() == 3001, what="the replica has what was imported")


_LITTLE_MEMORY = ("[redis]", 'maxmemory = "50mb"')


def _lower_memory(hosts: LocalHosts) -> None:
    """Of the running servers, and in the topology file."""
    file = hosts.project.root / "redistopo.toml"
    file.write_text(file.read_text().replace("50mb", "3mb"))
    hosts.project.run("up", check=0, seconds=300)


@whole
def test_a_clone_is_beside_the_first_topology(hosts: LocalHosts) -> None:
    hosts.up(*_PAIR)
    with hosts.first_at() as primary:
        primary.mset({f"key{n}": "x" for n in range(1000)})
    servers, copy = hosts.servers(), hosts.project.root.with_name("copy")
    beside = LocalHosts(replace(hosts.project, root=copy), Path(f"{hosts.base}-copy"))
    try:
        done = hosts.project.run("clone", str(copy), "--json", check=0, seconds=300)
        beside.project.port = done.json["result"]["ports"][0]
        assert hosts.servers() == servers
        assert len(beside.servers()) == 2
        assert beside.project.password != hosts.project.password
        for one, keys in ((hosts, 1000), (beside, 1001)):
            with one.first_at() as primary, one.first_at(2) as replica:
                if keys > 1000:
                    primary.set("own", "1")
                until(lambda seen=replica, keys=keys: seen.dbsize() == keys)
        beside.project.run("down", "--wipe", "--yes", check=0, seconds=300)
        assert not beside.base.exists()
    finally:
        beside.cleanup()
    assert hosts.servers() == servers


@whole
def test_logs_are_followed(hosts: LocalHosts) -> None:
    """Ctrl-C ends everything that was begun for it."""
    hosts.up(*_PAIR)
    following = hosts.project.begin("logs", "--follow", "--tail", "1")
    try:
        assert following.stdout is not None
        assert "node" in following.stdout.readline()
        with hosts.first_at(2) as replica:
            replica.bgsave()
        for line in following.stdout:
            if "node2" in line and "Background saving" in line:
                break
        children = psutil.Process(following.pid).children(recursive=True)
        following.send_signal(signal.SIGINT)
        assert following.wait(20) == 130
        until(lambda: not any(one.is_running() for one in children), 20)
    finally:
        following.kill()
        following.communicate()
    assert not list((hosts.project.root / ".redistopo").rglob("*.log"))


@whole
def test_events_show_a_node_as_soon_as_it_replies_again(
    hosts: LocalHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process is looked up at once, however long the last look would count."""
    monkeypatch.setattr(node_snapshot, "FRESH_SECONDS", 600.0)
    hosts.up(*_PAIR)
    with rounds(TargetRequest(root=hosts.project.root)) as next_round:

        def comes(kind: ChangeKind) -> bool:
            return ("node2", kind) in [(one.node, one.kind) for one in next_round().news]

        assert comes(ChangeKind.NOW)
        with hosts.first_at(2) as replica:
            replica.shutdown(nosave=True)
        until(lambda: comes(ChangeKind.GONE))
        hosts.project.up()
        until(lambda: comes(ChangeKind.BACK))


@whole
def test_a_topology_moves_to_other_ports_and_another_folder(hosts: LocalHosts) -> None:
    """Running, one node after the other; stopped, at the next start. The data stays."""
    project = hosts.project
    hosts.up(*_PAIR)
    with hosts.first_at() as primary:
        primary.set("key", "1")
        until(lambda: primary.info("replication")["slave0"]["lag"] < 2)
    assert "address of its own" in project.run("move", "--host", "127.0.0.9", check=2).err
    moved_to = project.run("move", "--port", str(project.port + 1), check=0, seconds=300)
    project.port += 1
    assert f"127.0.0.2, 127.0.0.3, ports {project.port}-{project.port}" in moved_to.out
    for host in (1, 2):
        with hosts.first_at(host) as node:
            assert node.get("key") == "1"
    assert len(hosts.servers()) == 2
    project.run("down", check=0, seconds=300)
    moved = project.root.with_name("moved")
    project.run("move", "--port", str(project.port + 1), "--dir", str(moved), check=0)
    project.port += 1
    project.run("up", "-C", str(moved), check=0, seconds=300)
    word = (moved / ".redistopo" / "password").read_text().strip()
    for host in (1, 2):
        with hosts.first_at(host, password=word) as node:
            assert node.get("key") == "1"
    project.run("down", "--wipe", "--yes", "-C", str(moved), check=0, seconds=300)
    assert not hosts.base.exists()


@whole
def test_doctor_and_bundle_look_at_the_hosts(hosts: LocalHosts) -> None:
    hosts.up('shape = "cluster"', "shards = 3", "replicas = 0", hosts=3)
    with hosts.first_at() as node:
        marked = node.execute_command("CLUSTER MYID")
    found = hosts.project.run("doctor", "--json", seconds=300).json["result"]
    assert found["started"] == "running"
    failed = [one for one in found["findings"] if one["status"] == "fail"]
    assert [one for one in failed if not one["check"].startswith("machine.")] == []
    out = hosts.project.root / "bundle.tar.gz"
    hosts.project.run("bundle", "--out", out, check=0, seconds=300)
    with tarfile.open(out) as archive:
        texts = {one.name.partition("/")[2]: archive.extractfile(one) for one in archive}
        read = {name: file.read().decode() for name, file in texts.items() if file}
    assert marked in read["nodes/node1/nodes.conf"]
    assert "Ready to accept connections" in read["nodes/node2/redis.log"]
    assert set(json.loads(read["hosts.json"])) == {"h1", "h2", "h3"}
    assert not [name for name, text in read.items() if hosts.project.password in text]
