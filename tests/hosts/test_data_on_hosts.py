"""Data and secrets of a topology over several hosts, judged by redis-py and by the hosts' files."""

import hashlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.exceptions import AuthenticationError
from support.forms import FULL
from support.loopback_hosts import LoopbackHosts
from support.mortal import nursery
from support.project import Project

whole = pytest.mark.skipif(not FULL, reason="in the whole form only: make test-hosts")
_PAIR = ('shape = "replication"', "replicas = 1")


@pytest.fixture
def hosts(project: Project, tmp_path: Path) -> Iterator[LoopbackHosts]:
    made = LoopbackHosts(project, tmp_path / "base")
    yield made
    made.cleanup()


def test_passwords_are_changed_on_all_hosts(hosts: LoopbackHosts) -> None:
    """Without an outage: a connection stays open, and the replica follows."""
    hosts.up(*_PAIR)
    before = hosts.project.password
    servers = hosts.servers()
    with hosts.client() as open_before:
        open_before.ping()
        hosts.project.run("secret", "rotate", check=0)
        assert open_before.set("after", "1")
    assert hosts.servers() == servers
    assert hosts.project.password != before
    for host in (1, 2):
        with hosts.client(host) as node:
            assert node.info("replication")["role"] == ("master" if host == 1 else "slave")
        with hosts.client(host, password=before) as node, pytest.raises(AuthenticationError):
            node.ping()
    texts = hosts.texts()
    assert [name for name, text in texts.items() if before in text] == []
    found = [name for name, text in texts.items() if hosts.project.password in text]
    assert sorted(found) == ["nodes/node1/redis.conf", "nodes/node2/redis.conf"]
    assert hosts.open_to_others() == []


@whole
@pytest.mark.parametrize("lines", [_PAIR, (*_PAIR, "acl = true")])
def test_an_interrupted_rotation_is_finished_by_up(
    hosts: LoopbackHosts, lines: tuple[str, ...]
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
                with hosts.client(host) as node:
                    node.ping()
            hosts.project.run("up", check=0)
            assert not (hosts.project.root / ".redistopo" / "rotation.json").exists()
            for host in (1, 2):
                with hosts.client(host) as node:
                    node.ping()
            if hosts.project.password != before:
                assert not [name for name, text in hosts.texts().items() if before in text]
    hosts.project.run("verify", check=0)


def _serial(hosts: LoopbackHosts, host: int) -> int:
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
def test_certificates_are_renewed_on_all_hosts(hosts: LoopbackHosts) -> None:
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
    hosts.project.run("down", check=0)
    hosts.project.run("up", check=0)
    assert [_serial(hosts, host) for host in (1, 2)] == after
    hosts.project.run("verify", check=0)


@whole
def test_a_reset_node_rejoins(hosts: LoopbackHosts) -> None:
    hosts.up('shape = "cluster"', "shards = 3", "replicas = 1", "node_timeout = 2000", hosts=3)
    with hosts.client() as node:
        former = node.execute_command("CLUSTER MYID")
        keys = [
            one
            for n in range(100)
            if node.execute_command("CLUSTER KEYSLOT", one := f"k{n}") < 5461
        ]
        for key in keys:
            node.set(key, "1")
    hosts.project.run("reset", "node1", "--hard", "--yes", check=0)
    with hosts.client() as node:
        assert node.execute_command("CLUSTER MYID") != former
        assert node.dbsize() == 0
    hosts.project.run("up", check=0)
    with hosts.client() as node:
        assert node.info("replication")["role"] == "slave"
        assert node.dbsize() == len(keys)
    hosts.project.run("verify", check=0)


def test_a_snapshot_comes_through_the_network(hosts: LoopbackHosts) -> None:
    """With exactly the keys that a server which loads the file has; nothing is left there."""
    hosts.up(*_PAIR)
    with hosts.client() as primary:
        primary.function_load("#!lua name=lib\nredis.register_function('f', function() end)")
        primary.mset({f"key{n}": "value" for n in range(1000)})
        primary.set("gone", "soon", ex=1000)
    before = sorted(hosts.base.rglob("dump.rdb"))
    done = hosts.project.run("snapshot", "one", "--verify", "--json", check=0)
    shard = done.json["result"]["snapshot"]["shards"][0]
    assert (shard["role"], shard["keys"], shard["expiring"]) == ("replica", {"0": 1001}, 1)
    file = hosts.project.root / "snapshots" / "one" / "shard1.rdb"
    assert hashlib.sha256(file.read_bytes()).hexdigest() == shard["sha256"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(hosts.base.rglob("dump.rdb")) == before
