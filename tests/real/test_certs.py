"""Certificates that are damaged, lost or expired: what is mended, and what is asked first."""

import json
import signal
import socket
import ssl
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from redis import Redis
from support.engines import INSTALLED, PACKAGED, TLS
from support.findings import only
from support.forms import spread
from support.project import Project
from support.remedies import type_line

from redistopo.model.topology.project_paths import TlsFolder
from redistopo.project.certificate_authority import load_authority, sign

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(TLS is None, reason="no server with TLS: apt install redis-server")


def _up(project: Project, *words: str) -> Path:
    """The topology runs; its folder of certificates."""
    assert TLS is not None
    project.init(*words, "--tls", engine=TLS.path)
    project.up()
    return project.root / ".redistopo" / "tls"


@contextmanager
def _client(project: Project, folder: Path) -> "Iterator[Redis]":
    pem = str(folder / "client.pem")
    with Redis(
        "127.0.0.1", project.port, password=project.password, ssl=True,
        ssl_ca_certs=str(folder / "ca.crt"), ssl_certfile=pem, ssl_keyfile=pem,
    ) as node:  # fmt: skip
        yield node


@pytest.mark.parametrize("name", ["client.pem", "ca.crt"])
@pytest.mark.parametrize("damage", spread(["garbage", "gone"], 1))
def test_damaged_certificates_never_lock_down(project: Project, name: str, damage: str) -> None:
    folder = _up(project, "standalone")
    if damage == "gone":
        (folder / name).unlink()
    else:
        (folder / name).write_text("garbage\n")
    project.run("status", check=0)
    failed = project.run("verify", "--timeout", "0s", check=3)
    assert "can't be used" in failed.out
    assert "redistopo certs renew" in failed.out
    project.run("down", check=0)
    assert project.servers() == []


def test_a_sentinel_has_its_new_certificate_after_its_restart(project: Project) -> None:
    folder = _up(project, "sentinel", "--replicas", "1", "--sentinels", "1")
    context = ssl.create_default_context(cafile=folder / "ca.crt")
    context.load_cert_chain(folder / "client.pem")

    def presented() -> str:
        with (
            socket.create_connection(("127.0.0.1", project.port + 10), 5) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as wrapped,
        ):
            return ssl.DER_cert_to_PEM_cert(wrapped.getpeercert(binary_form=True) or b"")

    before = presented()
    renewed = project.run("certs", "renew", check=1)
    assert presented() == before
    assert "start: redistopo restart sentinel1\n" in renewed.err
    project.run("restart", "sentinel1", check=0)
    assert presented() != before


def test_the_certificate_of_clients_cannot_serve(project: Project) -> None:
    folder = _up(project, "standalone")
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(folder / "client.pem")
    asking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    asking.load_verify_locations(folder / "ca.crt")
    asking.check_hostname = False
    ends = [ssl.MemoryBIO() for _ in range(2)]
    client = asking.wrap_bio(ends[0], ends[1])
    server = serving.wrap_bio(ends[1], ends[0], server_side=True)
    for one in (client, server):
        with pytest.raises(ssl.SSLWantReadError):
            one.do_handshake()
    with pytest.raises(ssl.SSLCertVerificationError, match="purpose"):
        client.do_handshake()
    with _client(project, folder) as node:
        assert node.ping()


def test_renew_mends_a_damaged_certificate_while_servers_run(project: Project) -> None:
    folder = _up(project, "replication")
    (folder / "client.pem").write_text("garbage\n")
    project.run("certs", "renew", check=0)
    project.run("verify", check=0)


@pytest.mark.parametrize("lost", ["ca.key", "ca.crt"])
def test_a_new_ca_is_made_only_when_asked_for(project: Project, lost: str) -> None:
    folder = _up(project, "replication")
    held = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != lost}
    (folder / lost).unlink()
    for words in (("certs", "renew"), ("up",), ("certs", "renew", "--new-ca")):
        assert "redistopo down, then redistopo certs renew --new-ca" in (
            project.run(*words, check=1).err
        )
    project.run("down", check=0)
    for words in (("up",), ("certs", "renew")):
        assert f"{lost} is missing" in project.run(*words, check=1).err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == held
    made = project.run("certs", "renew", "--new-ca", check=0)
    assert "have a new CA" in made.out
    project.up()
    project.run("verify", check=0)
    with _client(project, folder) as node:
        assert node.ping()


def test_another_host_is_for_stopped_nodes_which_get_certificates_for_it(project: Project) -> None:
    folder = _up(project, "replication")
    before = (folder / "node1.pem").read_bytes()
    file = project.root / "redistopo.toml"
    text = file.read_text()
    file.write_text(
        text.replace("127.0.0.1", "127.0.0.2")
        if "host =" in text
        else text.replace("tls = true", 'tls = true\nhost = "127.0.0.2"')
    )
    for words in (("certs", "renew"), ("up",)):
        refused = project.run(*words, check=2).err
        assert "redistopo down, then redistopo up: the data is kept" in refused
    assert (folder / "node1.pem").read_bytes() == before
    project.run("down", check=0)
    project.up()
    pem = str(folder / "client.pem")
    with Redis(
        "127.0.0.2", project.port, password=project.password, ssl=True,
        ssl_ca_certs=str(folder / "ca.crt"), ssl_certfile=pem, ssl_keyfile=pem,
    ) as node:  # fmt: skip
        assert node.ping()


def test_up_makes_damaged_and_expired_certificates_anew(project: Project) -> None:
    folder = _up(project, "replication")
    project.run("down", check=0)
    (folder / "node2.pem").write_text("garbage\n")
    (folder / "client.pem").write_text("garbage\n")
    done = project.up()
    assert "renewed, since damaged or expired: node2.pem, client.pem" in done.err
    project.run("down", check=0)
    made = json.loads((folder / "made.json").read_text())
    (folder / "made.json").write_text(json.dumps({**made, "until": 1}))
    assert "node1.pem, node2.pem, node3.pem" in project.up().err
    assert "renewed" not in project.up().err


def test_who_presents_an_expired_certificate_is_told_what_to_do(project: Project) -> None:
    folder = _up(project, "standalone")
    signer = load_authority(TlsFolder(folder))
    assert signer is not None
    (folder / "node1.pem").write_text(sign(signer, "node1", ["127.0.0.1"], 0))
    with _client(project, folder) as node:
        node.config_set("tls-cert-file", str(folder / "node1.pem"))
    failed = project.run("verify", "--timeout", "0s", check=3)
    assert "certificates expired" in failed.out
    assert "redistopo certs renew" in failed.out
    renewed = project.run("certs", "renew", check=1)
    assert "redistopo down, then up" in renewed.err
    project.run("down", check=0)
    project.up()


def test_a_certificate_that_expires_soon_is_renewed_by_what_is_printed(project: Project) -> None:
    folder = _up(project, "standalone")
    signer = load_authority(TlsFolder(folder))
    assert signer is not None
    (folder / "node1.pem").write_text(sign(signer, "node1", ["127.0.0.1"], 2))
    with _client(project, folder) as node:
        node.config_set("tls-cert-file", str(folder / "node1.pem"))
    soon = only(project.run("verify", "--json", check=0), "access.certificates", "warn")
    type_line(project, soon["hint"])
    assert only(project.run("verify", "--json", check=0), "access.certificates", "ok")


def test_renew_says_who_did_not_take_its_new_certificate(project: Project) -> None:
    folder = _up(project, "replication")
    frozen = project.servers()[0]
    frozen.send_signal(signal.SIGSTOP)
    failed = project.run("certs", "renew", check=1)
    assert "run certs renew again when it does" in failed.err
    frozen.send_signal(signal.SIGCONT)
    project.run("certs", "renew", check=0)
    assert (folder / "made.json").exists()


def test_an_engine_with_tls_that_was_not_asked_for_is_named(project: Project) -> None:
    able = next(one for one in INSTALLED.values() if one.tls)
    asked = f"{PACKAGED.product.value} {PACKAGED.version.major}"
    there = f"{able.product.value} {able.version.major}.{able.version.minor}"
    for engine in (asked, PACKAGED.path):
        project.init("standalone", "--tls", "--force", engine=engine)
        refused = project.run("up", check=4).err
        assert f'engine = "{there}"' in refused
        assert "apt-get" not in refused
        assert "none here is" not in refused


def test_verify_by_address_says_what_tls_needs(project: Project) -> None:
    folder = _up(project, "standalone")
    project.env["REDISTOPO_PASSWORD"] = project.password
    at = ("verify", "--connect", f"127.0.0.1:{project.port}")
    ca, pem = ("--cacert", folder / "ca.crt"), ("--cert", folder / "client.pem")
    for given in ((), ca):
        assert "--cacert CA.crt --cert CLIENT.pem" in project.run(*at, *given, check=3).err
    project.run(*at, *ca, *pem, check=0)
    project.run(*at, *pem, check=2)
    for alone in (ca, pem, ("--user", "somebody")):
        assert "--connect" in project.run("verify", *alone, check=2).err


def test_every_line_to_connect_by_tls_can_work(project: Project) -> None:
    assert TLS is not None
    project.init("standalone", "--tls", engine=TLS.path)
    told = json.loads(project.run("up", "--json", check=0).out)["result"]["connect"]
    lines = dict(told["libraries"])
    assert list(lines) == ["Python, redis-py", "Node, ioredis"]
    assert all("ca.crt" in line and "client.pem" in line for line in lines.values())
