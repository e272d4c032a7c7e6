"""Servers that clients elsewhere reach: every address is bound, another one is given to clients."""

import re
import socket

import pytest
import redis
from redis.sentinel import Sentinel
from support.engines import BUNDLED, INSTALLED, TLS
from support.project import Project

OTHER = "127.0.0.2"
"""An address of this machine that isn't that of redistopo's own connections."""

NAME = "redis-host.invalid"
"""A name that no resolver has (RFC 2606), as host.docker.internal outside of containers."""


def _set(project: Project, *lines: str) -> None:
    path = project.root / "redistopo.toml"
    text = path.read_text()
    for line in lines:
        key = line.partition(" ")[0]
        text = re.sub(rf"(?m)^#? ?{key} = .*$", line, text)
    path.write_text(text)


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client's machine, whose resolver has the name."""
    real = socket.getaddrinfo

    def found(host: object, *rest: object, **more: object) -> object:
        return real(OTHER if host == NAME else host, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", found)


def test_a_cluster_gives_clients_the_address_of_the_file(project: Project) -> None:
    where = ("--host", "0.0.0.0", "--announce-host", OTHER)
    project.init("cluster", "--formation", "instant", *where, engine=BUNDLED.path)
    done = project.up()
    assert "0.0.0.0 can be reached from other machines" in done.err
    with redis.Redis(host="127.0.0.1", port=project.port, password=project.password) as node:
        lines = str(node.execute_command("CLUSTER NODES"))
        assert lines.count(f"{OTHER}:") == 6
    seed = redis.cluster.ClusterNode("127.0.0.1", project.port)
    with redis.RedisCluster(startup_nodes=[seed], password=project.password) as client:
        assert {one.host for one in client.get_nodes()} >= {OTHER}
        for number in range(50):
            assert client.set(f"key{number}", number)
    found = project.run("verify", "--json", check=0).json["result"]["findings"]
    (reached,) = [one for one in found if one["check"] == "announce.reachable"]
    assert reached["status"] == "ok"
    assert all(address in project.run("url", check=0).out for address in (OTHER,))


def test_sentinels_give_clients_the_address_of_the_file(project: Project) -> None:
    where = ("--host", "0.0.0.0", "--announce-host", OTHER)
    project.init("sentinel", "--replicas", "1", *where, engine=BUNDLED.path)
    project.up()
    own = (project.root / ".redistopo" / "password.sentinel").read_text().strip()
    sentinels = Sentinel(
        [("127.0.0.1", project.port + 10)], sentinel_kwargs={"password": own}, decode_responses=True
    )
    name = project.root.name
    assert sentinels.discover_master(name) == (OTHER, project.port)
    assert sentinels.discover_slaves(name) == [(OTHER, project.port + 1)]
    project.run("failover", check=0)
    assert sentinels.discover_master(name) == (OTHER, project.port + 1)
    with sentinels.master_for(name, password=project.password) as primary:
        assert primary.set("a", "b")


def test_a_name_that_only_clients_know_is_given_and_reported(
    project: Project, resolved: None
) -> None:
    where = ("--host", "0.0.0.0", "--announce-host", NAME)
    project.init("cluster", "--formation", "instant", *where, engine=BUNDLED.path)
    project.up()
    found = project.run("verify", "--json", check=0).json["result"]["findings"]
    (reached,) = [one for one in found if one["check"] == "announce.reachable"]
    assert reached["status"] == "warn"
    assert f"{NAME}:{project.port}" in reached["evidence"]
    assert "could not be reached from here: the name can't be resolved" in reached["evidence"]
    assert {one["status"] for one in found if one["check"] == "data.write"} <= {"ok"}
    seed = redis.cluster.ClusterNode(OTHER, project.port)
    with redis.RedisCluster(startup_nodes=[seed], password=project.password) as client:
        assert {one.host for one in client.get_primaries()} == {NAME}
        for number in range(50):
            assert client.set(f"key{number}", number)


@pytest.mark.skipif("redis-6.2.14" not in INSTALLED, reason="no Redis 6.2")
def test_a_server_without_names_is_refused(project: Project) -> None:
    old = INSTALLED["redis-6.2.14"]
    where = ("--host", "0.0.0.0", "--announce-host", NAME)
    project.init("cluster", "--formation", "instant", *where, engine=old.path)
    assert f"can't announce the name {NAME}" in project.run("up", check=2).err
    assert project.servers() == []


@pytest.mark.skipif(TLS is None, reason="no server with TLS")
def test_certificates_have_the_name_that_clients_are_given(
    project: Project, resolved: None
) -> None:
    assert TLS is not None
    where = ("--host", "0.0.0.0", "--announce-host", NAME, "--shards", "1", "--replicas", "0")
    project.init("cluster", "--formation", "instant", "--tls", *where, engine=TLS.path)
    project.up()
    folder = project.root / ".redistopo" / "tls"
    files = {"ca_certs": "ca.crt", "certfile": "client.pem", "keyfile": "client.pem"}
    options = {f"ssl_{key}": str(folder / name) for key, name in files.items()}
    with redis.RedisCluster(
        host=NAME, port=project.port, password=project.password, ssl=True,
        ssl_check_hostname=True, **options,
    ) as client:  # fmt: skip
        assert client.set("a", "b")


def test_the_addresses_of_a_stopped_topology_can_be_changed(project: Project) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    with project.client() as node:
        assert node.ping()
    project.run("down", check=0)
    _set(project, 'host = "0.0.0.0"', f'announce_host = "{OTHER}"')
    project.up()
    seed = redis.cluster.ClusterNode("127.0.0.1", project.port)
    with redis.RedisCluster(startup_nodes=[seed], password=project.password) as client:
        assert {one.host for one in client.get_nodes()} >= {OTHER}
        assert client.set("a", "b")


def test_without_a_password_no_other_address_is_bound(project: Project) -> None:
    where = ("--host", "0.0.0.0", "--announce-host", OTHER)
    done = project.run("init", "cluster", "--no-auth", *where, check=2)
    assert "a server without a password may only bind a loopback address" in done.err
    done = project.run("init", "cluster", "--host", "0.0.0.0", check=2)
    assert "set announce_host to its address" in done.err
    done = project.run(
        "init", "cluster", "--host", "0.0.0.0", "--announce-host", "203.0.113.9", check=4
    )
    assert "this machine has no address 203.0.113.9" in done.err
