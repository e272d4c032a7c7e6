"""TLS alone: what is encrypted, who is refused, and new certificates while everything runs."""

import socket
import ssl
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis, RedisCluster
from redis.exceptions import RedisError
from support.engines import PACKAGED, TLS
from support.findings import only
from support.forms import spread
from support.judge import await_written
from support.project import Project
from support.remedies import type_line
from support.waiting import until

needs_tls = pytest.mark.skipif(TLS is None, reason="no server with TLS: apt install redis-server")

KINDS = {
    "instant": ("cluster", "--formation", "instant"),
    "redis-cli": ("cluster", "--formation", "redis-cli"),
    "replication": ("replication",),
}


def _up(project: Project, *words: str) -> None:
    assert TLS is not None
    project.init(*words, "--tls", engine=TLS.path)
    project.up()


def _folder(project: Project) -> Path:
    return project.root / ".redistopo" / "tls"


def _options(project: Project) -> dict[str, Any]:
    """How an application comes in."""
    pem = str(_folder(project) / "client.pem")
    return {
        "password": project.password,
        "ssl": True,
        "ssl_ca_certs": str(_folder(project) / "ca.crt"),
        "ssl_certfile": pem,
        "ssl_keyfile": pem,
        "decode_responses": True,
    }


@contextmanager
def _client(project: Project, port: int) -> "Iterator[Redis]":
    with Redis("127.0.0.1", port, **_options(project)) as node:
        yield node


def _serial(project: Project, port: int) -> str:
    """The serial number of what a server presents, by Python's own ssl."""
    context = ssl.create_default_context(cafile=str(_folder(project) / "ca.crt"))
    context.load_cert_chain(_folder(project) / "client.pem")
    with (
        socket.create_connection(("127.0.0.1", port), timeout=3) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
    ):
        found = secure.getpeercert() or {}
    return str(found["serialNumber"])


def _in_plain(port: int) -> bytes:
    """What a client without TLS gets; a connection that is closed says enough."""
    with socket.create_connection(("127.0.0.1", port), timeout=3) as plain:
        plain.sendall(b"PING\r\n")
        try:
            return plain.recv(100)
        except ConnectionResetError:
            return b""


@needs_tls
@pytest.mark.parametrize("kind", spread(list(KINDS), 2))
def test_everything_goes_by_tls(project: Project, kind: str) -> None:
    _up(project, *KINDS[kind])
    for port in project.ports:
        with _client(project, port) as node:
            told = node.config_get("tls-*")
            assert told["tls-replication"] == "yes"
            assert told["tls-cluster"] == ("no" if kind == "replication" else "yes")
            assert node.config_get("port")["port"] == "0"
            info = node.info("replication")
            assert info["role"] == "master" or info["master_link_status"] == "up"
            if kind != "replication":
                assert node.execute_command("CLUSTER INFO")["cluster_state"] == "ok"
        assert b"PONG" not in _in_plain(port)
    assert project.run("verify").code == 0
    project.run("down", check=0)
    project.up()


@needs_tls
def test_by_ipv6_in_a_folder_of_any_name(projects: Callable[[str], Project]) -> None:
    project = projects('my "own" folder\'s été')
    _up(project, "cluster", "--host", "::1", "--acl", "--formation", "redis-cli")
    assert project.run("verify").code == 0
    project.run("certs", "renew", check=0)
    assert project.run("verify").code == 0


@needs_tls
def test_a_certificate_of_another_ca_is_refused(project: Project) -> None:
    _up(project, "standalone")
    foreign = str(_folder(project) / "stranger.pem")
    options = _options(project) | {"ssl_certfile": foreign, "ssl_keyfile": foreign}
    with Redis("127.0.0.1", project.port, **options) as node, pytest.raises(RedisError):
        node.ping()
    with _client(project, project.port) as node:
        node.config_set("tls-auth-clients", "no")
    with Redis("127.0.0.1", project.port, **options) as node:
        assert node.ping()
    done = project.run("verify")
    assert done.code == 3
    assert "a client with a certificate of another CA got '-NOAUTH" in done.out


@needs_tls
def test_another_ca_that_was_let_in_is_shut_out(projects: Callable[[str], Project]) -> None:
    project, other = projects("project"), projects("other")
    for one in (project, other):
        _up(one, "standalone")
    foreign, both = _folder(other) / "client.pem", project.root / "both.crt"
    both.write_text("".join((_folder(one) / "ca.crt").read_text() for one in (project, other)))
    (_folder(project) / "stranger.pem").write_text(foreign.read_text())
    options = _options(project) | {"ssl_certfile": str(foreign), "ssl_keyfile": str(foreign)}
    with _client(project, project.port) as node:
        node.config_set("tls-ca-cert-file", str(both))
    with Redis("127.0.0.1", project.port, **options) as node:
        assert node.ping()
    found = only(project.run("verify", "--json", "--timeout", "0", check=3), "access.tls", "fail")
    type_line(project, found["hint"])
    with Redis("127.0.0.1", project.port, **options) as node, pytest.raises(RedisError):
        node.ping()
    project.run("verify", check=0)


@needs_tls
def test_keys_are_private_and_the_addresses_are_named(project: Project) -> None:
    _up(project, "standalone")
    for path in _folder(project).iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    context = ssl.create_default_context(cafile=str(_folder(project) / "ca.crt"))
    context.load_cert_chain(_folder(project) / "client.pem")
    # by either name of this machine, and by no other
    for name, welcome in (("127.0.0.1", True), ("localhost", True), ("example.com", False)):
        with socket.create_connection(("127.0.0.1", project.port), timeout=3) as plain:
            if welcome:
                context.wrap_socket(plain, server_hostname=name).close()
            else:
                with pytest.raises(ssl.SSLCertVerificationError):
                    context.wrap_socket(plain, server_hostname=name)


@needs_tls
@pytest.mark.fault(
    "every certificate is renewed while clients write",
    "no command fails, and every server presents the new one",
)
def test_certificates_are_renewed_while_a_client_writes(project: Project) -> None:
    _up(project, "cluster", "--formation", "instant")
    enough = threading.Event()
    written: list[int] = []
    failures: list[str] = []

    def write() -> None:
        with RedisCluster("127.0.0.1", project.port, **_options(project)) as work:
            while not enough.is_set():
                try:
                    work.set(f"key:{len(written)}", "x")
                    written.append(len(written))
                except RedisError as error:
                    failures.append(repr(error))

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    until(lambda: len(written) > 50)
    before = {port: _serial(project, port) for port in project.ports}
    project.run("certs", "renew", "--days", "9", check=0)
    seen = len(written)
    until(lambda: len(written) > seen + 50 or failures)
    enough.set()
    writer.join(10)
    assert failures == []
    assert all(_serial(project, port) != before[port] for port in project.ports)
    # 9 days are soon over, and that is said before it is too late
    assert "(8 days); renew them" in project.run("status", check=0).out
    done = project.run("verify", check=0)
    assert "certificates expire on" in done.out
    project.run("certs", "renew", check=0)
    assert "expires on" not in project.run("verify", check=0).out


@needs_tls
def test_a_topology_with_tls_is_verified_by_its_address(project: Project) -> None:
    _up(project, "cluster", "--formation", "instant")
    folder = _folder(project)
    project.env["REDISTOPO_PASSWORD"] = project.password
    locks = ("--cacert", folder / "ca.crt", "--cert", folder / "client.pem")
    at = f"127.0.0.1:{project.ports[4]}"
    done = project.run("verify", "--connect", at, *locks, "--json", check=0)
    assert done.json["result"]["nodes"] == 6
    assert project.run("verify", "--connect", at).code == 3
    project.run("wait", "--for", "replicated", "--connect", at, *locks, check=0)
    refused = project.run("wait", "--connect", at, "--timeout", "0", check=3)
    assert "if it uses TLS: --cacert" in refused.out


@needs_tls
def test_tls_and_users_together_survive_a_crash(project: Project) -> None:
    _up(project, "cluster", "--acl", "--formation", "redis-cli")
    options = _options(project)
    with RedisCluster("127.0.0.1", project.port, **options) as node:
        node.set("kept", "yes")
        await_written(node.get_redis_connection(node.get_node_from_key("kept")))
    project.crash()
    project.up()
    with RedisCluster("127.0.0.1", project.port, **options) as node:
        assert node.get("kept") == "yes"


def test_an_engine_without_tls_is_refused_with_what_to_install(project: Project) -> None:
    project.init("standalone", "--tls", engine=PACKAGED.path)
    project.env["PATH"] = str(project.root)  # no other server is there
    refused = project.run("up", check=4)
    assert "built without TLS" in refused.err
    assert "install" in refused.err or "BUILD_TLS" in refused.err
    assert project.servers() == []
